/**
 * The program: plain read-only data, one object per system call. See docs/design/program.md.
 *
 * Three kinds of process run one program. The *executor* is the first; a `fork` starts the *container* (or a helper of
 * its making) and the *janitor* at later steps. Registers are copied by a fork, as everything else is.
 */
import type { ErrnoName } from "../kernel/index.ts";
import type { Architecture, ControlName, FillKind, REPORT_WHEN } from "./protocol.ts";
import type { CallName } from "./signatures.ts";

/** A place for a result (a descriptor, a process id …). It starts at -1; a failed call that was accepted leaves -errno. */
export interface Register {
  readonly kind: "register";
  readonly index: number;
  readonly name: string;
}

/** A string that ends in the decimal value of a register, such as `/proc/<pid>`. */
export interface Text {
  readonly kind: "text";
  readonly prefix: string;
  readonly register: Register;
}

/** Bytes that the call may read, with registers filled in before the call. */
export interface Bytes {
  readonly kind: "bytes";
  readonly value: Uint8Array;
  readonly fills?: readonly Fill[];
  /** How `explain` prints it, when bytes would say little. */
  readonly label?: string;
}

export interface Fill {
  readonly at: number;
  readonly register: Register;
  readonly as: Exclude<FillKind, "load" | "text">;
}

/** Memory that outlives one call; the executor's result carries it back. */
export interface Buffer {
  readonly kind: "buffer";
  readonly index: number;
  readonly name: string;
  readonly size: number;
}

export interface Vector {
  readonly kind: "vector";
  readonly values: readonly (string | Text)[];
}

/** A number, a string (ends with a zero byte), or one of the above; `null` is the null pointer. */
export type Argument = number | bigint | string | null | Register | Text | Bytes | Buffer | Vector;

/** A 32-bit result that the call leaves in a buffer, read into a register afterwards. */
export interface Load {
  readonly buffer: Buffer;
  readonly at: number;
  readonly register: Register;
}

export interface Operation {
  readonly kind: "syscall" | "control";
  readonly name: CallName | ControlName;
  readonly arguments: readonly Argument[];
  /** One short sentence for people: what this call is for. */
  readonly why: string;
  readonly result?: Register | undefined;
  readonly loads?: readonly Load[] | undefined;
  /**
   * Performed only when this register holds a result (≥ 0). A call that is not performed leaves -1 in its result
   * register, unless that is the condition's own register, which keeps its value.
   */
  readonly when?: Register | undefined;
  /** Performed only when this register holds none (< 0). */
  readonly unless?: Register | undefined;
  /** Errors that are fine; the result register then holds -errno. At most four. */
  readonly accepts?: readonly ErrnoName[] | undefined;
  /** A failure is remembered, and the next step is taken all the same. */
  readonly goOn?: boolean | undefined;
  /** Repeated while it fails with EBUSY, for up to two seconds. */
  readonly retryBusy?: boolean | undefined;
}

/** Which process performs the steps from `from` on. */
export interface Section {
  readonly from: number;
  readonly process: string;
}

/**
 * `killed`: after a failure, and when the process was ended by SIGKILL (or reports 137, as shells do). `unsuccessful`:
 * after every status but 0.
 */
export interface Reporter {
  readonly argv: readonly string[];
  readonly when: keyof typeof REPORT_WHEN;
}

export interface Program {
  readonly architecture: Architecture;
  readonly operations: readonly Operation[];
  readonly sections: readonly Section[];
  readonly buffers: readonly Buffer[];
  readonly registers: readonly string[];
  /** Where the first process goes on after a failure; runs in every case, each of its steps whatever the others do. */
  readonly finallyStep: number;
  /** The program that explains a failure, or prints the report: its arguments, to which a descriptor is appended. */
  readonly reporter?: Reporter;
}

/** The process that performs a step, from the sections. */
export function processOf(program: Program, step: number): string {
  let name = "executor";
  for (const section of program.sections) if (section.from <= step) name = section.process;
  return name;
}
