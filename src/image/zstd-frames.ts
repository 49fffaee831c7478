/**
 * Finds where zstd frames end (RFC 8878, section 3.1), without decompressing. Needed because `node:zlib` disagrees with
 * itself: Node 24 stops silently after the first frame, though layers in zstd:chunked form have one per file, and Bun
 * 1.4 takes a frame that was cut off for a whole one.
 */
import { invalidArchive } from "./archive-errors.ts";

const FRAME_MAGIC = 0xfd2f_b528;
const SKIPPABLE_MAGIC = 0x184d_2a50;
const MAGIC_BYTES = 4;
const BLOCK_HEADER_BYTES = 3;
const DICTIONARY_BYTES = [0, 1, 2, 4];
const CONTENT_SIZE_BYTES = [0, 2, 4, 8];

interface FieldHandler {
  readonly bytes: number;
  readonly complete: (field: Buffer) => void;
}

export class ZstdFrameScanner {
  /** Between two frames. */
  atBoundary = true;
  #field = Buffer.alloc(0);
  #expected: FieldHandler = this.#magic();
  #skip = 0;
  #checksumBytes = 0;
  #lastBlock = false;

  /** Takes bytes up to the end of the current frame at most; returns how many. `atBoundary` says whether it ended. */
  advance(chunk: Uint8Array): number {
    let at = 0;
    this.atBoundary = false;
    while (at < chunk.length && !this.atBoundary) {
      if (this.#skip > 0) {
        const step = Math.min(this.#skip, chunk.length - at);
        this.#skip -= step;
        at += step;
      } else at += this.#collect(chunk, at);
      if (this.#skip === 0 && this.#lastBlock) this.#endFrame();
    }
    return at;
  }

  #collect(chunk: Uint8Array, at: number): number {
    const { bytes, complete } = this.#expected;
    const step = Math.min(bytes - this.#field.length, chunk.length - at);
    this.#field = Buffer.concat([this.#field, chunk.subarray(at, at + step)]);
    if (this.#field.length === bytes) {
      const field = this.#field;
      this.#field = Buffer.alloc(0);
      complete(field);
    }
    return step;
  }

  #magic(): FieldHandler {
    return {
      bytes: MAGIC_BYTES,
      complete: (field) => {
        const magic = field.readUInt32LE(0);
        const skippable = (magic & 0xffff_fff0) >>> 0 === SKIPPABLE_MAGIC;
        if (!skippable && magic !== FRAME_MAGIC)
          throw invalidArchive("has a layer that is damaged: no zstd frame where one must begin");
        this.#expected = skippable ? this.#skippableSize() : this.#descriptor();
      },
    };
  }

  #skippableSize(): FieldHandler {
    return {
      bytes: 4,
      complete: (field) => {
        this.#skip = field.readUInt32LE(0);
        this.#lastBlock = true;
      },
    };
  }

  #descriptor(): FieldHandler {
    return {
      bytes: 1,
      complete: (field) => {
        const descriptor = field.readUInt8(0);
        const singleSegment = (descriptor & 0x20) !== 0;
        const sizeFlag = descriptor >> 6;
        const sizeBytes = sizeFlag === 0 && singleSegment ? 1 : (CONTENT_SIZE_BYTES[sizeFlag] ?? 0);
        this.#checksumBytes = (descriptor & 0x04) === 0 ? 0 : 4;
        this.#skip = (singleSegment ? 0 : 1) + (DICTIONARY_BYTES[descriptor & 3] ?? 0) + sizeBytes;
        this.#expected = this.#blockHeader();
      },
    };
  }

  #blockHeader(): FieldHandler {
    return {
      bytes: BLOCK_HEADER_BYTES,
      complete: (field) => {
        const header = field.readUIntLE(0, BLOCK_HEADER_BYTES);
        const runLength = ((header >> 1) & 3) === 1;
        this.#lastBlock = (header & 1) === 1;
        this.#skip = (runLength ? 1 : header >> 3) + (this.#lastBlock ? this.#checksumBytes : 0);
      },
    };
  }

  #endFrame(): void {
    this.atBoundary = true;
    this.#lastBlock = false;
    this.#expected = this.#magic();
  }
}
