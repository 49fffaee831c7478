import { SampanError } from "../errors/index.ts";
import { ERRNO, SYSCALL_NUMBERS } from "../kernel/index.ts";
import type { Argument, Operation, Program, Register } from "./program.ts";
import {
  CONTROL_OPERATIONS,
  type ControlName,
  type FillKind,
  FORK_ROLES,
  OPERATION_CODES,
  PROTOCOL,
  type Shape,
} from "./protocol.ts";
import { type ArgumentType, type CallName, SIGNATURES } from "./signatures.ts";
import { childOf, mayContinue, pidfdOf, registersBefore, registersRead } from "./verify-flow.ts";

const FILL_WIDTHS: Readonly<Partial<Record<FillKind, number>>> = { u32: 4, u64: 8, padded: PROTOCOL.decimalWidth };

function invalid(program: Program, reason: string, step?: number): never {
  const op = step === undefined ? undefined : program.operations[step];
  const place = op === undefined ? "" : ` at step ${step} (${op.name})`;
  throw new SampanError("PROGRAM_INVALID", `this program is wrong${place}: ${reason}`, {
    operation: "verify a program",
    step: step === undefined ? undefined : { index: step, count: program.operations.length },
  });
}

function isInteger(value: number | bigint): boolean {
  if (typeof value === "number") return Number.isSafeInteger(value);
  return value >= -(2n ** 63n) && value < 2n ** 64n;
}

