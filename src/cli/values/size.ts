import { invalid, quote } from "./invalid.ts";

const POWERS: Readonly<Record<string, number>> = { b: 0, k: 1, m: 2, g: 3, t: 4 };
const HINT = "Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.";

/** Bytes: `512`, `64m`, `1.5g`; units are powers of 1024 in any case, and `64mb` and `64MiB` say the same as `64m`. */
export function parseSize(value: string): number {
  const match = /^(\d+(?:\.\d+)?)(?:([bkmgt])|([kmgt])i?b)?$/i.exec(value);
  if (match === null) throw invalid(`${quote(value)} is not a size`, HINT);
  const unit = (match[2] ?? match[3] ?? "b").toLowerCase();
  const bytes = Math.floor(Number(match[1]) * 1024 ** (POWERS[unit] ?? 0));
  if (Number.isSafeInteger(bytes)) return bytes;
  throw invalid(`${quote(value)} is more than ${Number.MAX_SAFE_INTEGER} bytes`, "Write a smaller size, such as 64m.");
}

/** A size for something that has to exist. */
export function parsePositiveSize(value: string): number {
  const bytes = parseSize(value);
  if (bytes > 0) return bytes;
  throw invalid(`${quote(value)} leaves no room at all`, "Write a size above zero, such as 64m.");
}

/** As for Docker and Podman, 0 means no limit: undefined. */
export function parseSizeLimit(value: string): number | undefined {
  return parseSize(value) || undefined;
}

/** Like `parseSizeLimit`, with -1 for "as much as there is". */
export function parseSwapLimit(value: string): number | undefined {
  if (value === "-1") return -1;
  try {
    return parseSizeLimit(value);
  } catch {
    throw invalid(`${quote(value)} is not a size`, "Write a size such as 128m, or -1 for no limit.");
  }
}
