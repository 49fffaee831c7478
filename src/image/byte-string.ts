/**
 * Linux's file names are bytes, and archives hold names in any encoding. A `ByteString` is a string with one character
 * per byte (Latin-1), so that names are compared and cut as strings and still reach the kernel byte for byte.
 */
import { isUtf8 } from "node:buffer";

export type ByteString = string;

const PRINTABLE_ASCII = /^[ -~]*$/;
const SHOWN_LENGTH = 160;

export function fromText(text: string): ByteString {
  return PRINTABLE_ASCII.test(text) ? text : Buffer.from(text, "utf8").toString("latin1");
}

/** As `node:fs` takes it. */
export function toPath(name: ByteString): string | Buffer {
  return PRINTABLE_ASCII.test(name) ? name : Buffer.from(name, "latin1");
}

/** The text that these bytes are in UTF-8, or nothing when they are not. */
export function toText(name: ByteString): string | undefined {
  if (PRINTABLE_ASCII.test(name)) return name;
  const bytes = Buffer.from(name, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
}

/** For people: quoted, control characters escaped (a name must not steer a terminal), and not longer than a line. */
export function quote(name: ByteString): string {
  const text = toText(name) ?? name;
  const shown = text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text;
  return JSON.stringify(shown).replace(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