class Verifier {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  verify(): void {
    const { operations, finallyStep, registers, buffers } = this.#program;
    const { maxOps } = PROTOCOL;
    if (operations.length === 0 || operations.length > maxOps) this.#fail(`it needs 1 to ${maxOps} operations`);
    if (registers.length > PROTOCOL.registers) this.#fail(`it has more than ${PROTOCOL.registers} registers`);
    if (!(finallyStep >= 0 && finallyStep < operations.length)) this.#fail("its final part starts outside of it");
    for (const [index, buffer] of buffers.entries())
      if (buffer.index !== index || !(Number.isSafeInteger(buffer.size) && buffer.size > 0))
        this.#fail(`the buffer ${buffer.name} is malformed`);
    this.#program.reporter?.argv.forEach((value) => {
      this.#string(value);
    });
    for (const [step, op] of operations.entries()) this.#operation(op, step);
    const last = operations.at(-1);
    if (last?.name !== "exit" || last.when || last.unless) this.#fail("it does not end with an exit");
    this.#sections();
    this.#flow();
  }

  #fail(reason: string, step?: number): never {
    return invalid(this.#program, reason, step);
  }

  #operation(op: Operation, step: number): void {
    if (op.kind === "syscall") this.#call(op, step);
    else this.#control(op, step);
    if (op.when && op.unless) this.#fail("it has two conditions", step);
    const { accepts = [] } = op;
    if (accepts.length > PROTOCOL.accepted) this.#fail(`it accepts more than ${PROTOCOL.accepted} errors`, step);
    for (const errno of accepts) if (!(errno in ERRNO)) this.#fail(`it accepts ${errno}, which does not exist`, step);
    for (const argument of op.arguments) this.#argument(argument, step);
    for (const register of [op.result, op.when, op.unless]) if (register) this.#register(register, step);
    this.#fills(op, step);
  }

  #call(op: Operation, step: number): void {
    const types: readonly ArgumentType[] | undefined = SIGNATURES[op.name as CallName];
    if (types === undefined) this.#fail("there is no such system call in the signatures", step);
    const column = this.#program.architecture === "x64" ? 0 : 1;
    if (SYSCALL_NUMBERS[op.name as CallName][column] < 0)
      this.#fail(`it does not exist on ${this.#program.architecture}`, step);
    this.#count(op, types.length, step);
    for (const [i, type] of types.entries()) {
      const argument = op.arguments[i] as Argument;
      const isValue = typeof argument === "number" || typeof argument === "bigint";
      const isRegister = typeof argument === "object" && argument?.kind === "register";
      if (type === "pointer") continue;
      if (type === "path" && (isValue || isRegister)) this.#fail(`argument ${i + 1} is a path, not a number`, step);
      if (type !== "path" && !isValue && !isRegister) this.#fail(`argument ${i + 1} is a number`, step);
    }
  }

  #count(op: Operation, wanted: number, step: number): void {
    const { length } = op.arguments;
    if (length !== wanted) this.#fail(`it takes ${wanted} argument${wanted === 1 ? "" : "s"}, not ${length}`, step);
  }

  #control(op: Operation, step: number): void {
    if (!Object.hasOwn(OPERATION_CODES, op.name) || op.name === ("syscall" as string))
      this.#fail("there is no such control operation", step);
    const shapes = CONTROL_OPERATIONS[op.name as ControlName].arguments;
    this.#count(op, shapes.length, step);
    for (const [i, { name, shape }] of shapes.entries())
      if (!this.#fits(op.arguments[i] as Argument, shape)) this.#fail(`its argument ${name} is no ${shape}`, step);
    if (op.name === "fork") this.#fork(op, step);
  }

  #fits(argument: Argument, shape: Shape): boolean {
    if (typeof argument === "number" || typeof argument === "bigint") return shape === "number" || shape === "value";
    if (typeof argument === "string") return shape === "data";
    if (argument === null) return false;
    if (argument.kind === "register") return shape === "value";
    return argument.kind === "vector" ? shape === "vector" : shape === "data";
  }

  #fork(op: Operation, step: number): void {
    const child = childOf(op) ?? 0;
    if (child <= step || child >= this.#program.operations.length) this.#fail("it does not lead forwards", step);
    if (!this.#program.sections.some((section) => section.from === child))
      this.#fail(`its child starts at step ${child}, where no section begins`, step);
    const pidfd = pidfdOf(op);
    if (pidfd !== undefined && this.#program.registers[pidfd] === undefined)
      this.#fail(`its pidfd goes to register ${pidfd}, which the program does not have`, step);
    const role = op.arguments[4];
    if (role !== FORK_ROLES.child && role !== FORK_ROLES.janitor) this.#fail("its role is unknown", step);
  }

  #register(register: Register, step: number): void {
    if (this.#program.registers[register.index] !== register.name)
      this.#fail(`<${register.name}> is no register of this program`, step);
  }

  #string(value: string, step?: number): void {
    if (value.includes("\0")) this.#fail("a string holds a zero character", step);
    if (!value.isWellFormed()) this.#fail("a string is not well-formed Unicode", step);
  }

  #argument(argument: Argument, step: number): void {
    if (typeof argument === "number" || typeof argument === "bigint") {
      if (!isInteger(argument)) this.#fail(`${argument} is no 64-bit integer`, step);
    } else if (typeof argument === "string") this.#string(argument, step);
    else if (argument?.kind === "vector") for (const value of argument.values) this.#argument(value, step);
    else if (argument?.kind === "text") this.#string(argument.prefix, step);
    else if (argument?.kind === "buffer" && this.#program.buffers[argument.index]?.size !== argument.size)
      this.#fail(`&${argument.name} is no buffer of this program`, step);
  }

  /** Fills and loads of one step share the two places that the protocol has for them. */
  #fills(op: Operation, step: number): void {
    let count = op.loads?.length ?? 0;
    for (const argument of op.arguments) count += this.#fillsIn(argument, step);
    if (count > PROTOCOL.fills) this.#fail(`it fills more than ${PROTOCOL.fills} registers`, step);
    for (const { buffer, at, register } of op.loads ?? []) {
      this.#argument(buffer, step);
      this.#register(register, step);
      if (!(at >= 0 && at + 4 <= buffer.size)) this.#fail(`a load lies outside of &${buffer.name}`, step);
    }
  }

  #fillsIn(argument: Argument, step: number): number {
    if (typeof argument !== "object" || argument === null) return 0;
    if (argument.kind === "text") return 1;
    if (argument.kind === "vector") return argument.values.filter((value) => typeof value !== "string").length;
    if (argument.kind !== "bytes") return 0;
    for (const { at, as } of argument.fills ?? [])
      if (!(at >= 0 && at + (FILL_WIDTHS[as] ?? Number.NaN) <= argument.value.length))
        this.#fail("a fill lies outside of its bytes", step);
    return argument.fills?.length ?? 0;
  }

  /** Every process has a section of its own, which begins where a fork leads and which nobody walks into. */
  #sections(): void {
    const { sections, operations } = this.#program;
    if (sections[0]?.from !== 0) this.#fail("its first section does not begin at step 0");
    const children = new Set(operations.map(childOf));
    for (const [i, { from, process }] of sections.entries()) {
      if (i === 0) continue;
      const previous = sections[i - 1]?.from ?? 0;
      if (from <= previous || from >= operations.length)
        this.#fail(`the section ${process} is out of order or outside of it`);
      if (!children.has(from)) this.#fail(`no fork leads to the section ${process}`);
      const before = operations[from - 1];
      if (before && mayContinue(before)) this.#fail(`it runs on into the section ${process}`, from - 1);
    }
  }

  /** Every step is reached, and reads what some path to it has written. */
  #flow(): void {
    const before = registersBefore(this.#program);
    for (const [step, op] of this.#program.operations.entries()) {
      const set = before[step];
      if (set === undefined) this.#fail("no path leads to it", step);
      for (const register of registersRead(op)) {
        this.#register(register, step);
        if (((set >> BigInt(register.index)) & 1n) === 0n)
          this.#fail(`it reads <${register.name}>, which nothing has written`, step);
      }
    }
  }
}

/**
 * Checks what a program means, before it is encoded: tests call it on every plan. An image that the executor accepts may
 * still read a register that nothing has written, or run on from one process's steps into another's.
 *
 * - every call exists, with as many arguments as its manual page says, numbers and pointers where they belong
 * - every register that is read was written on some path to the step; conditions may look at empty ones
 * - forks lead forwards, to where a section begins, and nothing runs on into a section
 * - every step can be reached, and the last one is an exit
 * - at most four accepted errors and two fills a step, inside of what they fill
 *
 * @throws SampanError PROGRAM_INVALID naming the first step that breaks a rule
 */
export function verify(program: Program): void {
  new Verifier(program).verify();
}
