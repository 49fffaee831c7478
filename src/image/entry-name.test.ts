import { expect, test } from "bun:test";
import { splitName } from "./entry-name.ts";

for (const [name, parts] of [
  ["a/b", ["a", "b"]],
  ["/a", ["a"]],
  ["./a/./b//c/", ["a", "b", "c"]],
  ["./", []],
  ["/", []],
  ["...", ["..."]],
  ["..a/b..", ["..a", "b.."]],
] as const)
  test(`${JSON.stringify(name)} has the components ${JSON.stringify(parts)}`, () => {
    expect(splitName(name)).toEqual([...parts]);
  });

for (const name of ["..", "a/..", "../a", "/../a", "a/../b", "a\0b", "x".repeat(256), "a/".repeat(2048)])
  test(`${JSON.stringify(name.slice(0, 20))} is refused`, () => {
    expect(() => splitName(name)).toThrow("the archive's entry");
  });
