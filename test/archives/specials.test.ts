/** Nodes and extended attributes: what is asked of the executor, and what the real one makes of it. */
import { expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync } from "node:fs";
import { join } from "node:path";
import { SampanError } from "../../src/errors/index.ts";
import { explainFailure, NativeExecutor } from "../../src/executor/index.ts";
import type { Program } from "../../src/program/index.ts";
import { firstReason, missingCommand, missingFile, missingRoot, testUnless } from "../support/skip.ts";
import { makeTar, paxHeader, rawEntry } from "./make-archive.ts";
import { dockerSaveNew } from "./make-image.ts";
import { Workshop } from "./workshop.ts";

const EXECUTOR = join(import.meta.dirname, "../../dist/sampan-executor");
const CAPABILITY = Buffer.from("0100000280000000000000000000000000ff0000", "hex");

const BASE = [
  { name: "dev/", type: "directory", mode: 0o555 } as const,
  { name: "dev/null", type: "character-device", mode: 0o666, devmajor: 1, devminor: 3 } as const,
  { name: "dev/disk", type: "block-device", mode: 0o4640, uid: 5, gid: 6, devmajor: 259, devminor: 65_537 } as const,
  { name: "dev/pipe", type: "fifo", mode: 0o620, mtime: new Date(1_500_000_000_000) } as const,
  { name: "dev/nothing", type: "link", linkname: "dev/null" } as const,
  { name: "dev/replaced", type: "fifo" } as const,
  { name: "dev/replaced", body: "now a file" },
  { name: "dev/gone/pipe", type: "fifo" } as const,
  { name: "dev/gone", body: "now a file" },
  paxHeader({ "SCHILY.xattr.security.capability": CAPABILITY, "SCHILY.xattr.user.note": Buffer.from([0xff, 0, 0x80]) }),
  rawEntry({ name: "ping", type: "0", mode: "0000755" }, Buffer.from("ping")),
  paxHeader({ "SCHILY.xattr.trusted.overlay.redirect": "/etc", "SCHILY.xattr.security.selinux": "label" }),
  rawEntry({ name: "sly", type: "0" }),
  paxHeader({ "SCHILY.xattr.trusted.link": "on a symlink" }),
  rawEntry({ name: "soft", type: "2", linkname: "/etc/passwd" }),
  paxHeader({ "SCHILY.xattr.user.folder": "d" }),
  rawEntry({ name: "d/", type: "5", mode: "0000755" }),
];

async function native(program: Program): Promise<void> {
  const { failure } = await new NativeExecutor(EXECUTOR).execute(program, { stdin: "ignore" }).outcome;
  if (failure) throw explainFailure(program, failure);
}

function names(program: Program): string[] {
  return program.operations.map(({ name, arguments: args }) =>
    name === "mknodat" || name === "lsetxattr"
      ? `${name} ${args.slice(0, 2).filter((a) => typeof a === "string")}`
      : name,
  );
}

test("everything is asked for in one program, at the end", async () => {
  using w = new Workshop();
  const { skipped } = await w.openBytes(await makeTar(BASE), { rootless: false });
  expect(w.programs.length).toBe(1);
  const asked = names(w.programs[0] as Program).filter((name) => /^(mknodat|lsetxattr|linkat)/.test(name));
  expect(asked).toEqual(
    [
      "mknodat null",
      "linkat",
      "mknodat disk",
      "mknodat pipe",
      "lsetxattr d,user.folder",
      "lsetxattr ping,security.capability",
      "lsetxattr ping,user.note",
      "lsetxattr soft,trusted.link",
    ].sort((a, b) => asked.indexOf(a) - asked.indexOf(b)),
  );
  expect(skipped).toEqual([
    {
      path: "/sly",
      what: "trusted.overlay.redirect",
      why: "it is bookkeeping of an overlay file system, which would be taken for instructions",
    },
    {
      path: "/sly",
      what: "security.selinux",
      why: "it belongs to the security modules of the host that made the archive",
    },
  ]);
});

test("without root there are no devices, and what is missing is listed", async () => {
  using w = new Workshop();
  const { rootfs, skipped } = await w.openBytes(await makeTar(BASE), { rootless: true });
  expect(
    skipped.filter(({ why }) => why === "only root can make it").map(({ path, what }) => `${path} ${what}`),
  ).toEqual([
    "/dev/null character device",
    "/dev/disk block device",
    "/dev/nothing character device",
    "/ping security.capability",
    "/sly security.selinux",
    "/soft trusted.link",
  ]);
  expect(existsSync(join(rootfs, "dev/null"))).toBe(false);
  expect(names(w.programs[0] as Program).filter((name) => /^mknod|^lset/.test(name))).toEqual([
    "mknodat pipe",
    "lsetxattr d,user.folder",
    "lsetxattr ping,user.note",
  ]);
});

