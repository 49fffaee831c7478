import { invalidArchive } from "./archive-errors.ts";
import type { ByteString } from "./byte-string.ts";

export type PaxRecords = Record<string, ByteString>;

const SPACE = 0x20;
const NEWLINE = 0x0a;
const LENGTH_DIGITS = 10;

/** The end of one record `LENGTH KEYWORD=VALUE\n`, where LENGTH counts the whole record. */
function recordEnd(bytes: Buffer, at: number, space: number): number {
  const length = space < 0 || space - at > LENGTH_DIGITS ? Number.NaN : Number(bytes.toString("latin1", at, space));
  const end = at + length;
  const fits = Number.isInteger(length) && end > space + 1 && end <= bytes.length && bytes[end - 1] === NEWLINE;
  if (!fits) throw invalidArchive("has a malformed extended header (PAX)");
  return end;
}

/**
 * The records of a PAX extended header (POSIX.1-2017, pax, "pax Extended Header"), values byte for byte:
 * `SCHILY.xattr.security.capability` is binary, and a decoder that expects UTF-8 destroys it.
 */
export function decodePax(bytes: Buffer): PaxRecords {
  const records: PaxRecords = Object.create(null);
  let at = 0;
  while (at < bytes.length && bytes[at] !== 0) {
    const space = bytes.indexOf(SPACE, at);
    const end = recordEnd(bytes, at, space);
    const record = bytes.toString("latin1", space + 1, end - 1);
    const equals = record.indexOf("=");
    if (equals < 1) throw invalidArchive("has a malformed extended header (PAX)");
    records[record.slice(0, equals)] = record.slice(equals + 1);
    at = end;
  }
  return records;
}
