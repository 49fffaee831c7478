import { expect, test } from "bun:test";
import { forbiddenSkips, parseMustRun } from "./must-run.ts";
import { outcomeOfProgram } from "./outcome.ts";

test("a program without a closing line is one test", () => {
  expect(outcomeOfProgram("lint", 0, "fine\n")).toEqual({ passed: 1, failed: 0, skips: [], output: "" });
  expect(outcomeOfProgram("lint", 1, "bad\n")).toEqual({ passed: 0, failed: 1, skips: [], output: "bad\n" });
});

test("exit code 77 is a skip whose reason is the last line", () => {
  const outcome = outcomeOfProgram("vm", 77, "looking\nQEMU is not installed\n");
  expect(outcome.skips).toEqual([{ title: "vm", reason: "QEMU is not installed" }]);
  expect(outcome.failed).toBe(0);
});

test("a program with a closing line is counted by it", () => {
  const output = "skipped: freezer: no such controller\n7 passed, 0 failed, 1 skipped\n";
  expect(outcomeOfProgram("vm", 0, output)).toMatchObject({
    passed: 7,
    failed: 0,
    skips: [{ title: "vm > freezer", reason: "no such controller" }],
  });
});

test("a program without a closing line can say what it skipped", () => {
  const outcome = outcomeOfProgram("fuzz", 0, "fuzz: SKIPPED fuzz-verify: clang is not installed\nfine\n");
  expect(outcome).toMatchObject({
    passed: 1,
    skips: [{ title: "fuzz > fuzz-verify", reason: "clang is not installed" }],
  });
});

test("a closing line without failures does not hide a bad exit code", () => {
  expect(outcomeOfProgram("vm", 1, "7 passed, 0 failed, 0 skipped\n").failed).toBe(1);
});

test("a program's skip without a reason is a failure", () => {
  expect(outcomeOfProgram("vm", 0, "7 passed, 0 failed, 1 skipped\n").failed).toBe(1);
});

test("what CI must run is a list of titles and of their beginnings", () => {
  const mustRun = parseMustRun("# comment\n\nvm\nsrc/*\n");
  const skips = ["vm", "vm > freezer", "test/e2e/a.test.ts > x", "src/plan/a.test.ts > y"].map((title) => ({
    title,
    reason: "because",
  }));
  expect(forbiddenSkips(skips, mustRun).map((skip) => skip.title)).toEqual(["vm", "src/plan/a.test.ts > y"]);
});
