import { describe, expect, test } from "bun:test";
import {
  capData,
  capHeader,
  deviceNumber,
  gidList,
  ifreqFlags,
  MOUNT_ATTR_USERNS_AT,
  mountAttr,
  openHow,
  RLIM_INFINITY,
  rlimit64,
} from "./index.ts";

/** Bytes as hexadecimal, in groups of eight bytes. */
function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex").replace(/.{16}/g, "$& ").trim();
}

describe("structures, byte by byte", () => {
  test("open_how is flags, mode and resolve, 64 bits each", () => {
    expect(hex(openHow(0x20_0000, 0o644, 0x12))).toBe("0000200000000000 a401000000000000 1200000000000000");
  });

  test("mount_attr is set, clear, propagation and a descriptor, 64 bits each", () => {
    expect(hex(mountAttr(0x0010_0001, 0x70, 1 << 18))).toBe(
      "0100100000000000 7000000000000000 0000040000000000 0000000000000000",
    );
    expect(MOUNT_ATTR_USERNS_AT).toBe(24);
  });

  test("a negative number keeps its sign over 64 bits", () => {
    expect(hex(mountAttr(-1, -2, 0))).toBe("ffffffffffffffff feffffffffffffff 0000000000000000 0000000000000000");
  });

  test("rlimit64 is the soft and the hard limit; undefined and RLIM_INFINITY are unlimited", () => {
    expect(hex(rlimit64(1024n, 0x1_0000_0001n))).toBe("0004000000000000 0100000001000000");
    expect(hex(rlimit64(undefined, RLIM_INFINITY))).toBe("ffffffffffffffff ffffffffffffffff");
  });

  test("the capability header is version 3 of the calling thread", () => {
    expect(hex(capHeader())).toBe("2205082000000000");
  });

  test("capability data hold the low words of all three sets before the high words", () => {
    expect(hex(capData(["CAP_CHOWN", "CAP_BPF"], ["CAP_SETFCAP"], ["CAP_CHECKPOINT_RESTORE"]))).toBe(
      "0100000000000080 0000000080000000 0000000000010000",
    );
    expect(hex(capData([], [], []))).toBe("0000000000000000 0000000000000000 0000000000000000");
  });

  test("ifreq holds a name of at most 15 characters and the flags behind 16 bytes", () => {
    expect(hex(ifreqFlags("lo", 0x41))).toBe(
      "6c6f000000000000 0000000000000000 4100000000000000 0000000000000000 0000000000000000",
    );
    expect(hex(ifreqFlags("0123456789abcdefgh", 0x1)).slice(0, 33)).toBe("3031323334353637 3839616263646500");
  });

  test("groups are 32 bits each, up to the highest id", () => {
    expect(hex(gidList([]))).toBe("");
    expect(hex(gidList([5, 0xffff_fffe]))).toBe("05000000feffffff");
  });

  test("device numbers spread major and minor as makedev(3) does", () => {
    expect(deviceNumber(1, 3)).toBe(0x103);
    expect(deviceNumber(259, 0)).toBe(0x10300);
    expect(deviceNumber(8, 0x12345)).toBe(0x12300845);
    expect(deviceNumber(0xfff, 0xfffff)).toBe(0xffff_ffff);
  });
});
