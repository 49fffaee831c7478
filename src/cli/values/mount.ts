import type { MountOption } from "../../engine/index.ts";
import { SampanError } from "../../errors/index.ts";
import { parseBoolean } from "./boolean.ts";
import { choiceHint, parseChoice } from "./choice.ts";
import { parseFields } from "./comma-separated.ts";
import { invalid, quote } from "./invalid.ts";
import { mergeMount, PROPAGATIONS } from "./mount-attributes.ts";
import { parseBindSource } from "./mount-source.ts";
import { splitFirst } from "./pair.ts";
import { parseMountTarget } from "./path.ts";
import { parsePositiveSize } from "./size.ts";
import { parseMode } from "./tmpfs.ts";

const TYPES = ["bind", "tmpfs"] as const;
/** A plain read-only bind leaves the mounts below it as they are, so `writable` adds nothing to the default. */
const RECURSIONS: Readonly<Record<string, Partial<MountOption>>> = {
  enabled: {},
  disabled: { nonRecursive: true },
  writable: {},
  readonly: { readOnly: true, recursiveReadOnly: true },
};

type Type = MountOption["type"];

interface MountKey {
  readonly name: string;
  readonly aliases?: readonly string[];
  /** Which type it belongs to; both when absent. */
  readonly type?: Type;
  /** What a key without `=` means; a key with none needs a value. */
  readonly bare?: string;
  says(value: string, place: { readonly type: Type; readonly cwd: string }): Partial<MountOption>;
}

const KEYS: readonly MountKey[] = [
  { name: "type", says: () => ({}) },
  {
    name: "source",
    aliases: ["src"],
    type: "bind",
    says: (value, { cwd }) => ({ source: parseBindSource(value, cwd) }),
  },
  { name: "target", aliases: ["dst", "destination"], says: (value) => ({ target: parseMountTarget(value) }) },
  { name: "readonly", aliases: ["ro"], bare: "true", says: (value, { type }) => parseReadOnly(value, type) },
  {
    name: "bind-propagation",
    type: "bind",
    says: (value) => ({ propagation: parseChoice(value, PROPAGATIONS, "a propagation") }),
  },
  {
    name: "bind-nonrecursive",
    type: "bind",
    bare: "true",
    says: (value) => ({ nonRecursive: parseBoolean(value) }),
  },
  {
    name: "bind-recursive",
    type: "bind",
    says: (value) => RECURSIONS[parseChoice(value, Object.keys(RECURSIONS), "a recursion")] ?? {},
  },
  { name: "tmpfs-size", type: "tmpfs", says: (value) => ({ sizeBytes: parsePositiveSize(value) }) },
  { name: "tmpfs-mode", type: "tmpfs", says: (value) => ({ mode: parseMode(value) }) },
];

/** `type=bind,source=./data,target=/data,readonly`; unlike `-v` a missing source is an error when the run starts. */
export function parseMount(value: string, cwd: string): MountOption {
  const fields = parseFields(value).map((field) => splitFirst(field, "="));
  const type = mountType(fields.find(([name]) => name === "type")?.[1]);
  const said = fields.map(([name, given]) => parseKey(name, given, { type, cwd }));
  const { target, ...rest } = said.reduce<Partial<MountOption>>(mergeMount, {});
  if (target === undefined)
    throw invalid(`${quote(value)} has no target`, "Write target=PATH, a path in the container.");
  if (type === "bind" && rest.source === undefined) {
    throw invalid(`${quote(value)} has no source`, "Write source=PATH, a folder or file of this host.");
  }
  return { ...rest, type, target };
}

/** The names that may stand before `=`. */
export function mountKeys(): readonly string[] {
  return KEYS.map((key) => key.name);
}

function mountType(type: string | undefined): Type {
  if (type === undefined) throw invalid("type is missing", "Write type=bind or type=tmpfs.");
  if (type === "volume") throw invalid('type "volume" comes with the engine', "For a folder write type=bind.");
  return parseChoice(type, TYPES, "a type of mount");
}

function parseKey(
  name: string,
  given: string | undefined,
  place: { readonly type: Type; readonly cwd: string },
): Partial<MountOption> {
  const key = KEYS.find((candidate) => candidate.name === name || candidate.aliases?.includes(name));
  if (key === undefined) throw invalid(`${quote(name)} is not a key`, choiceHint(name, mountKeys()));
  if (key.type !== undefined && key.type !== place.type) {
    throw invalid(`${name} means nothing for type=${place.type}`, `It belongs to type=${key.type}.`);
  }
  const value = given ?? key.bare;
  if (value === undefined) throw invalid(`${name} has no value`, `Write ${name}=VALUE.`);
  return named(name, () => key.says(value, place));
}

/** Names the key in the error: `--mount: tmpfs-size: "12q" is not a size`. */
function named<Result>(name: string, parse: () => Result): Result {
  try {
    return parse();
  } catch (error) {
    throw error instanceof SampanError ? invalid(`${name}: ${error.message}`, error.hint ?? "") : error;
  }
}

function parseReadOnly(value: string, type: Type): Partial<MountOption> {
  if (value !== "recursive") return { readOnly: parseBoolean(value) };
  if (type === "bind") return { readOnly: true, recursiveReadOnly: true };
  throw invalid('"recursive" means nothing for type=tmpfs', "Write readonly alone.");
}
