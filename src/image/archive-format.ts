/** Is this a tar archive at all? By its first bytes only; names say nothing. */
import type { FileHandle } from "node:fs/promises";
import { SampanError } from "../errors/index.ts";
import { errnoOf } from "./archive-errors.ts";
import { readRange } from "./byte-source.ts";
import { type Compression, compressionOf, decompressed } from "./compression.ts";

const BLOCK = 512;
const CHECKSUM_AT = 148;
const CHECKSUM_BYTES = 8;

const WAY_OUT =
  "Give a tar archive, plain or compressed by gzip: what `docker export`, `docker save` or `skopeo copy … oci-archive:` write.";

/** Other formats that people try, by their first bytes. */
const OTHERS: readonly { readonly magic: string; readonly is: string; readonly hint: string }[] = [
  { magic: "504b0304", is: "a zip archive", hint: "Unpack it (unzip) and give the folder or a tar archive of it." },
  { magic: "504b0506", is: "an empty zip archive", hint: WAY_OUT },
  { magic: "fd377a585a00", is: "compressed by xz", hint: "Decompress it first: xz -d FILE." },
  { magic: "28b52ffd", is: "compressed by zstd", hint: "Decompress it first: zstd -d FILE." },
  { magic: "425a68", is: "compressed by bzip2", hint: "Decompress it first: bzip2 -d FILE." },
  { magic: "04224d18", is: "compressed by lz4", hint: "Decompress it first: lz4 -d FILE." },
  { magic: "377abcaf271c", is: "a 7z archive", hint: WAY_OUT },
  { magic: "68737173", is: "a squashfs file system", hint: "Mount it or unpack it (unsquashfs), and give the folder." },
  {
    magic: "7f454c46",
    is: "an executable program",
    hint: "Give a folder or an archive that holds it, and name it as the command.",
  },
  { magic: "514649fb", is: "a disk image of a virtual machine", hint: WAY_OUT },
];

export function notRecognised(path: string, is: string, hint: string, cause?: unknown): SampanError {
  return new SampanError("SOURCE_NOT_RECOGNISED", `${path} is ${is}, which is no source of a container`, {
    operation: "open",
    object: path,
    hint,
    ...(cause === undefined ? {} : { cause }),
  });
}

/** tar(5): the sum of the header's bytes, with its own field counted as spaces. */
function isTarHeader(block: Uint8Array): boolean {
  if (block.length < BLOCK) return false;
  const field = Buffer.from(block.subarray(CHECKSUM_AT, CHECKSUM_AT + CHECKSUM_BYTES)).toString("latin1");
  const stored = /^[ \0]*([0-7]+)[ \0]*$/.exec(field)?.[1];
  if (stored === undefined) return false;
  let sum = CHECKSUM_BYTES * 0x20;
  for (let i = 0; i < BLOCK; i++) if (i < CHECKSUM_AT || i >= CHECKSUM_AT + CHECKSUM_BYTES) sum += block[i] ?? 0;
  return sum === Number.parseInt(stored, 8);
}

async function firstBlock(file: FileHandle, size: number, compression: Compression): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let have = 0;
  for await (const chunk of decompressed(readRange(file, 0, size), compression)) {
    chunks.push(chunk.subarray(0, BLOCK));
    have += chunk.length;
    if (have >= BLOCK) break;
  }
  return Buffer.concat(chunks).subarray(0, BLOCK);
}

function refusePlain(path: string, start: Buffer): SampanError {
  const hex = start.toString("hex", 0, 8);
  const other = OTHERS.find(({ magic }) => hex.startsWith(magic));
  if (other !== undefined) return notRecognised(path, other.is, other.hint);
  const text = !/[^\t\n\r\u0020-\u007e\u0080-\uffff]/.test(start.toString("utf8"));
  return notRecognised(path, text ? "a text file" : "not in a known format", WAY_OUT);
}

async function unzippedBlock(path: string, file: FileHandle, size: number): Promise<Buffer> {
  try {
    return await firstBlock(file, size, "gzip");
  } catch (cause) {
    if (errnoOf(cause) !== undefined && !(cause instanceof SampanError)) throw cause;
    throw notRecognised(path, "a gzip file that is damaged or was cut off", "Copy or download it again.", cause);
  }
}

/**
 * The outer compression of a tar archive.
 *
 * @throws SampanError SOURCE_NOT_RECOGNISED for everything that is no tar archive, with a hint what to do
 */
export async function outerCompression(path: string, file: FileHandle, size: number): Promise<"none" | "gzip"> {
  if (size === 0) throw notRecognised(path, "an empty file", WAY_OUT);
  const start = await firstBlock(file, size, "none");
  const gzip = compressionOf(start) === "gzip";
  const block = gzip ? await unzippedBlock(path, file, size) : start;
  if (isTarHeader(block)) return gzip ? "gzip" : "none";
  if (block.length === BLOCK && block.every((byte) => byte === 0))
    throw notRecognised(path, "an archive without any entries", WAY_OUT);
  if (gzip) throw notRecognised(path, "a gzip file that holds no tar archive", WAY_OUT);
  throw refusePlain(path, start);
}
