/** One entry of a tar archive, checked: what tar-stream and the PAX records say about it, in one value. */
import { hostileEntry, invalidEntry } from "./archive-errors.ts";
import type { ByteString } from "./byte-string.ts";
import type { PaxRecords } from "./pax.ts";
import type { TarHeader } from "./tar-reader.ts";

export type EntryType = "file" | "folder" | "symlink" | "link" | NodeType;
export type NodeType = "fifo" | "character-device" | "block-device";

export interface ExtendedAttribute {
  readonly name: ByteString;
  readonly value: Uint8Array;
}

export interface Entry {
  readonly name: ByteString;
  readonly type: EntryType;
  readonly sizeBytes: number;
  /** The twelve permission bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970, with a fraction; never before 1970, which node:fs cannot set. */
  readonly mtime: number;
  /** Of symlinks and hard links. */
  readonly target: ByteString;
  readonly major: number;
  readonly minor: number;
  readonly xattrs: readonly ExtendedAttribute[];
}

const TYPES: Readonly<Record<NonNullable<TarHeader["type"]>, EntryType>> = {
  file: "file",
  "contiguous-file": "file",
  directory: "folder",
  symlink: "symlink",
  link: "link",
  fifo: "fifo",
  "character-device": "character-device",
  "block-device": "block-device",
};

const MAX_ID = 0xffff_fffe; // chown(2) reads (uid_t)-1 as "leave it"
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xf_ffff;
const MAX_TIME = 0x3_7fff_ffff; // what ext4 can store
const XATTR_KEYWORD = "SCHILY.xattr.";
const XATTR_NAME_MAX = 255;
const XATTR_SIZE_MAX = 65536;
const PATH_MAX = 4095;
const NO_ATTRIBUTES: readonly ExtendedAttribute[] = [];

function typeOf(header: TarHeader): EntryType {
  if (header.type === null)
    throw invalidEntry(header.name, "is of a type that is not supported, such as GNU's sparse file or volume label");
  // tar before POSIX had no type for folders, only the slash.
  return header.type === "file" && header.name.endsWith("/") ? "folder" : TYPES[header.type];
}

function whole(header: TarHeader, what: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 0 && value <= max) return value;
  throw invalidEntry(header.name, `has an impossible ${what}`);
}

function id(header: TarHeader, what: "uid" | "gid"): number {
  const wide = header.pax?.[what];
  return whole(header, what, wide === undefined ? header[what] : Number(wide), MAX_ID);
}

function mtimeOf(header: TarHeader): number {
  const precise = header.pax?.["mtime"];
  const seconds = precise === undefined ? header.mtime.getTime() / 1000 : Number(precise);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 0), MAX_TIME) : 0;
}

function targetOf(header: TarHeader, type: EntryType): ByteString {
  const target = header.linkname ?? "";
  if (type !== "symlink" && type !== "link") return "";
  if (target === "") throw invalidEntry(header.name, "is a link to nothing");
  if (target.includes("\0")) throw hostileEntry(header.name, "links to a name with a zero byte");
  if (target.length > PATH_MAX) throw hostileEntry(header.name, "links to a name that is longer than Linux allows");
  return target;
}

function attribute(header: TarHeader, keyword: string, value: ByteString): ExtendedAttribute {
  const name = keyword.slice(XATTR_KEYWORD.length);
  if (name === "" || name.length > XATTR_NAME_MAX || name.includes("\0"))
    throw hostileEntry(header.name, "has an extended attribute with an impossible name");
  if (value.length > XATTR_SIZE_MAX) throw hostileEntry(header.name, "has an extended attribute of more than 64 KiB");
  return { name, value: Buffer.from(value, "latin1") };
}

function attributesOf(header: TarHeader, pax: PaxRecords): readonly ExtendedAttribute[] {
  const attributes: ExtendedAttribute[] = [];
  for (const keyword in pax) {
    if (keyword.startsWith("GNU.sparse."))
      throw invalidEntry(header.name, "is a sparse file, which is not supported; make the archive without --sparse");
    if (keyword.startsWith(XATTR_KEYWORD)) attributes.push(attribute(header, keyword, pax[keyword] ?? ""));
  }
  return attributes;
}

/**
 * @throws SampanError ARCHIVE_INVALID for what makes no sense, ARCHIVE_HOSTILE for what no tar program writes
 */
export function readEntry(header: TarHeader): Entry {
  const type = typeOf(header);
  const device = type === "character-device" || type === "block-device";
  return {
    name: header.name,
    type,
    sizeBytes: type === "file" ? whole(header, "size", header.size, Number.MAX_SAFE_INTEGER) : 0,
    mode: whole(header, "mode", header.mode, Number.MAX_SAFE_INTEGER) & 0o7777,
    uid: id(header, "uid"),
    gid: id(header, "gid"),
    mtime: mtimeOf(header),
    target: targetOf(header, type),
    major: device ? whole(header, "device number", header.devmajor, MAX_MAJOR) : 0,
    minor: device ? whole(header, "device number", header.devminor, MAX_MINOR) : 0,
    xattrs: header.pax === null ? NO_ATTRIBUTES : attributesOf(header, header.pax),
  };
}
