import { expect, test } from "bun:test";
import { failuresOf, parseTap } from "./tap.ts";

test("tests, skips, notes and the plan are found between other lines", () => {
  const console = [
    "[    0.5] PCI: Fatal: No config space access function found",
    "ok 1 - holds\r",
    "not ok 2 - fails",
    "# expected 1",
    "#   got 2",
    "ok 3 - cannot # SKIP no such controller",
    "1..3",
  ];
  expect(parseTap(console.join("\n"))).toEqual({
    tests: [
      { title: "holds", state: "passed", notes: [] },
      { title: "fails", state: "failed", notes: ["expected 1", "  got 2"] },
      { title: "cannot", state: "skipped", reason: "no such controller", notes: [] },
    ],
    planned: 3,
  });
});

test("a failed test is shown with its notes", () => {
  expect(failuresOf(parseTap("not ok 1 - fails\n# got 2\n1..1"))).toEqual(["fails\n  got 2"]);
});

test("a script that stops early is a failure, and so is a test that never reported", () => {
  expect(failuresOf(parseTap("ok 1 - a\n"))).toEqual(["the script in the machine did not reach its end"]);
  expect(failuresOf(parseTap("ok 1 - a\n1..2\n"))).toEqual(["2 tests were announced, and 1 reported"]);
  expect(failuresOf(parseTap("ok 1 - a\n1..1\n"))).toEqual([]);
});
