/** What tar(1) writes comes out as it was: trees compared file by file. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describeUnless, missingCommand, missingRoot, testUnless } from "../support/skip.ts";
import { makeTar, rawEntry } from "./make-archive.ts";
import { describeTree } from "./tree.ts";
import { failureOf, Workshop } from "./workshop.ts";

const root = process.getuid?.() === 0;

/** Whatever a tree can hold that node:fs can make. The names of v7 and ustar are limited, so theirs are shorter. */
function makeTree(folder: string, longNames: boolean): void {
  const at = (name: string) => join(folder, name);
  for (const name of ["bin", "deep/er/and/deeper", "empty", "read-only", "sticky"])
    mkdirSync(at(name), { recursive: true });
  writeFileSync(at("bin/sh"), Buffer.from(Array.from({ length: 700_001 }, (_, i) => (i * 7919) >>> 3)));
  writeFileSync(at("bin/zero"), "");
  writeFileSync(at("deep/er/and/deeper/block"), Buffer.alloc(512, "b"));
  writeFileSync(at("read-only/f"), "f");
  linkSync(at("bin/sh"), at("deep/er/hard"));
  symlinkSync("../bin/sh", at("deep/soft"));
  symlinkSync("/nowhere/at/all", at("dangling"));
  linkSync(at("dangling"), at("dangling-too"));
  writeFileSync(Buffer.concat([Buffer.from(at("latin-")), Buffer.from([0xe9, 0xff])]), "not UTF-8");
  writeFileSync(at("grün 🚣"), "UTF-8");
  if (longNames) makeLongNames(at);
  chmodSync(at("bin/sh"), 0o755);
  chmodSync(at("bin/zero"), 0o600);
  chmodSync(at("sticky"), 0o1777);
  chmodSync(at("read-only"), 0o555);
  if (root) chownSync(at("deep/er"), 1234, 56789);
  if (root) chownSync(at("deep/er/and/deeper/block"), 1234, 5678);
  chmodSync(at("bin/zero"), 0o4711);
  utimesSync(at("bin/sh"), 1_600_000_000, 1_600_000_000);
  lutimesSync(at("deep/soft"), 1_500_000_000, 1_500_000_000);
  utimesSync(at("deep/er/and"), 1_400_000_000, 1_400_000_000);
  utimesSync(folder, 1_300_000_000, 1_300_000_000);
}

function makeLongNames(at: (name: string) => string): void {
  const folder = `${"long-".repeat(40)}/${"folder-".repeat(30)}`;
  mkdirSync(at(folder), { recursive: true });
  writeFileSync(at(`${folder}/${"n".repeat(255)}`), "long");
  linkSync(at(`${folder}/${"n".repeat(255)}`), at(`${folder}/linked`));
  symlinkSync("t".repeat(3000), at("long-target"));
}

const reason = missingCommand("tar");

