/** How a program may run: which steps are reached, and which registers may hold a value there. Pure. */
import type { Argument, Operation, Program, Register } from "./program.ts";
import { PROTOCOL } from "./protocol.ts";

/** A set of registers as a mask. */
type Registers = bigint;

/** The registers whose values an argument uses. */
function readBy(argument: Argument): readonly Register[] {
  if (typeof argument !== "object" || argument === null) return [];
  switch (argument.kind) {
    case "register":
      return [argument];
    case "text":
      return [argument.register];
    case "bytes":
      return (argument.fills ?? []).map((fill) => fill.register);
    case "vector":
      return argument.values.flatMap((value) => (typeof value === "string" ? [] : [value.register]));
    case "buffer":
      return [];
  }
}

/** The registers that a step needs a value in; its condition may look at an empty one. */
export function registersRead(op: Operation): readonly Register[] {
  return op.arguments.flatMap(readBy);
}

/** The register that a fork leaves its child's pidfd in. */
export function pidfdOf(op: Operation): number | undefined {
  const index = op.name === "fork" ? op.arguments[3] : undefined;
  return typeof index === "number" && index !== PROTOCOL.none ? index : undefined;
}

/** Where a fork's child goes on. */
export function childOf(op: Operation): number | undefined {
  return op.name === "fork" ? Number(op.arguments[1]) : undefined;
}

function written(op: Operation): Registers {
  let set = 0n;
  if (op.result) set |= 1n << BigInt(op.result.index);
  for (const load of op.loads ?? []) set |= 1n << BigInt(load.register.index);
  const pidfd = pidfdOf(op);
  return pidfd === undefined ? set : set | (1n << BigInt(pidfd));
}

function isConditional(op: Operation): boolean {
  return op.when !== undefined || op.unless !== undefined;
}

/** The step after this one may follow it. An exec that fails ends a child, unless its failure is accepted. */
export function mayContinue(op: Operation): boolean {
  if (isConditional(op)) return true;
  if (op.name === "exit") return false;
  return op.name !== "exec" || op.goOn === true || (op.accepts?.length ?? 0) > 0;
}

/**
 * The registers that some path to each step may have written; undefined for a step that no path leads to. Programs only
 * go forwards, so one pass over the steps sees everything.
 */
export function registersBefore(program: Program): readonly (Registers | undefined)[] {
  const { operations, finallyStep } = program;
  const before: (Registers | undefined)[] = new Array(operations.length + 1).fill(undefined);
  const reach = (step: number, set: Registers): void => {
    before[step] = (before[step] ?? 0n) | set;
  };
  reach(0, 0n);
  let first = true;
  for (const [step, op] of operations.entries()) {
    const set = before[step];
    if (set === undefined) continue;
    // a failure of the first process leads to its final part from wherever it is
    if (first && step < finallyStep) reach(finallyStep, set);
    const child = childOf(op);
    if (child !== undefined) reach(child, set);
    // the exit that has to stand behind an exec counts as reached
    const ends = op.name === "exit" && !isConditional(op);
    if (!ends) reach(step + 1, set | written(op));
    else first = false;
  }
  return before;
}
