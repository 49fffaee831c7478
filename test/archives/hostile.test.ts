/** Archives that try to get out. Each is refused or contained, and nothing around the cache changes. */
import { expect, test } from "bun:test";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { openArchive } from "../../src/image/index.ts";
import { type EntryOptions, makeTar, paxHeader, rawEntry, rawHeader } from "./make-archive.ts";
import { failureOf, Workshop } from "./workshop.ts";

type Entries = (outside: string) => readonly (EntryOptions | Uint8Array)[];

interface Refusal {
  readonly title: string;
  readonly entries: Entries;
  /** Asserted in full: it is interface. */
  readonly message: string;
  readonly code?: "ARCHIVE_HOSTILE" | "ARCHIVE_INVALID";
}

const file = (name: string, body = "planted"): EntryOptions => ({ name, body });
const folder = (name: string): EntryOptions => ({ name, type: "directory" });
const symlink = (name: string, linkname: string): EntryOptions => ({ name, type: "symlink", linkname });
const link = (name: string, linkname: string): EntryOptions => ({ name, type: "link", linkname });
/** A root file system from its first entry on, whatever comes after. */
const etc = folder("etc/");

const long = "x".repeat(300);
const deep = "a/".repeat(100_000);

const REFUSED: readonly Refusal[] = [
  {
    title: "a name that starts with ..",
    entries: () => [etc, file("../../../outside/secret")],
    message: `the archive's entry "../../../outside/secret" has a name that leads out of the archive ('..')`,
  },
  {
    title: "a name with .. in the middle",
    entries: () => [etc, file("etc/../../../../outside/secret")],
    message: `the archive's entry "etc/../../../../outside/secret" has a name that leads out of the archive ('..')`,
  },
  {
    title: "a write through an absolute symlink",
    entries: (outside) => [etc, symlink("etc/door", outside), file("etc/door/secret")],
    message: `the archive's entry "etc/door/secret" leads through the symbolic link 'etc/door'`,
  },
  {
    title: "a write through a relative symlink",
    entries: () => [etc, symlink("etc/door", "../../../../outside"), file("etc/door/new")],
    message: `the archive's entry "etc/door/new" leads through the symbolic link 'etc/door'`,
  },
  {
    title: "a write through a symlink to a symlink",
    entries: (outside) => [etc, symlink("one", outside), symlink("two", "one"), file("two/secret")],
    message: `the archive's entry "two/secret" leads through the symbolic link 'two'`,
  },
  {
    title: "a folder below a symlink",
    entries: (outside) => [etc, symlink("door", outside), folder("door/made/")],
    message: `the archive's entry "door/made/" leads through the symbolic link 'door'`,
  },
  {
    title: "a folder that was used and then became a symlink",
    entries: (outside) => [folder("d/"), file("d/first"), symlink("d", outside), etc, file("d/secret")],
    message: `the archive's entry "d/secret" leads through the symbolic link 'd'`,
  },
  {
    title: "a folder deep down that became a symlink",
    entries: (outside) => [etc, file("a/b/c/d"), symlink("a/b", outside), file("a/b/c/d")],
    message: `the archive's entry "a/b/c/d" leads through the symbolic link 'a/b'`,
  },
  {
    title: "a symlink below a symlink",
    entries: (outside) => [etc, symlink("door", outside), symlink("door/s", "x")],
    message: `the archive's entry "door/s" leads through the symbolic link 'door'`,
  },
  {
    title: "a FIFO below a symlink",
    entries: (outside) => [etc, symlink("door", outside), { name: "door/pipe", type: "fifo" }],
    message: `the archive's entry "door/pipe" leads through the symbolic link 'door'`,
  },
  {
    title: "a hard link to what is outside",
    entries: () => [etc, link("etc/stolen", "../../../outside/secret")],
    message: `the archive's entry "etc/stolen" has a name that leads out of the archive ('..')`,
  },
  {
    title: "a hard link through a symlink",
    entries: (outside) => [etc, symlink("door", outside), link("etc/stolen", "door/secret")],
    message: `the archive's entry "etc/stolen" leads through the symbolic link 'door'`,
  },
  {
    title: "a hard link whose own parent is a symlink",
    entries: (outside) => [etc, file("etc/a"), symlink("door", outside), link("door/secret", "etc/a")],
    message: `the archive's entry "door/secret" leads through the symbolic link 'door'`,
  },
  {
    title: "a hard link to a folder",
    entries: () => [etc, link("again", "etc")],
    message: `the archive's entry "again" is a hard link to a folder`,
  },
  {
    title: "a hard link to the root",
    entries: () => [etc, link("again", "./")],
    message: `the archive's entry "again" is a hard link to a folder`,
  },
  {
    title: "a hard link to an absolute name, which means one in the archive",
    entries: (outside) => [etc, link("etc/stolen", `${outside}/secret`)],
    message: `the archive's entry "etc/stolen" is a hard link to a file that is not in the archive before it`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a hard link over the folder that holds its target",
    entries: () => [etc, file("d/f"), link("d", "d/f")],
    message: `the archive's entry "d" is a hard link to a file that is not in the archive before it`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a name with a zero byte",
    entries: () => [etc, paxHeader({ path: "etc/a\0b" }), rawEntry({ name: "etc/short", type: "0" })],
    message: `the archive's entry "etc/a\\u0000b" has a name with a zero byte`,
  },
  {
    title: "a symlink with a zero byte in its target",
    entries: () => [etc, paxHeader({ linkpath: "a\0b" }), rawEntry({ name: "etc/s", type: "2" })],
    message: `the archive's entry "etc/s" links to a name with a zero byte`,
  },
  {
    title: "an empty symlink",
    entries: () => [etc, rawEntry({ name: "etc/s", type: "2" })],
    message: `the archive's entry "etc/s" is a link to nothing`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a file below a file",
    entries: () => [etc, file("etc/f"), file("etc/f/below")],
    message: `the archive's entry "etc/f/below" is below 'etc/f', which is not a folder`,
  },
  {
    title: "a file below a folder that became a file",
    entries: () => [etc, file("d/f"), file("d"), file("d/f")],
    message: `the archive's entry "d/f" is below 'd', which is not a folder`,
  },
  {
    title: "a folder 100,000 levels deep",
    entries: () => [etc, { name: `${deep}f`, body: "deep" }],
    message: `the archive's entry "${deep.slice(0, 160)}…" has a name that is longer than Linux allows`,
  },
  {
    title: "a component of 300 bytes",
    entries: () => [etc, file(`etc/${long}`)],
    message: `the archive's entry "etc/${long.slice(0, 156)}…" has a name that is longer than Linux allows`,
  },
  {
    title: "a name that is too long only below the cache folder",
    entries: () => [etc, file(`${"d/".repeat(2040)}f`)],
    message: `the archive's entry "${"d/".repeat(80)}…" has a name that is longer than Linux allows`,
  },
  {
    title: "a symlink to a name of 5000 bytes",
    entries: () => [etc, symlink("etc/s", "y".repeat(5000))],
    message: `the archive's entry "etc/s" links to a name that is longer than Linux allows`,
  },
  {
    title: "a file in place of the root",
    entries: () => [etc, rawEntry({ name: ".", type: "0" }, Buffer.from("x"))],
    message: `the archive's entry "." would replace the root of the file system`,
  },
  {
    title: "a symlink in place of the root",
    entries: (outside) => [etc, symlink("./", outside)],
    message: `the archive's entry "./" would replace the root of the file system`,
  },
  {
    title: "a whiteout of the parent folder",
    entries: () => [etc, file("etc/.wh...")],
    message: `the archive's entry "etc/.wh..." is a whiteout of nothing that can have a name`,
  },
  {
    title: "a whiteout of the folder itself",
    entries: () => [etc, file("etc/.wh..")],
    message: `the archive's entry "etc/.wh.." is a whiteout of nothing that can have a name`,
  },
  {
    title: "a whiteout without a name",
    entries: () => [etc, file("etc/.wh.")],
    message: `the archive's entry "etc/.wh." is a whiteout of nothing that can have a name`,
  },
  {
    title: "a whiteout below a symlink",
    entries: (outside) => [etc, symlink("door", outside), file("door/.wh.secret")],
    message: `the archive's entry "door/.wh.secret" leads through the symbolic link 'door'`,
  },
  {
    title: "an opaque whiteout below a symlink",
    entries: (outside) => [etc, symlink("door", outside), file("door/.wh..wh..opq")],
    message: `the archive's entry "door/.wh..wh..opq" leads through the symbolic link 'door'`,
  },
  {
    title: "an entry below a whiteout",
    entries: () => [etc, file(".wh.x/y")],
    message: `the archive's entry ".wh.x/y" is below a whiteout`,
  },
  {
    title: "an extended header of 5 MiB",
    entries: () => [etc, paxHeader({ comment: Buffer.alloc(5 * 2 ** 20, "c") }), file("f")],
    message: "the archive has an extended header of more than 4 MiB",
  },
  {
    title: "an extended attribute of 70,000 bytes",
    entries: () => [
      etc,
      paxHeader({ "SCHILY.xattr.user.big": Buffer.alloc(70_000) }),
      rawEntry({ name: "f", type: "0" }),
    ],
    message: `the archive's entry "f" has an extended attribute of more than 64 KiB`,
  },
  {
    title: "an extended attribute with an impossible name",
    entries: () => [etc, paxHeader({ [`SCHILY.xattr.user.${long}`]: "v" }), rawEntry({ name: "f", type: "0" })],
    message: `the archive's entry "f" has an extended attribute with an impossible name`,
  },
  {
    title: "an extended header whose lengths lie",
    entries: () => [etc, rawEntry({ name: "PaxHeader", type: "x" }, Buffer.from("999 path=x\n")), file("f")],
    message: "the archive has a malformed extended header (PAX)",
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a sparse file of old GNU tar",
    entries: () => [etc, rawEntry({ name: "s", type: "S", magic: "ustar  \0" })],
    message: `the archive's entry "s" is of a type that is not supported, such as GNU's sparse file or volume label`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a sparse file of PAX",
    entries: () => [etc, paxHeader({ "GNU.sparse.major": "1" }), rawEntry({ name: "s", type: "0" })],
    message: `the archive's entry "s" is a sparse file, which is not supported; make the archive without --sparse`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a user id that is none",
    entries: () => [etc, paxHeader({ uid: "-1" }), rawEntry({ name: "f", type: "0" })],
    message: `the archive's entry "f" has an impossible uid`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a mode that is no number",
    entries: () => [etc, rawEntry({ name: "f", type: "0", mode: "zzzzzzz" })],
    message: `the archive's entry "f" has an impossible mode`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a size of half an exabyte",
    entries: () => [etc, paxHeader({ size: "500000000000000000" }), rawEntry({ name: "f", type: "0" })],
    message: `the archive's entry "f" has an impossible size`,
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a negative size",
    entries: () => [etc, paxHeader({ size: "-5" }), rawEntry({ name: "f", type: "0" })],
    message: "the archive is not a well-formed tar archive",
    code: "ARCHIVE_INVALID",
  },
  {
    title: "a folder with contents, which other readers take for headers",
    entries: () => [etc, rawEntry({ name: "d/", type: "5" }, Buffer.alloc(512, "z"))],
    message: "the archive is not a well-formed tar archive",
    code: "ARCHIVE_INVALID",
  },
];

