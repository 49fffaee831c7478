import type { Program } from "../program/index.ts";
import type { Outcome } from "./outcome.ts";

/** Where descriptors 0 to 2 of a program come from. */
export type StdioMode = "inherit" | "pipe" | "ignore";

export interface ExecuteOptions {
  /** Ends what the program runs with SIGKILL; the outcome then says so, and everything is cleaned up. */
  readonly signal?: AbortSignal | undefined;
  readonly stdin?: StdioMode | Uint8Array;
  readonly stdout?: StdioMode;
  readonly stderr?: StdioMode;
  /** Environment of the executor itself and its helper programs, not of the container. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** A program under way. */
export interface Execution {
  /** Process id of the executor; undefined when no process was started. */
  readonly pid: number | undefined;
  readonly stdin: NodeJS.WritableStream | null;
  readonly stdout: NodeJS.ReadableStream | null;
  readonly stderr: NodeJS.ReadableStream | null;
  /** Settles when nothing of the program is left. */
  readonly outcome: Promise<Outcome>;
}

/** Performs programs: for real, on paper, or for a test. All implementations pass `executor.conformance.ts`. */
export interface Executor {
  /** @throws SampanError PROGRAM_INVALID for a program that cannot be encoded */
  execute(program: Program, options?: ExecuteOptions): Execution;
}
