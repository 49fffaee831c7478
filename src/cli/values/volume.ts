import type { MountOption } from "../../engine/index.ts";
import { choiceHint } from "./choice.ts";
import { invalid, quote } from "./invalid.ts";
import { mergeMount, PROPAGATIONS, UNSUPPORTED } from "./mount-attributes.ts";
import { parseBindSource } from "./mount-source.ts";
import { parseMountTarget } from "./path.ts";

interface VolumeOption {
  /** Words of one group exclude each other. */
  readonly group: string;
  readonly says: Partial<MountOption>;
}

/** The words after the second colon. */
const OPTIONS: Readonly<Record<string, VolumeOption>> = {
  ro: { group: "access", says: { readOnly: true } },
  rw: { group: "access", says: {} },
  rro: { group: "access", says: { readOnly: true, recursiveReadOnly: true } },
  bind: { group: "depth", says: { nonRecursive: true } },
  rbind: { group: "depth", says: {} },
  ...Object.fromEntries(PROPAGATIONS.map((word) => [word, { group: "propagation", says: { propagation: word } }])),
  exec: { group: "exec", says: { options: ["exec"] } },
  noexec: { group: "exec", says: { options: ["noexec"] } },
  suid: { group: "suid", says: { options: ["suid"] } },
  nosuid: { group: "suid", says: { options: ["nosuid"] } },
  dev: { group: "dev", says: { options: ["dev"] } },
  nodev: { group: "dev", says: { options: ["nodev"] } },
};

/** `SOURCE:TARGET[:OPTIONS]` as for Docker and Podman; a missing source folder is made. */
export function parseVolume(value: string, cwd: string): MountOption {
  const [source = "", target, options, ...more] = value.split(":");
  if (target === undefined) {
    throw invalid(`${quote(value)} has no target`, "Write SOURCE:TARGET[:OPTIONS], such as ./data:/data:ro.");
  }
  if (more.length > 0) {
    throw invalid(
      `${quote(value)} has too many colons`,
      "For paths with a colon use --mount type=bind,source=PATH,target=PATH.",
    );
  }
  const mount: MountOption = {
    type: "bind",
    source: parseBindSource(source, cwd),
    target: parseMountTarget(target),
    createSource: true,
  };
  return options === undefined ? mount : addOptions(mount, options.split(","));
}

/** What may be written after the second colon. */
export function volumeOptions(): readonly string[] {
  return Object.keys(OPTIONS);
}

function addOptions(mount: MountOption, words: readonly string[]): MountOption {
  const seen = new Map<string, string>();
  let result = mount;
  for (const word of words) {
    const option = Object.hasOwn(OPTIONS, word) ? OPTIONS[word] : undefined;
    if (option === undefined) throw refused(word);
    const earlier = seen.get(option.group);
    if (earlier !== undefined) {
      throw invalid(`${quote(earlier)} and ${quote(word)} exclude each other`, "Keep one of them.");
    }
    seen.set(option.group, word);
    result = mergeMount(result, option.says);
  }
  return result;
}

function refused(word: string): Error {
  const reason = UNSUPPORTED[word];
  if (reason !== undefined) return invalid(`the option ${quote(word)} cannot be honoured`, reason);
  return invalid(`${quote(word)} is not a mount option`, choiceHint(word, volumeOptions()));
}
