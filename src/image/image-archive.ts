/** An image archive whose members are known: documents and layers by name or digest, each verified when it is read. */
import type { FileHandle } from "node:fs/promises";
import { hostileArchive, invalidArchive } from "./archive-errors.ts";
import type { Limits } from "./budget.ts";
import { type ByteSource, readAll, readRange } from "./byte-source.ts";
import { fromText, quote } from "./byte-string.ts";
import { COMPRESSION_MAGIC_BYTES, compressionOf, decompressed } from "./compression.ts";
import { parseDigest, verified, verifyBytes } from "./digest.ts";
import { type Member, memberName, type Survey } from "./survey.ts";

const MAX_LINKS = 8;

/** One layer as a manifest has it. */
export interface LayerReference {
  readonly member: string;
  /** Of the bytes in the archive, when the manifest has it. */
  readonly digest: string | undefined;
  /** Of the uncompressed layer. */
  readonly diffId: string;
}

/** `blobs/sha256/…`, or nothing for what is no digest. */
export function blobPath(digest: unknown): string | undefined {
  const parsed = parseDigest(digest);
  return parsed && `blobs/${parsed.algorithm}/${parsed.hex}`;
}

/** The digest that a member's name promises, in the layout of OCI. */
export function digestOfPath(path: string): string | undefined {
  const [, algorithm, hex] = /^blobs\/([a-z0-9]+)\/([0-9a-f]+)$/.exec(path) ?? [];
  return algorithm && hex && parseDigest(`${algorithm}:${hex}`) ? `${algorithm}:${hex}` : undefined;
}

export class ImageArchive {
  readonly #file: FileHandle;
  readonly #survey: Survey;
  readonly #limits: Limits;
  readonly #signal: AbortSignal | undefined;

  /** `file` holds the uncompressed archive. */
  constructor(file: FileHandle, survey: Survey, limits: Limits, signal: AbortSignal | undefined) {
    this.#file = file;
    this.#survey = survey;
    this.#limits = limits;
    this.#signal = signal;
  }

  /** A JSON document. One below `blobs/` has to have the digest that it is named by. */
  async document(path: string): Promise<Buffer> {
    const { name, member } = this.#resolve(path);
    if (member.sizeBytes > this.#limits.documentBytes)
      throw hostileArchive(
        `has a ${quote(name)} of more than ${this.#limits.documentBytes} bytes`,
        "An image made by an engine has none that is so large.",
      );
    const bytes = this.#survey.documents.get(name) ?? (await readAll(this.#read(member)));
    const digest = digestOfPath(memberName(path));
    if (digest !== undefined) verifyBytes(bytes, digest, path);
    return bytes;
  }

  /** The uncompressed tar stream of a layer. Throws at its end when a digest does not match. */
  async layer({ member: path, digest, diffId }: LayerReference): Promise<ByteSource> {
    const { member } = this.#resolve(path);
    const start = await readAll(
      this.#read({ ...member, sizeBytes: Math.min(member.sizeBytes, COMPRESSION_MAGIC_BYTES) }),
    );
    const compression = compressionOf(start);
    const stored = this.#read(member);
    const promised = digest ?? digestOfPath(memberName(path));
    const sameBytes = compression === "none" && promised === diffId;
    const checked = promised === undefined || sameBytes ? stored : verified(stored, promised, `layer ${promised}`);
    return verified(decompressed(checked, compression), diffId, `layer with diff_id ${diffId}`);
  }

  #read(member: Member): ByteSource {
    return readRange(this.#file, member.offset, member.sizeBytes, this.#signal);
  }

  /** Links are followed among the members' names; the file system has no part in it. */
  #resolve(path: string): { name: string; member: Member } {
    let name = memberName(fromText(path));
    for (let i = 0; i < MAX_LINKS; i++) {
      const member = this.#survey.members.get(name);
      if (member !== undefined) return { name, member };
      const next = this.#survey.links.get(name);
      if (next === undefined) break;
      name = next;
    }
    throw invalidArchive(`does not hold ${quote(fromText(path))}, which its manifest names`, { object: path });
  }
}