for (const { title, entries, message, code = "ARCHIVE_HOSTILE" } of REFUSED)
  test(`refuses ${title}`, async () => {
    using w = new Workshop();
    const before = w.surroundings();
    const error = await failureOf(w.openBytes(await makeTar(entries(w.outside))));
    expect({ code: error.code, message: error.message }).toEqual({ code, message });
    expect(w.surroundings()).toEqual(before);
    expect(w.partials()).toEqual([]);
  });

interface Containment {
  readonly title: string;
  readonly entries: Entries;
  readonly check: (rootfs: string, outside: string) => void;
}

const CONTAINED: readonly Containment[] = [
  {
    title: "absolute names, which mean the root of the archive",
    entries: (outside) => [etc, file(`${outside}/secret`)],
    check: (rootfs, outside) => expect(readFileSync(join(rootfs, outside, "secret"), "utf8")).toBe("planted"),
  },
  {
    title: "a file in place of a symlink, which is replaced and not written through",
    entries: (outside) => [etc, symlink("etc/s", `${outside}/secret`), file("etc/s")],
    check: (rootfs) => expect(lstatSync(join(rootfs, "etc/s")).isFile()).toBe(true),
  },
  {
    title: "a folder in place of a symlink to a folder",
    entries: (outside) => [etc, symlink("door", outside), folder("door/"), file("door/secret")],
    check: (rootfs) => expect(readdirSync(join(rootfs, "door"))).toEqual(["secret"]),
  },
  {
    title: "a hard link to a symlink, which is another name for the symlink",
    entries: (outside) => [etc, symlink("s", `${outside}/secret`), link("l", "s"), file("l")],
    check: (rootfs, outside) => {
      expect(readlinkSync(join(rootfs, "s"))).toBe(`${outside}/secret`);
      expect(readFileSync(join(rootfs, "l"), "utf8")).toBe("planted");
    },
  },
  {
    title: "a hard link to itself",
    entries: () => [etc, file("etc/f", "kept"), link("etc/f", "etc/f")],
    check: (rootfs) => expect(readFileSync(join(rootfs, "etc/f"), "utf8")).toBe("kept"),
  },
  {
    title: "a file that comes twice, the first with a hard link",
    entries: () => [etc, file("a", "first"), link("b", "a"), file("a", "second")],
    check: (rootfs) => {
      expect(readFileSync(join(rootfs, "a"), "utf8")).toBe("second");
      expect(readFileSync(join(rootfs, "b"), "utf8")).toBe("first");
    },
  },
  {
    title: "a folder that comes twice",
    entries: () => [etc, folder("d/"), file("d/f"), { name: "d/", type: "directory", mode: 0o711 }],
    check: (rootfs) => {
      expect(lstatSync(join(rootfs, "d")).mode & 0o777).toBe(0o711);
      expect(existsSync(join(rootfs, "d/f"))).toBe(true);
    },
  },
  {
    title: "a file in place of a full folder",
    entries: () => [etc, file("d/e/f"), file("d", "flat")],
    check: (rootfs) => expect(readFileSync(join(rootfs, "d"), "utf8")).toBe("flat"),
  },
  {
    title: "a folder in place of a file",
    entries: () => [etc, file("d", "flat"), folder("d/"), file("d/f")],
    check: (rootfs) => expect(readdirSync(join(rootfs, "d"))).toEqual(["f"]),
  },
  {
    title: "a full folder in place of which comes a symlink to the outside",
    entries: (outside) => [etc, file("d/f"), symlink("d", outside)],
    check: (rootfs, outside) => expect(readlinkSync(join(rootfs, "d"))).toBe(outside),
  },
  {
    title: "an entry for the root",
    entries: () => [{ name: "./", type: "directory", mode: 0o750 }, etc, file("./f")],
    check: (rootfs) => {
      expect(lstatSync(rootfs).mode & 0o777).toBe(0o750);
      expect(existsSync(join(rootfs, "f"))).toBe(true);
    },
  },
  {
    title: "names with line breaks and escape sequences",
    entries: () => [etc, file("etc/a\nb\x1b[2J")],
    check: (rootfs) => expect(readdirSync(join(rootfs, "etc"))).toEqual(["a\nb\x1b[2J"]),
  },
  {
    title: "dots and doubled slashes",
    entries: () => [etc, file("etc//.//x")],
    check: (rootfs) => expect(readdirSync(join(rootfs, "etc"))).toEqual(["x"]),
  },
  {
    title: "a name like a property of every object",
    entries: () => [
      etc,
      file("__proto__/constructor"),
      paxHeader({ __proto__x: "1" }),
      rawEntry({ name: "toString", type: "0" }),
    ],
    check: (rootfs) => expect(readdirSync(rootfs).sort()).toEqual(["__proto__", "etc", "toString"]),
  },
  {
    title: "the bookkeeping of AUFS",
    entries: () => [etc, folder(".wh..wh.plnk/"), file(".wh..wh.plnk/1.2"), file(".wh..wh.aufs"), file("f")],
    check: (rootfs) => expect(readdirSync(rootfs).sort()).toEqual(["etc", "f"]),
  },
  {
    title: "whiteouts in a root file system, which hide nothing of its own",
    entries: () => [etc, file("etc/f", "kept"), file("etc/.wh.f"), file("etc/.wh..wh..opq")],
    check: (rootfs) => expect(readdirSync(join(rootfs, "etc"))).toEqual(["f"]),
  },
];

