/** The notes of an image: what the executor carries and never reads. Every field is checked; unknown ones are refused. */
import type { Section } from "./program.ts";
import { PROTOCOL } from "./protocol.ts";

export interface Notes {
  readonly why: readonly string[];
  readonly sections: readonly Section[];
  readonly registers: readonly string[];
  readonly buffers: readonly { readonly name: string; readonly size: number }[];
}

/** Thrown while an image is decoded; `decode` turns it into a SampanError that names the step. */
export class Malformed extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string, names: readonly string[]): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Malformed(`${what}: no object`);
  const extra = Object.keys(value).find((key) => !names.includes(key));
  if (extra !== undefined) throw new Malformed(`${what}: unknown field ${JSON.stringify(extra.slice(0, 40))}`);
  const missing = names.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw new Malformed(`${what}: no field "${missing}"`);
  return value as Fields;
}

function strings(value: unknown, what: string): readonly string[] {
  if (!Array.isArray(value) || !value.every((item) => typeof item === "string"))
    throw new Malformed(`${what} is no list of strings`);
  return value;
}

function list(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new Malformed(`${what} is no list`);
  return value;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function sectionsOf(value: unknown, opCount: number): readonly Section[] {
  let previous = -1;
  return list(value, "its list of sections").map((item) => {
    const { from, process } = fieldsOf(item, "a section", ["from", "process"]) as Readonly<
      Record<keyof Section, unknown>
    >;
    if (!isCount(from) || typeof process !== "string") throw new Malformed("a section is malformed");
    if (from <= previous || from >= opCount) throw new Malformed("its sections are out of order or outside of it");
    previous = from;
    return { from, process };
  });
}

function buffersOf(value: unknown, dataSize: number): Notes["buffers"] {
  let end = 0;
  return list(value, "its list of buffers").map((item) => {
    const [name, size] = Array.isArray(item) && item.length === 2 ? item : [];
    if (typeof name !== "string" || !isCount(size) || size === 0) throw new Malformed("a buffer is malformed");
    end = Math.ceil(end / 8) * 8 + size;
    if (end > dataSize) throw new Malformed("its buffers do not fit into the data");
    return { name, size };
  });
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new Malformed("its notes are not UTF-8 JSON", { cause });
  }
}

/**
 * Reads the notes of an image with `opCount` operations and `dataSize` bytes of data.
 *
 * @throws Malformed saying what is wrong
 */
export function decodeNotes(bytes: Uint8Array, opCount: number, dataSize: number): Notes {
  const notes = fieldsOf(parse(bytes), "its notes", ["why", "sections", "registers", "buffers"]);
  const { why, sections, registers, buffers } = notes as Readonly<Record<keyof Notes, unknown>>;
  const reasons = strings(why, "its list of reasons");
  if (reasons.length !== opCount) throw new Malformed(`it has ${opCount} operations and ${reasons.length} reasons`);
  const names = strings(registers, "its list of registers");
  if (names.length > PROTOCOL.registers) throw new Malformed(`it names more than ${PROTOCOL.registers} registers`);
  return {
    why: reasons,
    sections: sectionsOf(sections, opCount),
    registers: names,
    buffers: buffersOf(buffers, dataSize),
  };
}
