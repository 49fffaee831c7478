import { expect, test } from "bun:test";
import { encode, explain } from "../program/index.ts";
import { batchSpecials, type Special, specialsProgram } from "./specials.ts";

const SPECIALS: readonly Special[] = [
  {
    kind: "node",
    path: "dev/null",
    type: "character-device",
    mode: 0o666,
    uid: 0,
    gid: 0,
    major: 1,
    minor: 3,
    links: ["dev/nothing", "void"],
  },
  { kind: "node", path: "run/pipe", type: "fifo", mode: 0o4640, uid: 7, gid: 8, major: 0, minor: 0, links: [] },
  { kind: "attribute", path: "dev/null", name: "trusted.x", value: Uint8Array.of(1, 0, 255) },
  { kind: "attribute", path: "", name: "user.root", value: new Uint8Array(0) },
];

test("nodes, links and attributes become calls, folder by folder", () => {
  const program = specialsProgram(SPECIALS, "/cache/rootfs", "x64");
  const calls = program.operations.map(({ name, arguments: args }) =>
    [
      name,
      ...args.map((a) =>
        typeof a === "object" && a !== null ? ("label" in a ? a.label : "name" in a ? a.name : "") : a,
      ),
    ].join(" "),
  );
  expect(calls).toEqual([
    "umask 0",
    "openat -100 /cache/rootfs 2621440 0".replace("2621440", String(0o12000000)),
    "openat2 root dev {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS} 24",
    "unlinkat folder null 0",
    "mknodat folder null 8630 259".replace("8630", String(0o020666)),
    "openat2 root dev {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS} 24",
    "unlinkat otherFolder nothing 0",
    "linkat folder null otherFolder nothing 0",
    "close otherFolder",
    "openat2 root . {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS} 24",
    "unlinkat otherFolder void 0",
    "linkat folder null otherFolder void 0",
    "close otherFolder",
    "fchdir folder",
    "lsetxattr null trusted.x 3 bytes 3 0",
    "close folder",
    "openat2 root run {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS} 24",
    "unlinkat folder pipe 0",
    `mknodat folder pipe ${0o014640} 0`,
    "fchownat folder pipe 7 8 256",
    `fchmodat folder pipe ${0o4640}`,
    "close folder",
    "openat2 root . {O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS} 24",
    "fchdir folder",
    "lsetxattr . user.root 0 bytes 0 0",
    "close folder",
    "exit 0",
  ]);
});

test("the program can be encoded for both architectures and explained", () => {
  for (const architecture of ["x64", "arm64"] as const) {
    const program = specialsProgram(SPECIALS, "/cache/rootfs", architecture);
    expect(encode(program).image.length).toBeGreaterThan(1000);
    expect(explain(program)).toContain("lsetxattr");
  }
});

test("names that are no UTF-8 are passed as bytes", () => {
  const special: Special = { kind: "attribute", path: "\xff/\xfe", name: "user.a", value: Uint8Array.of(1) };
  const program = specialsProgram([special], "/ä", "x64");
  const image = Buffer.from(encode(program).image);
  expect(image.includes(Buffer.from([0xff, 0]))).toBe(true);
  expect(image.includes(Buffer.from([0xfe, 0]))).toBe(true);
  expect(image.includes(Buffer.from("/ä\0", "utf8"))).toBe(true);
});

test("what is too much for one program becomes several, in order, and nothing is lost", () => {
  const specials = Array.from(
    { length: 30_000 },
    (_, i): Special => ({ kind: "attribute", path: `f${i}`, name: "user.a", value: new Uint8Array(8) }),
  );
  const batches = batchSpecials(specials);
  expect(batches.length).toBe(3);
  expect(batches.flat()).toEqual(specials);
  for (const batch of batches) expect(specialsProgram(batch, "/r", "x64").operations.length).toBeLessThanOrEqual(65536);
  expect(batchSpecials([])).toEqual([]);
});
