/** Compression of archives and layers, recognised by their first bytes and never by a name or a media type. */
import { pipeline, Readable, type Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { errnoOf, invalidArchive } from "./archive-errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { ZstdFrameScanner } from "./zstd-frames.ts";

export type Compression = "none" | "gzip" | "zstd";

const OUTPUT_CHUNK_BYTES = 256 * 1024;

/** Enough first bytes for `compressionOf`. */
export const COMPRESSION_MAGIC_BYTES = 4;

export function compressionOf(start: Uint8Array): Compression {
  if (start[0] === 0x1f && start[1] === 0x8b) return "gzip";
  const zstd = (start[0] === 0x28 && start[1] === 0xb5) || ((start[0] ?? 0) >> 4 === 5 && start[1] === 0x2a);
  if (zstd && ((start[2] === 0x2f && start[3] === 0xfd) || (start[2] === 0x4d && start[3] === 0x18))) return "zstd";
  return "none";
}

function translate(error: unknown, format: string): unknown {
  const code = errnoOf(error);
  if (code === "Z_BUF_ERROR")
    return invalidArchive(`ends in the middle of its ${format} data`, {
      cause: error,
      hint: "It was cut off: copy or download it again.",
    });
  return code !== undefined && /^(Z_|ZSTD_|ERR_ZSTD|ERR_ZLIB)/.test(code)
    ? invalidArchive(`holds damaged ${format} data`, { cause: error })
    : error;
}

async function* through(source: ByteSource, transform: Transform, format: string): AsyncGenerator<Uint8Array> {
  // Errors of both sides come out of the iteration; the callback keeps pipeline() from throwing them once more.
  pipeline(Readable.from(source, { objectMode: false }), transform, () => {});
  try {
    yield* transform;
  } catch (error) {
    throw translate(error, format);
  }
}

/** Cuts a stream into zstd frames; each has to be read to its end before the next one is asked for. */
async function* frames(source: ByteSource): AsyncGenerator<{ skippable: boolean; bytes: ByteSource }> {
  const scanner = new ZstdFrameScanner();
  const input = source[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array(0);
  async function more(): Promise<boolean> {
    while (rest.length === 0) {
      const next = await input.next();
      if (next.done) return false;
      rest = next.value;
    }
    return true;
  }
  async function* frame(): AsyncGenerator<Uint8Array> {
    do {
      if (!(await more())) throw invalidArchive("ends in the middle of its zstd data");
      const taken = scanner.advance(rest);
      const part = rest.subarray(0, taken);
      rest = rest.subarray(taken);
      yield part;
    } while (!scanner.atBoundary);
  }
  try {
    while (await more()) yield { skippable: isSkippable(rest), bytes: frame() };
  } finally {
    await input.return?.();
  }
}

/** Only skippable frames begin with 0x5?; the scanner checks the rest of the magic number. */
function isSkippable(start: Uint8Array): boolean {
  return (start[0] ?? 0) >> 4 === 5;
}

async function* unzstd(source: ByteSource): AsyncGenerator<Uint8Array> {
  for await (const { skippable, bytes } of frames(source)) {
    if (!skippable) yield* through(bytes, createZstdDecompress({ chunkSize: OUTPUT_CHUNK_BYTES }), "zstd");
    else for await (const _ of bytes);
  }
}

export function decompressed(source: ByteSource, compression: Compression): ByteSource {
  switch (compression) {
    case "none":
      return source;
    case "gzip":
      return through(source, createGunzip({ chunkSize: OUTPUT_CHUNK_BYTES }), "gzip");
    case "zstd":
      return unzstd(source);
  }
}