for (const { title, entries, check } of CONTAINED)
  test(`contains ${title}`, async () => {
    using w = new Workshop();
    const before = w.surroundings();
    const { rootfs } = await w.openBytes(await makeTar(entries(w.outside)));
    check(rootfs, w.outside);
    expect(w.surroundings()).toEqual(before);
    expect(w.partials()).toEqual([]);
  });

test("an error shows a hostile name without its escape sequences", async () => {
  using w = new Workshop();
  const error = await failureOf(w.openBytes(await makeTar([etc, file("../\x1b[31m\u202eevil\u009b")])));
  expect(error.message).toBe(
    `the archive's entry "../\\u001b[31m\\u202eevil\\u009b" has a name that leads out of the archive ('..')`,
  );
});

test("an error says what has become of the rest", async () => {
  using w = new Workshop();
  const error = await failureOf(w.openBytes(await makeTar([etc, file("../x")])));
  expect(error.hint).toBe(
    "Nothing was written outside of Sampan's own cache, and what was unpacked so far is removed. Use an archive from a source you trust.",
  );
});

test("a file that says it is larger than the limit is refused before it is written", async () => {
  using w = new Workshop();
  const bytes = Buffer.concat([
    await makeTar([etc]).then((tar) => tar.subarray(0, -1024)),
    rawHeader({ name: "f", type: "0", size: 8_000_000_000 }),
  ]);
  const error = await failureOf(w.openBytes(bytes, { limits: { expandedBytes: 2 ** 30 } }));
  expect([error.code, error.message]).toEqual(["ARCHIVE_HOSTILE", "the archive expands to more than 1073741824 bytes"]);
});

