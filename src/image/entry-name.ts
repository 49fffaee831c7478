import { hostileEntry, invalidEntry } from "./archive-errors.ts";
import type { ByteString } from "./byte-string.ts";

const NAME_MAX = 255;
const PATH_MAX = 4095;

/**
 * The components of a name, below the root of the archive: none for the root itself (`./`). A leading slash means that
 * root, as it does for other engines. The result holds nothing that the kernel would resolve: no `..`, no `.`, no slash.
 *
 * @throws SampanError ARCHIVE_HOSTILE naming `entry`
 */
export function splitName(name: ByteString, entry: ByteString = name): string[] {
  if (name === "") throw invalidEntry(entry, "has no name");
  if (name.length > PATH_MAX) throw hostileEntry(entry, "has a name that is longer than Linux allows");
  if (name.includes("\0")) throw hostileEntry(entry, "has a name with a zero byte");
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "" || part === ".") continue;
    if (part === "..") throw hostileEntry(entry, "has a name that leads out of the archive ('..')");
    if (part.length > NAME_MAX) throw hostileEntry(entry, "has a name that is longer than Linux allows");
    parts.push(part);
  }
  return parts;
}
