import { expect, test } from "bun:test";
import { outcomeOfBunTest, testCases } from "./junit.ts";

const REPORT = `<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="bun test">
  <testsuite name="a.test.ts">
    <testcase name="says &quot;hi&quot; &amp; goes" classname="inner &gt; outer" time="0" file="a.test.ts" />
    <testcase name="needs more [skipped: needs root]" classname="" time="0" file="a.test.ts">
      <skipped />
    </testcase>
    <testcase name="below" classname="beside crun [skipped: crun is not installed]" time="0" file="a.test.ts">
      <skipped />
    </testcase>
    <testcase name="breaks" classname="" time="0" file="a.test.ts">
      <failure type="AssertionError" message="1&#10;2">AssertionError</failure>
    </testcase>
  </testsuite>
</testsuites>`;

test("a case has its describes, outermost first", () => {
  expect(testCases(REPORT)[0]).toEqual({
    file: "a.test.ts",
    path: ["outer", "inner", 'says "hi" & goes'],
    state: "passed",
  });
});

test("cases are counted, and skips carry their reasons", () => {
  const outcome = outcomeOfBunTest(REPORT, 1, "");
  expect(outcome).toEqual({
    passed: 1,
    failed: 1,
    skips: [
      { title: "a.test.ts > needs more", reason: "needs root" },
      { title: "a.test.ts > beside crun > below", reason: "crun is not installed" },
    ],
    output: "",
  });
});

test("a skip without a reason is a failure", () => {
  const report = '<testcase name="later" classname="" file="b.test.ts"><skipped message="TODO" /></testcase>';
  const outcome = outcomeOfBunTest(report, 0, "");
  expect(outcome.failed).toBe(1);
  expect(outcome.output).toBe("skipped without a reason: b.test.ts > later\n");
});

test("a file that does not load is a failure although the report knows nothing of it", () => {
  expect(outcomeOfBunTest("<testsuites></testsuites>", 1, " 0 pass\n 1 fail\n 1 error\n").failed).toBe(1);
});

test("a run that ends without a report is a failure", () => {
  expect(outcomeOfBunTest(undefined, 0, "").failed).toBe(1);
});
