import { ERRNO, type ErrnoName } from "../kernel/index.ts";
import { encode, type Program, RESULT_MAGIC, verify } from "../program/index.ts";
import type { ExecuteOptions, Execution, Executor } from "./executor.ts";
import { decodeOutcome, type Outcome, RESULT_SIZE } from "./outcome.ts";

/** A result as the native executor would write it, for a command that ends with `exitCode` or a step that fails. */
function resultBytes(program: Program, encodedSize: number, exitCode: number, failure?: PlannedFailure): Uint8Array {
  const bytes = new Uint8Array(RESULT_SIZE + encodedSize);
  new TextEncoder().encodeInto(RESULT_MAGIC, bytes);
  const view = new DataView(bytes.buffer);
  view.setInt32(8, failure?.step ?? -1, true);
  view.setInt32(12, failure ? ERRNO[failure.errno] : 0, true);
  view.setInt32(20, -1, true);
  view.setInt32(28, exitCode << 8, true);
  if (failure && failure.step >= program.operations.length)
    throw new RangeError(`the program has no step ${failure.step}`);
  return bytes;
}

export interface PlannedFailure {
  readonly step: number;
  readonly errno: ErrnoName;
}

function check(program: Program, options: ExecuteOptions): void {
  options.signal?.throwIfAborted();
  verify(program);
}

function outcomeOnPaper(program: Program, exitCode: number, failure?: PlannedFailure): Outcome {
  const encoded = encode(program);
  const size = Math.max(0, ...encoded.bufferOffsets.map((at, i) => at + (program.buffers[i]?.size ?? 0)));
  return decodeOutcome(resultBytes(program, size, exitCode, failure), program.buffers);
}

const NO_PROCESS = { pid: undefined, stdin: null, stdout: null, stderr: null } as const;

/** Keeps every program it is given, and answers as if it had been performed: for tests of what plans programs. */
export class RecordingExecutor implements Executor {
  readonly programs: Program[] = [];
  readonly #exitCode: number;
  readonly #failure: PlannedFailure | undefined;

  constructor(answer: { readonly exitCode?: number; readonly failure?: PlannedFailure } = {}) {
    this.#exitCode = answer.exitCode ?? 0;
    this.#failure = answer.failure;
  }

  execute(program: Program, options: ExecuteOptions = {}): Execution {
    check(program, options);
    this.programs.push(program);
    return { ...NO_PROCESS, outcome: Promise.resolve(outcomeOnPaper(program, this.#exitCode, this.#failure)) };
  }
}

/** Verifies, hands the program to `print`, and performs nothing: `--dry-run`. */
export class DryRunExecutor implements Executor {
  readonly #print: (program: Program) => void;

  constructor(print: (program: Program) => void) {
    this.#print = print;
  }

  execute(program: Program, options: ExecuteOptions = {}): Execution {
    check(program, options);
    const outcome = outcomeOnPaper(program, 0);
    this.#print(program);
    return { ...NO_PROCESS, outcome: Promise.resolve(outcome) };
  }
}
