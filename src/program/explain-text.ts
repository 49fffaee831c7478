/** Values as text for people: quoted, shortened, and harmless on a terminal. */
import type { Argument, Bytes, Register, Text, Vector } from "./program.ts";

/** How much is shown; `full` hides nothing. */
export interface Style {
  readonly full: boolean;
}

const LONGEST_STRING = 72;
const STRING_HEAD = 44;
const STRING_TAIL = 20;
const LONGEST_LIST = 6;
const LONGEST_BYTES = 16;

/** Names and paths come from images: escape sequences and marks that reorder text must not reach a terminal. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with every character that a terminal would act upon as an escape. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return "\\t";
    const code = character.codePointAt(0) ?? 0;
    return code > 0xffff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

function escapeText(text: string): string {
  return printable(text.replace(/[\\"]/g, "\\$&"));
}

/** The middle of a long path says least: `"/var/lib/sampan…/merged"`. */
function shorten(text: string): string {
  const characters = [...text];
  if (characters.length <= LONGEST_STRING) return escapeText(text);
  return `${escapeText(characters.slice(0, STRING_HEAD).join(""))}…${escapeText(characters.slice(-STRING_TAIL).join(""))}`;
}

export function quote(text: string, style: Style): string {
  return `"${style.full ? escapeText(text) : shorten(text)}"`;
}

/** A register by its name: `<rootfs>`. */
export function name(register: Register): string {
  return `<${printable(register.name)}>`;
}

export function quoteText(text: Text, style: Style): string {
  return `${quote(text.prefix, style).slice(0, -1)}${name(text.register)}"`;
}

export function list(vector: Vector, style: Style): string {
  const values = vector.values.map((value) =>
    typeof value === "string" ? quote(value, style) : quoteText(value, style),
  );
  if (style.full || values.length <= LONGEST_LIST) return `[${values.join(", ")}]`;
  return `[${values.slice(0, LONGEST_LIST - 1).join(", ")}, … ${values.length - LONGEST_LIST + 1} more]`;
}

function asText(value: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    return /^[^\p{Cc}]*$/u.test(text.replace(/[\n\t]/g, "")) ? text : undefined;
  } catch {
    return undefined;
  }
}

/** Bytes without a structure: as text when that is what they are, otherwise in hexadecimal. */
export function dump({ value, fills = [] }: Bytes, style: Style): string {
  if (value.length === 0) return "[]";
  const text = fills.length === 0 ? asText(value) : undefined;
  if (text !== undefined) return quote(text, style);
  const shown = style.full ? value : value.subarray(0, LONGEST_BYTES);
  const hex = Array.from(shown, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
  const more = shown.length < value.length ? `${hex} … ${value.length} bytes` : hex;
  const filled = fills.map((fill) => `, ${name(fill.register)} at ${fill.at}`).join("");
  return `[${more}${filled}]`;
}

export function isNumber(value: Argument | undefined): value is number | bigint {
  return typeof value === "number" || typeof value === "bigint";
}
