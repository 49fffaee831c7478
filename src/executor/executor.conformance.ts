/** What every executor does, whether it performs programs or only looks at them. */
import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { AT_FDCWD } from "../kernel/index.ts";
import { type Architecture, type Program, ProgramBuilder } from "../program/index.ts";
import type { ExecuteOptions, Executor } from "./executor.ts";
import type { PlannedFailure } from "./paper.ts";

/** What the program is going to do; an executor that performs programs finds out itself. */
export interface Answer {
  readonly exitCode?: number;
  readonly failure?: PlannedFailure;
}

export interface ExecutorUnderTest {
  readonly name: string;
  readonly make: (answer: Answer) => Executor;
  /** Programs are performed, by a process. */
  readonly performs: boolean;
  /** Knows how programs end: a dry run takes it that everything goes well. */
  readonly knowsTheEnd: boolean;
}

const ARCHITECTURE: Architecture = process.arch === "arm64" ? "arm64" : "x64";
const QUIET: ExecuteOptions = { stdin: "ignore", stdout: "ignore", stderr: "ignore" };

function programOf(steps: (b: ProgramBuilder) => void): Program {
  const b = new ProgramBuilder(ARCHITECTURE);
  steps(b);
  return b.build();
}

const exits = (code: number) => programOf((b) => b.exit(code, "the end"));

/** Step 1 fails. */
const fails = programOf((b) => {
  b.call("getpid", [], "a step that succeeds");
  b.call("chdir", ["/nowhere/at/all"], "a folder that is not there");
  b.exit(0, "the end");
});

const withBuffers = programOf((b) => {
  b.buffer("first", 3);
  b.buffer("second", 16);
  b.exit(0, "the end");
});

const NONE = { kind: "vector", values: [] } as const;

/** The builder's types do not allow these. */
const malformed: readonly (readonly [title: string, program: Program])[] = [
  [
    "a string with a zero character",
    programOf((b) => {
      b.call("chdir", ["/srv\0/x"], "");
      b.exit(0, "");
    }),
  ],
  [
    "more fills than a step has room for",
    programOf((b) => {
      const r = b.register("r");
      b.call("getpid", [], "", { result: r });
      b.control("exec", [{ kind: "vector", values: [b.text("a", r), b.text("b", r), b.text("c", r)] }, NONE, NONE], "");
      b.exit(0, "");
    }),
  ],
  ["a call that its architecture does not have", withCall("open")],
  ["a call that there is not", withCall("fly")],
];

function withCall(name: string): Program {
  const program = programOf((b) => {
    b.call("close", [7], "");
    b.exit(0, "");
  });
  const operations = program.operations.map((op, i) => (i === 0 ? { ...op, name: name as "close" } : op));
  return { ...program, architecture: "arm64", operations };
}

function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error("it was accepted");
}

export function describeExecutor({ name, make, performs, knowsTheEnd }: ExecutorUnderTest): void {
  describe(`${name} executor`, () => {
    test("says that a program ended well", async () => {
      const { outcome } = make({}).execute(exits(0), QUIET);
      const { exitCode, failure, cleanup, signal } = await outcome;
      expect({ exitCode, failure, cleanup, signal }).toEqual({
        exitCode: 0,
        failure: undefined,
        cleanup: undefined,
        signal: undefined,
      });
    });

    if (knowsTheEnd) {
      test.each([1, 42, 125, 255])("says that a program ended with %d", async (exitCode) => {
        const outcome = await make({ exitCode }).execute(exits(exitCode), QUIET).outcome;
        expect(outcome.exitCode).toBe(exitCode);
        expect(outcome.failure).toBeUndefined();
      });

      test("says which step failed, and why", async () => {
        const failure = { step: 1, errno: "ENOENT" } as const;
        const outcome = await make({ failure }).execute(fails, QUIET).outcome;
        expect(outcome.failure).toEqual({ ...failure, detail: 0 });
        expect(outcome.exitCode).toBe(125);
      });
    }

    test("gives back every buffer by its name", async () => {
      const { buffers } = await make({}).execute(withBuffers, QUIET).outcome;
      expect(buffers).toEqual({ first: new Uint8Array(3), second: new Uint8Array(16) });
    });

    test("tells times that are no less than nothing", async () => {
      const outcome = await make({}).execute(exits(0), QUIET).outcome;
      expect(outcome.wallTimeNs >= 0n).toBe(true);
      expect(outcome.userTimeUs >= 0 && outcome.systemTimeUs >= 0 && outcome.maxRssBytes >= 0).toBe(true);
    });

    test(performs ? "has a process" : "has no process, and nothing to read or write", async () => {
      const { pid, stdin, stdout, stderr, outcome } = make({}).execute(exits(0), QUIET);
      expect(typeof pid).toBe(performs ? "number" : "undefined");
      expect([stdin, stdout, stderr]).toEqual([null, null, null]);
      await outcome;
    });

    test("starts nothing when the signal has fired already, and says the signal's reason", () => {
      const reason = new Error("changed my mind");
      const execute = () => make({}).execute(exits(0), { ...QUIET, signal: AbortSignal.abort(reason) });
      expect(thrown(execute)).toBe(reason);
    });

    test("does not care about a signal that fires after the end", async () => {
      const controller = new AbortController();
      const { outcome } = make({}).execute(exits(0), { ...QUIET, signal: controller.signal });
      await outcome;
      controller.abort();
      expect((await outcome).exitCode).toBe(0);
    });

    test("performs one program after the other, and several at once", async () => {
      const executor = make({});
      await executor.execute(exits(0), QUIET).outcome;
      const all = await Promise.all([1, 2, 3].map(() => executor.execute(exits(0), QUIET).outcome));
      expect(all.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0]);
    });

    test.each(malformed)("refuses a program with %s", (_title, program) => {
      const error = thrown(() => make({}).execute(program, QUIET));
      expect(error).toBeInstanceOf(SampanError);
      expect((error as SampanError).code).toBe("PROGRAM_INVALID");
      expect((error as SampanError).message).toStartWith("this program is wrong");
    });

    test("does not change the program", async () => {
      const before = structuredClone(fails.operations);
      await make({ failure: { step: 1, errno: "ENOENT" } }).execute(fails, QUIET).outcome;
      expect(fails.operations).toEqual(before);
    });

    test("takes paths relative to this process's folder", async () => {
      const here = programOf((b) => {
        b.call("openat", [AT_FDCWD, ".", 0, 0], "this folder");
        b.exit(0, "the end");
      });
      expect((await make({}).execute(here, QUIET).outcome).failure).toBeUndefined();
    });
  });
}