test("gzip that expands without end is stopped at the limit", async () => {
  using w = new Workshop();
  const before = w.surroundings();
  const bomb = gzipSync(Buffer.concat([await makeTar([etc]), Buffer.alloc(64 * 2 ** 20)]));
  const error = await failureOf(w.openBytes(bomb, { limits: { expandedBytes: 2 ** 20 } }));
  expect([error.code, error.message]).toEqual(["ARCHIVE_HOSTILE", "the archive expands to more than 1048576 bytes"]);
  expect(w.surroundings()).toEqual(before);
  expect(w.partials()).toEqual([]);
});

test("too many entries are refused", async () => {
  using w = new Workshop();
  const entries = Array.from({ length: 50 }, (_, i) => file(`etc/${i}`, ""));
  const error = await failureOf(w.openBytes(await makeTar([etc, ...entries]), { limits: { entries: 20 } }));
  expect([error.code, error.message]).toEqual(["ARCHIVE_HOSTILE", "the archive has more than 20 entries"]);
});

test("too many nodes are refused", async () => {
  using w = new Workshop();
  const nodes: EntryOptions[] = Array.from({ length: 30 }, (_, i) => ({ name: `etc/${i}`, type: "fifo" }));
  const error = await failureOf(w.openBytes(await makeTar([etc, ...nodes]), { limits: { specials: 20 } }));
  expect([error.code, error.message]).toEqual([
    "ARCHIVE_HOSTILE",
    "the archive has too many device nodes or extended attributes",
  ]);
});

test("a cache folder that is reached by a symlink of the user's is fine", async () => {
  using w = new Workshop();
  const path = w.write("archive", await makeTar([etc, file("etc/f", "x")]));
  const { symlinkSync } = await import("node:fs");
  symlinkSync(w.outside, join(w.folder, "elsewhere"));
  const { rootfs } = await openArchive(path, {
    cacheDir: join(w.folder, "elsewhere", "cache"),
    platform: { os: "linux", architecture: "amd64" },
    helpers: { runProgram: async () => {} },
  });
  expect(readFileSync(join(rootfs, "etc/f"), "utf8")).toBe("x");
});
