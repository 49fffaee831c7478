import { describe, expect, test } from "bun:test";
import { type Program, ProgramBuilder } from "../program/index.ts";
import { describeExecutor } from "./executor.conformance.ts";
import { DryRunExecutor, RecordingExecutor } from "./index.ts";

describeExecutor({
  name: "recording",
  make: (answer) => new RecordingExecutor(answer),
  performs: false,
  knowsTheEnd: true,
});
describeExecutor({
  name: "dry-run",
  make: () => new DryRunExecutor(() => undefined),
  performs: false,
  knowsTheEnd: false,
});

/** It would remove something. */
function program(): Program {
  const b = new ProgramBuilder("x64");
  b.call("unlinkat", [-100, "/srv/data", 0], "remove it");
  b.exit(0, "the end");
  return b.build();
}

describe("the recording executor", () => {
  test("keeps the programs that it is given, in order", () => {
    const executor = new RecordingExecutor();
    const [first, second] = [program(), program()];
    executor.execute(first);
    executor.execute(second);
    expect(executor.programs).toEqual([first, second]);
    expect(executor.programs[0]).toBe(first);
  });

  test("keeps none that it refuses", () => {
    const executor = new RecordingExecutor();
    expect(() => executor.execute({ ...program(), finallyStep: 9 })).toThrow("its final part starts outside of it");
    expect(executor.programs).toEqual([]);
  });

  test("refuses to fail at a step that the program does not have", () => {
    const executor = new RecordingExecutor({ failure: { step: 2, errno: "EPERM" } });
    expect(() => executor.execute(program())).toThrow(new RangeError("the program has no step 2"));
  });
});

describe("the dry-run executor", () => {
  test("hands over each program before it answers", async () => {
    const printed: Program[] = [];
    const wanted = program();
    const { outcome } = new DryRunExecutor((shown) => printed.push(shown)).execute(wanted);
    expect(printed).toEqual([wanted]);
    expect((await outcome).exitCode).toBe(0);
  });

  test("prints nothing that it refuses", () => {
    const printed: Program[] = [];
    const executor = new DryRunExecutor((shown) => printed.push(shown));
    expect(() => executor.execute({ ...program(), operations: [] })).toThrow("it needs 1 to 65536 operations");
    expect(printed).toEqual([]);
  });
});
