import type { MountOption } from "../../engine/index.ts";
import { alternatives, choiceHint } from "./choice.ts";
import { invalid, quote } from "./invalid.ts";
import { mergeMount } from "./mount-attributes.ts";
import { splitFirst } from "./pair.ts";
import { parseMountTarget } from "./path.ts";
import { parsePositiveSize } from "./size.ts";

/** Passed on as they are: flags of mount(8) and settings of tmpfs(5). */
const FLAGS: readonly string[] = [
  "exec",
  "noexec",
  "suid",
  "nosuid",
  "dev",
  "nodev",
  "noatime",
  "nodiratime",
  "relatime",
  "strictatime",
];
const SETTINGS: readonly string[] = ["uid", "gid", "nr_inodes", "nr_blocks", "huge"];

/** `PATH[:OPTIONS]`: `/run`, `/tmp:size=64m,mode=1777,noexec`. */
export function parseTmpfs(value: string): MountOption {
  const [path, options] = splitFirst(value, ":");
  const mount: MountOption = { type: "tmpfs", target: parseMountTarget(path) };
  return options === undefined ? mount : options.split(",").map(parseOption).reduce<MountOption>(mergeMount, mount);
}

export function tmpfsOptions(): readonly string[] {
  return ["ro", "rw", "size=", "mode=", ...FLAGS, ...SETTINGS.map((name) => `${name}=`)];
}

/** Permission bits in octal: `1777`, `0700`. */
export function parseMode(value: string): number {
  if (/^[0-7]{1,5}$/.test(value) && Number.parseInt(value, 8) <= 0o7777) return Number.parseInt(value, 8);
  throw invalid(`${quote(value)} is not a file mode`, "Write permission bits in octal, such as 1777.");
}

function parseOption(option: string): Partial<MountOption> {
  const [name, value] = splitFirst(option, "=");
  return value === undefined ? parseFlag(name) : parseSetting(name, value);
}

function parseFlag(name: string): Partial<MountOption> {
  if (name === "ro" || name === "rw") return { readOnly: name === "ro" };
  if (FLAGS.includes(name)) return { options: [name] };
  throw notAnOption(name);
}

function parseSetting(name: string, value: string): Partial<MountOption> {
  // tmpfs(5) also knows a share of the memory, which only the kernel can compute.
  if (name === "size" && /^\d+%$/.test(value)) return { options: [`size=${value}`] };
  if (name === "size") return { sizeBytes: parsePositiveSize(value) };
  if (name === "mode") return { mode: parseMode(value) };
  if (SETTINGS.includes(name) && value !== "") return { options: [`${name}=${value}`] };
  throw notAnOption(name);
}

function notAnOption(name: string): Error {
  const names = tmpfsOptions().map((option) => option.replace("=", ""));
  const hint = choiceHint(name, names);
  return invalid(
    `${quote(name)} is not an option of tmpfs`,
    hint.startsWith("Did") ? hint : `Write some of ${alternatives(names)}.`,
  );
}
