import { describe, expect, test } from "bun:test";
import { decodeEnumeration, decodeFlags, MOUNT_ATTR, MS, O, openFlags, SIGNALS } from "./index.ts";

describe("flag words", () => {
  test("are names joined by a bar, in the order of the table", () => {
    expect(decodeFlags(4097, MS)).toBe("MS_RDONLY|MS_BIND");
    expect(decodeFlags(O.O_PATH | O.O_CLOEXEC | O.O_DIRECTORY, O)).toBe("O_DIRECTORY|O_CLOEXEC|O_PATH");
    expect(decodeFlags(MOUNT_ATTR.MOUNT_ATTR_NODEV, MOUNT_ATTR)).toBe("MOUNT_ATTR_NODEV");
  });

  test("are 0 when nothing is set", () => {
    expect(decodeFlags(0, MS)).toBe("0");
    expect(decodeFlags(0n, {})).toBe("0");
  });

  test("keep bits without a name, in hexadecimal", () => {
    expect(decodeFlags(0x41, { A: 0x40 })).toBe("A|0x1");
    expect(decodeFlags(0x8000_0000, {})).toBe("0x80000000");
    expect(decodeFlags(1n << 40n, { A: 1 })).toBe("0x10000000000");
  });

  test("take a flag of several bits only when all of them are set", () => {
    expect(decodeFlags(3, { BOTH: 3, ONE: 1 })).toBe("BOTH");
    expect(decodeFlags(1, { BOTH: 3, ONE: 1 })).toBe("ONE");
  });

  test("may be negative numbers", () => {
    expect(decodeFlags(-1, { A: 1 })).toBe("A|0xfffffffffffffffe");
  });
});

describe("enumerations", () => {
  test("are the name of the value", () => {
    expect(decodeEnumeration(9, SIGNALS)).toBe("SIGKILL");
    expect(decodeEnumeration(9n, SIGNALS)).toBe("SIGKILL");
  });

  test("are the number when it has no name", () => {
    expect(decodeEnumeration(64, SIGNALS)).toBe("64");
  });
});

describe("O_DIRECTORY and O_NOFOLLOW", () => {
  test("are the generic bits on x86-64", () => {
    expect(openFlags("x64")).toEqual({ directory: 0o200000, nofollow: 0o400000 });
  });

  test("are other bits on arm64 (arch/arm64/include/uapi/asm/fcntl.h)", () => {
    expect(openFlags("arm64")).toEqual({ directory: 0o40000, nofollow: 0o100000 });
  });
});
