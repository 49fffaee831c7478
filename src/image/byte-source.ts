/** Streams of bytes as async generators: pulled by their reader, so that back-pressure needs no further thought. */
import type { FileHandle } from "node:fs/promises";
import { SampanError } from "../errors/index.ts";
import { invalidArchive } from "./archive-errors.ts";

export type ByteSource = AsyncIterable<Uint8Array>;

const CHUNK_BYTES = 256 * 1024;

export function throwIfAborted(signal: AbortSignal | undefined): void {
  if (signal?.aborted)
    throw new SampanError("ABORTED", "unpacking was aborted", { operation: "unpack", cause: signal.reason });
}

/** A part of a file. Every chunk is a buffer of its own, because its reader may keep it. */
export async function* readRange(
  file: FileHandle,
  start: number,
  length: number,
  signal?: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for (let at = start, end = start + length; at < end; ) {
    throwIfAborted(signal);
    const wanted = Math.min(CHUNK_BYTES, end - at);
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafeSlow(wanted), 0, wanted, at);
    if (bytesRead === 0) throw invalidArchive("became shorter while it was read");
    yield bytesRead === wanted ? buffer : buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}

/** Shows every chunk to an observer on its way. */
export async function* observed(source: ByteSource, observe: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of source) {
    observe(chunk);
    yield chunk;
  }
}

/** Everything in one buffer; only for documents, whose size is limited by the caller's knowledge of `length`. */
export async function readAll(source: ByteSource): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
