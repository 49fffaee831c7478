/** What is a source and what is not, by its contents; and archives that are damaged. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sniff } from "../../src/image/index.ts";
import { makeTar, rawEntry } from "./make-archive.ts";
import { failureOf, Workshop } from "./workshop.ts";

const WAY_OUT =
  "Give a tar archive, plain or compressed by gzip: what `docker export`, `docker save` or `skopeo copy … oci-archive:` write.";

const etc = { name: "etc/", type: "directory" } as const;
const archive = await makeTar([etc, { name: "etc/f", body: Buffer.alloc(5000, "f") }]);

const NOT_RECOGNISED: readonly (readonly [string, Uint8Array, string, string])[] = [
  ["an empty file", Buffer.alloc(0), "an empty file", WAY_OUT],
  ["a text", Buffer.from("FROM alpine\nRUN true\n"), "a text file", WAY_OUT],
  ["bytes", Buffer.from([1, 2, 3, 4, 5]), "not in a known format", WAY_OUT],
  [
    "a zip archive",
    Buffer.from("PK\x03\x04rest"),
    "a zip archive",
    "Unpack it (unzip) and give the folder or a tar archive of it.",
  ],
  ["xz", Buffer.from("fd377a585a000004", "hex"), "compressed by xz", "Decompress it first: xz -d FILE."],
  ["zstd", zstdCompressSync(archive), "compressed by zstd", "Decompress it first: zstd -d FILE."],
  ["bzip2", Buffer.from("BZh91AY&SY"), "compressed by bzip2", "Decompress it first: bzip2 -d FILE."],
  [
    "a program",
    Buffer.from("7f454c4602010100", "hex"),
    "an executable program",
    "Give a folder or an archive that holds it, and name it as the command.",
  ],
  [
    "gzip that was cut off",
    gzipSync(archive).subarray(0, 20),
    "a gzip file that is damaged or was cut off",
    "Copy or download it again.",
  ],
  ["gzip of a text", gzipSync("hello"), "a gzip file that holds no tar archive", WAY_OUT],
  ["gzip of nothing", gzipSync(""), "a gzip file that holds no tar archive", WAY_OUT],
  ["an archive without entries", Buffer.alloc(10240), "an archive without any entries", WAY_OUT],
  ["half a header", archive.subarray(0, 300), "not in a known format", WAY_OUT],
];

for (const [title, bytes, is, hint] of NOT_RECOGNISED)
  test(`${title} is no source`, async () => {
    using w = new Workshop();
    const path = w.write("archive.tar", bytes);
    for (const attempt of [() => sniff(path), () => w.open(path)]) {
      const error = await failureOf(attempt());
      expect([error.code, error.message, error.hint]).toEqual([
        "SOURCE_NOT_RECOGNISED",
        `${path} is ${is}, which is no source of a container`,
        hint,
      ]);
    }
  });

test("names do not matter", async () => {
  using w = new Workshop();
  expect(await sniff(w.write("picture.jpeg", archive))).toBe("rootfs-tar");
  expect(await sniff(w.write("archive.zip", gzipSync(archive)))).toBe("rootfs-tar");
});

test("a folder and a missing file are said to be that", async () => {
  using w = new Workshop();
  mkdirSync(join(w.folder, "d"));
  const folder = await failureOf(w.open(join(w.folder, "d")));
  expect([folder.code, folder.message]).toEqual([
    "SOURCE_NOT_RECOGNISED",
    `${w.folder}/d is no regular file, which is no source of a container`,
  ]);
  const missing = await failureOf(w.open(join(w.folder, "none")));
  expect([missing.code, missing.message]).toEqual(["SOURCE_NOT_FOUND", `there is no ${w.folder}/none`]);
});

const middle = archive.subarray(0, 3000);
const corrupted = Buffer.from(archive);
corrupted.write("garbage!", 512 + 20);

const DAMAGED: readonly (readonly [string, Uint8Array, string])[] = [
  ["in the middle of a file", middle, "the archive ends in the middle of an entry"],
  ["in the middle of a header", archive.subarray(0, 700), "the archive ends in the middle of an entry"],
  ["in the padding of a file", archive.subarray(0, 1024 + 5001), "the archive ends in the middle of an entry"],
  ["between two entries", archive.subarray(0, 512), "the archive ends without the mark of its end"],
  ["before the mark of its end", archive.subarray(0, -1024), "the archive ends without the mark of its end"],
];

for (const [where, bytes, message] of DAMAGED)
  for (const [outer, compress] of [
    ["plain", (b: Uint8Array) => b],
    ["gzip", gzipSync],
  ] as const)
    test(`a ${outer} archive that was cut off ${where} is refused`, async () => {
      using w = new Workshop();
      const error = await failureOf(w.openBytes(compress(bytes)));
      expect([error.code, error.message]).toEqual(["ARCHIVE_INVALID", message]);
      expect(w.partials()).toEqual([]);
    });

test("gzip that was cut off after some entries is refused", async () => {
  using w = new Workshop();
  const noise = Buffer.from(Array.from({ length: 50_000 }, (_, i) => (i * i * 31 + (i >> 3)) & 0xff));
  const zipped = gzipSync(await makeTar([etc, { name: "etc/noise", body: noise }]));
  const error = await failureOf(w.openBytes(zipped.subarray(0, zipped.length - 100)));
  expect([error.code, error.message]).toEqual(["ARCHIVE_INVALID", "the archive ends in the middle of its gzip data"]);
});

test("a small archive that was cut off in one of several files is refused", async () => {
  using w = new Workshop();
  const several = await makeTar(["a", "b", "c"].map((name) => ({ name, body: Buffer.alloc(900, name) })));
  for (let cut = 513; cut < several.length - 1024; cut += 100) {
    const error = await failureOf(w.openBytes(several.subarray(0, cut)));
    expect(error.code).toBe("ARCHIVE_INVALID");
  }
});

test("a damaged header is refused", async () => {
  using w = new Workshop();
  const error = await failureOf(w.openBytes(corrupted));
  expect([error.code, error.message]).toEqual(["ARCHIVE_INVALID", "the archive is not a well-formed tar archive"]);
});

test("an archive of before POSIX, without the magic, is read", async () => {
  using w = new Workshop();
  const { kind } = await w.openBytes(
    Buffer.concat([
      rawEntry({ name: "bin/", type: "\0", magic: "" }),
      rawEntry({ name: "bin/f", type: "\0", magic: "" }, Buffer.from("x")),
      Buffer.alloc(1024),
    ]),
  );
  expect(kind).toBe("rootfs-tar");
});
