import { expect, test } from "bun:test";
import { closest, editDistance } from "./suggest.ts";

test("a slip of the fingers finds its word", () => {
  expect(closest("memroy", ["memory", "mount"])).toBe("memory");
  expect(closest("pidz", ["pid", "ipc"])).toBe("pid");
});

test("a shortened or lengthened word counts as close", () => {
  expect(closest("network", ["net", "uts"])).toBe("net");
  expect(closest("priv", ["privileged", "pid"])).toBe("privileged");
});

test("nothing is suggested for a word that is far from all", () => {
  expect(closest("zzz", ["memory", "pid"])).toBeUndefined();
  expect(closest("x", [])).toBeUndefined();
});

test("the distance counts insertions, deletions, substitutions and swaps of neighbours", () => {
  expect(editDistance("", "abc")).toBe(3);
  expect(editDistance("abc", "ab")).toBe(1);
  expect(editDistance("abc", "axc")).toBe(1);
  expect(editDistance("abc", "acb")).toBe(1);
  expect(editDistance("kitten", "sitting")).toBe(3);
});