describeUnless(reason)("with tar(1)", () => {
  for (const format of ["gnu", "oldgnu", "pax", "ustar", "v7"])
    for (const zip of [[], ["--gzip"]])
      test(`${format} ${zip.join("")}`, async () => {
        using w = new Workshop();
        const tree = join(w.folder, "tree");
        mkdirSync(tree);
        makeTree(tree, !["ustar", "v7"].includes(format));
        const path = join(w.folder, "archive");
        execFileSync("tar", ["-c", ...zip, `--format=${format}`, "--sort=name", "-f", path, "-C", tree, "."], {
          stdio: ["ignore", "ignore", "inherit"],
        });
        const { rootfs, skipped } = await w.open(path);
        expect(describeTree(rootfs)).toEqual(describeTree(tree));
        expect(lstatSync(rootfs).mtimeMs).toBe(1_300_000_000_000);
        expect(skipped).toEqual([]);
        if (root) expect(lstatSync(join(rootfs, "deep/er")).gid).toBe(56789);
        chmodSync(join(tree, "read-only"), 0o755);
      });

  test("a time with nanoseconds is kept as precisely as node:fs can: to a microsecond", async () => {
    using w = new Workshop();
    const tree = join(w.folder, "tree");
    mkdirSync(tree);
    writeFileSync(join(tree, "f"), "");
    execFileSync("touch", ["-d", "2024-01-02 03:04:05.123456789 UTC", join(tree, "f")]);
    execFileSync("tar", ["-c", "--format=pax", "-f", join(w.folder, "archive"), "-C", tree, "f"]);
    const { rootfs } = await w.open(join(w.folder, "archive"));
    const { mtimeNs } = lstatSync(join(rootfs, "f"), { bigint: true });
    const off = mtimeNs - 1_704_164_645_123_456_789n;
    expect(off > -1000n && off < 1000n).toBe(true);
  });

  test("sparse files are refused with a way out", async () => {
    using w = new Workshop();
    const path = join(w.folder, "holes");
    execFileSync("truncate", ["-s", "10M", path]);
    for (const format of ["gnu", "pax"]) {
      execFileSync("tar", [
        "-c",
        "--sparse",
        `--format=${format}`,
        "-f",
        join(w.folder, "archive"),
        "-C",
        w.folder,
        "holes",
      ]);
      const error = await failureOf(w.open(join(w.folder, "archive")));
      expect([error.code, error.message]).toEqual(["ARCHIVE_INVALID", expect.stringMatching(/sparse/)]);
    }
  });

  test("archives that were put one after the other are read to the end", async () => {
    using w = new Workshop();
    const one = await makeTar([{ name: "etc/one", body: "1" }]);
    const two = await makeTar([{ name: "etc/two", body: "2" }]);
    const { rootfs } = await w.openBytes(Buffer.concat([one, two]));
    expect(describeTree(join(rootfs, "etc")).length).toBe(2);
  });
});

const GUARDED = [
  { name: "usr/", type: "directory", mode: 0o555, uid: 77, gid: 88 } as const,
  { name: "usr/f", body: "x", mode: 0o444, uid: 77, gid: 88 },
  rawEntry({ name: "usr/none/", type: "5", mode: "0000000" }),
  rawEntry({ name: "usr/none/f", type: "0", mode: "0000000" }, Buffer.from("x")),
  { name: "usr/s", type: "symlink", linkname: "f", uid: 77 } as const,
  // In place of the folder that may not be read, and then of a file.
  { name: "usr/again/", type: "directory", mode: 0o100 } as const,
  { name: "usr/again/f", body: "x" },
  { name: "usr/again", body: "x" },
];

function guardedLines(owner: string): string[] {
  return [
    `"usr" folder 555 ${owner}`,
    `"usr/again" file 644 ${owner}`,
    `"usr/f" file 444 ${owner}`,
    `"usr/none" folder 0 ${owner}`,
    `"usr/none/f" file 0 ${owner}`,
    `"usr/s" symlink 777 ${owner}`,
  ];
}

function withoutTimes(rootfs: string): string[] {
  return describeTree(rootfs).map((line) => line.split(" ").slice(0, 4).join(" "));
}

testUnless(missingRoot())("rootless, everything belongs to the user, whatever the archive says", async () => {
  using w = new Workshop();
  const { rootfs, skipped } = await w.openBytes(await makeTar(GUARDED), { rootless: true });
  expect(withoutTimes(rootfs)).toEqual(guardedLines("0:0"));
  expect(skipped).toEqual([]);
});

testUnless(missingRoot())("an ordinary user unpacks folders that may not be written or read, twice", async () => {
  using w = new Workshop();
  const path = w.write("archive", await makeTar(GUARDED));
  const copy = w.write("copy", await makeTar(GUARDED));
  chownSync(w.folder, 65534, 65534);
  const script = join(import.meta.dirname, "open-in-process.ts");
  for (const archive of [path, copy]) {
    const rootfs = execFileSync(process.execPath, [script, archive, w.cacheDir], {
      uid: 65534,
      gid: 65534,
      env: { HOME: w.folder },
    });
    expect(withoutTimes(rootfs.toString())).toEqual(guardedLines("65534:65534"));
  }
  expect(w.partials()).toEqual([]);
});
