import { expect, test } from "bun:test";
import { CAPABILITIES, capabilityMask, capabilityNames, capabilityNumber, DEFAULT_CAPABILITIES } from "./index.ts";

test("the index of a capability is its number", () => {
  expect(capabilityNumber("CAP_CHOWN")).toBe(0);
  expect(capabilityNumber("CAP_SYS_ADMIN")).toBe(21);
  expect(capabilityNumber("CAP_CHECKPOINT_RESTORE")).toBe(40);
  expect(CAPABILITIES).toHaveLength(41);
});

test("an unknown name has no number", () => {
  expect(capabilityNumber("CAP_FLY")).toBeUndefined();
  expect(capabilityNumber("cap_chown")).toBeUndefined();
});

test("a set becomes a mask of 64 bits, and unknown names do not count", () => {
  expect(capabilityMask([])).toBe(0n);
  expect(capabilityMask(["CAP_CHOWN", "CAP_CHECKPOINT_RESTORE", "CAP_FLY"])).toBe(0x100_0000_0001n);
  expect(capabilityMask(CAPABILITIES)).toBe(0x1ff_ffff_ffffn);
});

test("the default set is Docker's, 0xa80425fb in /proc/self/status of its containers", () => {
  expect(capabilityMask(DEFAULT_CAPABILITIES)).toBe(0xa804_25fbn);
});

test("a mask becomes names in the kernel's order, and bits without a name are left out", () => {
  expect(capabilityNames(0n)).toEqual([]);
  expect(capabilityNames(0x100_0020_0001n)).toEqual(["CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE"]);
  expect(capabilityNames(1n << 63n)).toEqual([]);
});
