import { createHash } from "node:crypto";
import { invalidArchive } from "./archive-errors.ts";
import type { ByteSource } from "./byte-source.ts";

/** Of the OCI image specification, "Registered algorithms", with the length of the hexadecimal part. */
const ALGORITHMS: Readonly<Record<string, number>> = { sha256: 64, sha384: 96, sha512: 128 };

export interface ParsedDigest {
  readonly algorithm: string;
  readonly hex: string;
}

/** `sha256:…`, or nothing for what is no digest of a known algorithm. */
export function parseDigest(digest: unknown): ParsedDigest | undefined {
  const match = typeof digest === "string" ? /^([a-z0-9]+):([0-9a-f]+)$/.exec(digest) : null;
  const [, algorithm = "", hex = ""] = match ?? [];
  return ALGORITHMS[algorithm] === hex.length && hex !== "" ? { algorithm, hex } : undefined;
}

function requireDigest(digest: string, what: string): ParsedDigest {
  const parsed = parseDigest(digest);
  if (parsed === undefined)
    throw invalidArchive(`names ${what} by ${JSON.stringify(digest).slice(0, 100)}, which is no digest`);
  return parsed;
}

function mismatch(what: string, expected: string, actual: string): Error {
  return invalidArchive(`holds a damaged ${what}: its digest is ${actual} and should be ${expected}`, {
    object: what,
    hint: "The archive is damaged, or was changed after it had been made: copy or export it again.",
  });
}

/** Passes the bytes on, and throws at the end when they are not those that the digest is of. */
export async function* verified(source: ByteSource, digest: string, what: string): AsyncGenerator<Uint8Array> {
  const { algorithm, hex } = requireDigest(digest, what);
  const hash = createHash(algorithm);
  for await (const chunk of source) {
    hash.update(chunk);
    yield chunk;
  }
  const actual = hash.digest("hex");
  if (actual !== hex) throw mismatch(what, digest, `${algorithm}:${actual}`);
}

export function verifyBytes(bytes: Uint8Array, digest: string, what: string): void {
  const { algorithm, hex } = requireDigest(digest, what);
  const actual = createHash(algorithm).update(bytes).digest("hex");
  if (actual !== hex) throw mismatch(what, digest, `${algorithm}:${actual}`);
}
