import { expect, test } from "bun:test";
import { constants, zstdCompressSync } from "node:zlib";
import { ZstdFrameScanner } from "./zstd-frames.ts";

/** Where frames end, when the bytes come in pieces of this size. */
function boundaries(bytes: Uint8Array, pieceBytes: number): number[] {
  const scanner = new ZstdFrameScanner();
  const ends: number[] = [];
  for (let at = 0; at < bytes.length; ) {
    at += scanner.advance(bytes.subarray(at, at + pieceBytes));
    if (scanner.atBoundary) ends.push(at);
  }
  return ends;
}

const skippable = Buffer.from([0x5a, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9]);
const empty = zstdCompressSync(Buffer.alloc(0));
const run = zstdCompressSync(Buffer.alloc(400_000, "r"));
const summed = zstdCompressSync(Buffer.from("checked"), { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
const noise = zstdCompressSync(Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 2654435761) >>> (i % 13))));
const frames = [empty, run, skippable, summed, noise, skippable, run];
const ends = frames.map((_, i) => frames.slice(0, i + 1).reduce((sum, frame) => sum + frame.length, 0));

for (const pieceBytes of [1, 2, 3, 7, 1000, 1_000_000])
  test(`ends of frames are found in pieces of ${pieceBytes} bytes`, () => {
    expect(boundaries(Buffer.concat(frames), pieceBytes)).toEqual(ends);
  });

test("what is no frame is refused", () => {
  expect(() => boundaries(Buffer.concat([run, Buffer.from("garbage")]), 100)).toThrow(
    "no zstd frame where one must begin",
  );
});
