/**
 * The first look at an archive: what kind it is, by the names in it, and where its members are. An engine writes
 * `manifest.json` at the end of what it saves, so an archive can be known to be an image only when all of it was read;
 * that it is a root file system is mostly clear at the first entry (`bin/`, `.dockerenv`).
 */
import { hostileArchive } from "./archive-errors.ts";
import type { Budget } from "./budget.ts";
import type { ByteSource } from "./byte-source.ts";
import type { ByteString } from "./byte-string.ts";
import { readTar, type TarHeader, type TarSink } from "./tar-reader.ts";

export type ArchiveKind = "docker-save" | "oci-archive" | "rootfs-tar";

export interface Member {
  /** Where the contents are in the uncompressed archive. */
  readonly offset: number;
  readonly sizeBytes: number;
}

export interface Survey {
  readonly kind: ArchiveKind;
  /** The archive was read to its end: the members are all of them. */
  readonly complete: boolean;
  readonly entryCount: number;
  readonly members: ReadonlyMap<ByteString, Member>;
  /** `path` to `path`, for symbolic and hard links between members (Podman's and old Docker's shared layers). */
  readonly links: ReadonlyMap<ByteString, ByteString>;
  /** The contents of the JSON documents at the top. They were read with everything else, so the digest covers them. */
  readonly documents: ReadonlyMap<ByteString, Buffer>;
}

/** Folders that only a root file system has at its top (Filesystem Hierarchy Standard 3.0, and Docker's mark). */
const ROOT_FOLDERS = new Set(
  "bin boot dev etc home lib lib32 lib64 libx32 media mnt opt proc root run sbin srv sys tmp usr var .dockerenv".split(
    " ",
  ),
);
const DOCUMENT_NAME = /^([^/]+\.json|oci-layout)$/;
const DOCUMENTS_BYTES = 64 * 2 ** 20;
/** More than any image has layers, and little enough to keep them in memory. */
const MAX_MEMBERS = 200_000;
const MAX_NAME = 4095;

/** Without `./`, doubled slashes and `..`: only for comparison, never for the file system. */
export function memberName(name: ByteString): ByteString {
  const parts: string[] = [];
  for (const part of name.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts.join("/");
}

class Surveyor implements TarSink {
  readonly members = new Map<ByteString, Member>();
  readonly links = new Map<ByteString, ByteString>();
  readonly documents = new Map<ByteString, Buffer>();
  entryCount = 0;
  rootfs = false;
  readonly #budget: Budget;
  #documentBytes = 0;
  #current: { name: ByteString; chunks: Uint8Array[] } | undefined;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  begin(header: TarHeader): boolean {
    this.#budget.takeEntry(0);
    this.entryCount += 1;
    const name = memberName(header.name.slice(0, MAX_NAME));
    this.rootfs = ROOT_FOLDERS.has(name.split("/", 1)[0] ?? "") || this.#outgrown(header);
    if (this.rootfs) return false;
    this.#note(name, header);
    return true;
  }

  data(chunk: Uint8Array): void {
    this.#current?.chunks.push(chunk);
  }

  end(): void {
    if (this.#current !== undefined) this.documents.set(this.#current.name, Buffer.concat(this.#current.chunks));
    this.#current = undefined;
  }

  /** No engine writes such names, nor so many; unpacking it as a root file system refuses it or copes. */
  #outgrown({ name, linkname }: TarHeader): boolean {
    const longest = Math.max(name.length, linkname?.length ?? 0);
    return longest > MAX_NAME || this.members.size + this.links.size > MAX_MEMBERS;
  }

  #note(name: ByteString, { type, size, byteOffset, linkname }: TarHeader): void {
    this.members.delete(name);
    this.links.delete(name);
    this.documents.delete(name);
    if (type === "symlink" && linkname !== null) this.links.set(name, memberName(`${name}/../${linkname}`));
    if (type === "link" && linkname !== null) this.links.set(name, memberName(linkname));
    if (type !== "file" && type !== "contiguous-file") return;
    this.members.set(name, { offset: byteOffset, sizeBytes: size });
    if (DOCUMENT_NAME.test(name) && size <= this.#budget.limits.documentBytes) this.#keep(name, size);
  }

  #keep(name: ByteString, size: number): void {
    this.#documentBytes += size;
    if (this.#documentBytes > DOCUMENTS_BYTES)
      throw hostileArchive("has more than 64 MiB of JSON at its top", "Use an archive from a source you trust.");
    this.#current = { name, chunks: [] };
  }
}

function kindOf({ members, documents, rootfs }: Surveyor): ArchiveKind {
  if (rootfs) return "rootfs-tar";
  if (members.has("manifest.json") && looksLike(documents.get("manifest.json"), "[")) return "docker-save";
  if (members.has("oci-layout") && members.has("index.json")) return "oci-archive";
  return "rootfs-tar";
}

/** A root file system may hold a file by the name of `manifest.json`; Docker's is a list. One too large to keep is judged later. */
function looksLike(document: Buffer | undefined, start: string): boolean {
  return document === undefined || document.toString("utf8", 0, 64).trimStart().startsWith(start);
}

/** Reads an uncompressed archive to the end, or as far as it takes to know that it is a root file system. */
export async function survey(source: ByteSource, budget: Budget): Promise<Survey> {
  const surveyor = new Surveyor(budget);
  const { stopped } = await readTar(source, surveyor);
  const { members, links, documents, entryCount } = surveyor;
  return { kind: kindOf(surveyor), complete: !stopped, entryCount, members, links, documents };
}
