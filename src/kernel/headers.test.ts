/** The tables against the system's own kernel headers, as the C compiler reads them. */
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { describeUnless, missingCommand, missingFile } from "../../test/support/skip.ts";
import {
  AF,
  AT,
  CLONE,
  CLOSE_RANGE,
  ERRNO,
  FCNTL,
  MNT,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  OPEN_TREE,
  PR,
  RESOLVE,
  S_IF,
  SIGNALS,
  SYSCALL_NUMBERS,
} from "./index.ts";

const needs =
  missingCommand("cc", "gcc") ?? missingFile("/usr/include/linux/openat2.h", "install linux-libc-dev (Debian)");

/** `0x20U`, `0100`, `(1U << 2)`. */
function numberIn(text: string): number | undefined {
  const [, digits, shift = "0"] = /^\(?(0x[0-9a-f]+|\d+)[UL]*(?: ?<< ?(\d+))?\)?$/i.exec(text) ?? [];
  if (digits === undefined) return undefined;
  return (/^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits)) * 2 ** Number(shift);
}

/** All macros after these headers, with those that name others followed to a number. */
function macrosOf(headers: readonly string[], ...defines: readonly string[]): ReadonlyMap<string, number> {
  const args = ["-E", "-dM", "-x", "c", ...defines.map((name) => `-D${name}`), "-"];
  const input = headers.map((header) => `#include <${header}>\n`).join("");
  const { stdout, stderr, status } = spawnSync("cc", args, { input, encoding: "utf8" });
  if (status !== 0) throw new Error(stderr);
  const texts = new Map(
    [...stdout.matchAll(/^#define (\w+) (.+)$/gm)].map(([, name = "", value = ""]) => [name, value]),
  );
  const numbers = new Map<string, number>();
  for (const name of texts.keys()) {
    let text = name;
    for (let hops = 0; hops < 8 && texts.has(text); hops++) text = texts.get(text) ?? "";
    const value = numberIn(text);
    if (value !== undefined) numbers.set(name, value);
  }
  return numbers;
}

/** What the table says, for the names that the headers know as well; and what they say. */
function compare(table: Readonly<Record<string, number>>, macros: ReadonlyMap<string, number>, prefix = "") {
  const known = Object.entries(table).filter(([name]) => macros.has(prefix + name));
  return {
    ours: Object.fromEntries(known),
    theirs: Object.fromEntries(known.map(([name]) => [name, macros.get(prefix + name) ?? Number.NaN])),
    count: known.length,
  };
}

const column = (index: 0 | 1) =>
  Object.fromEntries(
    Object.entries(SYSCALL_NUMBERS)
      .map(([name, numbers]) => [name, numbers[index]] as const)
      .filter(([, number]) => number >= 0),
  );

describeUnless(needs)("the headers of this system agree", () => {
  test("about the numbers of system calls on this architecture", () => {
    const macros = macrosOf(["asm/unistd.h"]);
    const { ours, theirs, count } = compare(column(process.arch === "arm64" ? 1 : 0), macros, "__NR_");
    expect(ours).toEqual(theirs);
    expect(count).toBeGreaterThan(300);
  });

  test("about the numbers of arm64, which are the generic ones", () => {
    const wanted = ["RENAMEAT", "NEW_STAT", "SET_GET_RLIMIT", "TIME32_SYSCALLS", "SYS_CLONE3", "MEMFD_SECRET"];
    const macros = macrosOf(["asm-generic/unistd.h"], ...wanted.map((name) => `__ARCH_WANT_${name}`));
    const { ours, theirs, count } = compare(column(1), macros, "__NR_");
    expect(ours).toEqual(theirs);
    expect(count).toBeGreaterThan(280);
  });

  test("about error numbers", () => {
    const { ours, theirs, count } = compare(ERRNO, macrosOf(["asm/errno.h"]));
    expect(ours).toEqual(theirs);
    expect(count).toBeGreaterThan(120);
  });

  describe.each([
    ["AF", AF, ["sys/socket.h"], 1],
    ["AT", AT, ["linux/fcntl.h"], 3],
    ["CLONE", CLONE, ["linux/sched.h"], 9],
    ["CLOSE_RANGE", CLOSE_RANGE, ["linux/close_range.h"], 2],
    ["FCNTL", FCNTL, ["fcntl.h", "linux/fcntl.h"], 2],
    ["MNT", MNT, ["sys/mount.h"], 0],
    ["MOUNT_ATTR", MOUNT_ATTR, ["linux/mount.h"], 9],
    ["MOVE_MOUNT", MOVE_MOUNT, ["linux/mount.h"], 2],
    ["MS", MS, ["linux/mount.h"], 10],
    ["OPEN_TREE", OPEN_TREE, ["linux/mount.h", "linux/fcntl.h"], 2],
    ["PR", PR, ["linux/prctl.h"], 8],
    ["RESOLVE", RESOLVE, ["linux/openat2.h"], 5],
    ["S_IF", S_IF, ["linux/stat.h"], 7],
    ["SIGNALS", SIGNALS, ["asm/signal.h"], 30],
  ] as const)("%s", (_name, table, headers, least) => {
    test(`is what ${headers.join(" and ")} says`, () => {
      const { ours, theirs, count } = compare(table, macrosOf(headers));
      expect(ours).toEqual(theirs);
      expect(count).toBeGreaterThanOrEqual(least);
    });
  });
});