test("without anything special no program is run", async () => {
  using w = new Workshop();
  await w.openBytes(await makeTar([{ name: "etc/f", body: "x" }]));
  expect(w.programs).toEqual([]);
});

test("whiteouts hide nodes before they are made", async () => {
  using w = new Workshop();
  const lower = await makeTar([
    { name: "a/pipe", type: "fifo" },
    { name: "b/pipe", type: "fifo" },
    { name: "c", type: "fifo" },
  ]);
  const upper = await makeTar([
    { name: "a/.wh.pipe", body: "" },
    { name: ".wh.b", body: "" },
    { name: "d", type: "link", linkname: "c" },
    { name: ".wh.c", body: "" },
  ]);
  await w.openBytes(await dockerSaveNew({ layers: [{ tar: lower }, { tar: upper }] }));
  expect(names(w.programs[0] as Program).filter((name) => name.startsWith("mknodat"))).toEqual(["mknodat d"]);
});

test("a cache without extended attributes is told of and is no error", async () => {
  using w = new Workshop();
  let calls = 0;
  const runProgram = async (program: Program) => {
    calls += 1;
    if (program.operations.some(({ name }) => name === "lsetxattr"))
      throw new SampanError("SYSTEM_CALL", "no", { errno: "EOPNOTSUPP" });
  };
  const { skipped } = await w.openBytes(await makeTar(BASE), { rootless: false, helpers: { runProgram } });
  expect(calls).toBe(2);
  expect(
    skipped.filter(({ why }) => why === "the file system of the cache does not support it").map(({ what }) => what),
  ).toEqual(
    ["user.folder", "security.capability", "user.note", "trusted.link"].sort(
      (a, b) => skipped.findIndex(({ what }) => what === a) - skipped.findIndex(({ what }) => what === b),
    ),
  );
});

const needsExecutor = firstReason(missingFile(EXECUTOR, "run `make build`"), missingCommand("tar"));

testUnless(firstReason(missingRoot(), needsExecutor))("the real executor makes nodes and attributes", async () => {
  using w = new Workshop();
  const { rootfs } = await w.openBytes(await makeTar(BASE), { helpers: { runProgram: native } });
  const at = (name: string) => lstatSync(join(rootfs, name));
  expect([at("dev/null").isCharacterDevice(), at("dev/null").rdev, at("dev/null").mode & 0o7777]).toEqual([
    true,
    0x103,
    0o666,
  ]);
  expect(at("dev/nothing").ino).toBe(at("dev/null").ino);
  expect([
    at("dev/disk").isBlockDevice(),
    at("dev/disk").uid,
    at("dev/disk").gid,
    at("dev/disk").mode & 0o7777,
  ]).toEqual([true, 5, 6, 0o4640]);
  expect([at("dev/pipe").isFIFO(), at("dev/pipe").mode & 0o7777, at("dev/pipe").mtimeMs]).toEqual([
    true,
    0o620,
    1_500_000_000_000,
  ]);
  expect([at("dev/replaced").isFile(), at("dev/gone").isFile()]).toEqual([true, true]);
  expect(at("dev").mode & 0o777).toBe(0o555);
  const back = execFileSync("tar", [
    "-c",
    "--format=pax",
    "--xattrs",
    "--xattrs-include=*",
    "-C",
    rootfs,
    "ping",
    "soft",
    "d",
    "sly",
  ]);
  expect(back.includes(Buffer.concat([Buffer.from("SCHILY.xattr.security.capability="), CAPABILITY]))).toBe(true);
  expect(back.includes(Buffer.from("SCHILY.xattr.user.note=\xff\0\x80\n", "latin1"))).toBe(true);
  expect(back.includes("SCHILY.xattr.trusted.link=on a symlink\n")).toBe(true);
  expect(back.includes("SCHILY.xattr.user.folder=d\n")).toBe(true);
  expect(back.includes("overlay")).toBe(false);
});

testUnless(needsExecutor)("a FIFO and a user attribute need no root", async () => {
  using w = new Workshop();
  const { rootfs } = await w.openBytes(await makeTar(BASE), { rootless: true, helpers: { runProgram: native } });
  expect(lstatSync(join(rootfs, "dev/pipe")).isFIFO()).toBe(true);
});
