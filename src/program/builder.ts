import type { ErrnoName } from "../kernel/index.ts";
import type { Argument, Buffer, Load, Operation, Program, Register, Section, Text } from "./program.ts";
import { type Architecture, type ControlName, FORK_ROLES, PROTOCOL } from "./protocol.ts";
import type { ArgumentType, CallName, SIGNATURES } from "./signatures.ts";

type Value = number | bigint | Register;
type Pointer = Exclude<Argument, number | bigint | Register>;

type ArgumentFor<T extends ArgumentType> = T extends "path" | "pointer"
  ? Pointer | (T extends "pointer" ? Value : never)
  : Value;

type Tuple<S extends readonly ArgumentType[]> = { readonly [I in keyof S]: ArgumentFor<S[I]> };

/** The typed arguments of one system call, from its signature. */
export type CallArguments<N extends CallName> = Tuple<(typeof SIGNATURES)[N]>;

export interface OperationOptions {
  readonly result?: Register | undefined;
  readonly loads?: readonly Load[] | undefined;
  readonly when?: Register | undefined;
  readonly unless?: Register | undefined;
  readonly accepts?: readonly ErrnoName[] | undefined;
  readonly goOn?: boolean | undefined;
  readonly retryBusy?: boolean | undefined;
}

export interface ForkOptions extends OperationOptions {
  readonly flags?: number;
  readonly cgroup?: Register | undefined;
  readonly pidfd?: Register | undefined;
  readonly janitor?: boolean;
}

/** A step that is not known yet: the child of a fork, placed later with `place`. */
export interface Label {
  step: number;
  readonly process: string;
}

/**
 * Collects operations in order and gives out registers, buffers and labels.
 *
 * ```ts
 * const b = new ProgramBuilder("x64");
 * const fd = b.register("root");
 * b.call("openat", [AT_FDCWD, "/", O.O_PATH, 0], "the root", { result: fd });
 * b.exit(0, "done");
 * const program = b.build();
 * ```
 */
export class ProgramBuilder {
  readonly architecture: Architecture;
  readonly #operations: Operation[] = [];
  readonly #sections: Section[] = [{ from: 0, process: "executor" }];
  readonly #buffers: Buffer[] = [];
  readonly #registers: string[] = [];
  readonly #forks: { readonly step: number; readonly label: Label }[] = [];
  #finallyStep: number | undefined;

  constructor(architecture: Architecture) {
    this.architecture = architecture;
  }

  /** The number of the step that comes next. */
  get step(): number {
    return this.#operations.length;
  }

  register(name: string): Register {
    const index = this.#registers.length;
    if (index >= PROTOCOL.registers) throw new RangeError(`a program has at most ${PROTOCOL.registers} registers`);
    this.#registers.push(name);
    return { kind: "register", index, name };
  }

  buffer(name: string, size: number): Buffer {
    const buffer: Buffer = { kind: "buffer", index: this.#buffers.length, name, size };
    this.#buffers.push(buffer);
    return buffer;
  }

  text(prefix: string, register: Register): Text {
    return { kind: "text", prefix, register };
  }

  label(process: string): Label {
    return { step: -1, process };
  }

  /** The steps from here on belong to the child of the forks that name this label. */
  place(label: Label): void {
    label.step = this.step;
    this.#sections.push({ from: this.step, process: label.process });
  }

  /** The first process's final part starts here. */
  finally(): void {
    this.#finallyStep = this.step;
  }

  call<N extends CallName>(name: N, args: CallArguments<N>, why: string, options: OperationOptions = {}): void {
    this.#add("syscall", name, args as readonly Argument[], why, options);
  }

  control(name: ControlName, args: readonly Argument[], why: string, options: OperationOptions = {}): void {
    this.#add("control", name, args, why, options);
  }

  /** clone3(2); the child goes on at the label, and all its descriptors and registers are copies. */
  fork(label: Label, why: string, options: ForkOptions = {}): void {
    const { flags = 0, cgroup, pidfd, janitor = false, ...rest } = options;
    this.#forks.push({ step: this.step, label });
    const role = janitor ? FORK_ROLES.janitor : FORK_ROLES.child;
    this.control("fork", [flags, -1, cgroup ?? -1, pidfd?.index ?? PROTOCOL.none, role], why, rest);
  }

  exit(status: number | Register, why: string): void {
    this.control("exit", [status], why);
  }

  build(reporter?: Program["reporter"]): Program {
    for (const { step, label } of this.#forks) {
      if (label.step < 0) throw new Error(`the label ${label.process} was never placed`);
      const fork = this.#operations[step];
      if (fork === undefined) throw new Error(`no step ${step}`);
      this.#operations[step] = { ...fork, arguments: fork.arguments.with(1, label.step) };
    }
    return Object.freeze({
      architecture: this.architecture,
      operations: this.#operations,
      sections: this.#sections,
      buffers: this.#buffers,
      registers: this.#registers,
      finallyStep: this.#finallyStep ?? this.#operations.length - 1,
      ...(reporter ? { reporter } : {}),
    });
  }

  #add(
    kind: Operation["kind"],
    name: Operation["name"],
    args: readonly Argument[],
    why: string,
    options: OperationOptions,
  ): void {
    this.#operations.push({ kind, name, arguments: args, why, ...options });
  }
}
