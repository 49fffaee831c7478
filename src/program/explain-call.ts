/** One call as text: `mount_setattr(<proc>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY})`. */
import { CLONE, decodeFlags } from "../kernel/index.ts";
import { printStructure } from "./explain-structures.ts";
import { dump, isNumber, list, name, printable, quote, quoteText, type Style } from "./explain-text.ts";
import { word } from "./explain-words.ts";
import { type Argument, type Buffer, type Operation, type Program, processOf } from "./program.ts";
import { CONTROL_OPERATIONS, type ControlName, FORK_ROLES, PROTOCOL, SUPERVISE_FLAGS } from "./protocol.ts";
import { type ArgumentType, type CallName, SIGNATURES } from "./signatures.ts";

const SUPERVISE_WORDS = {
  terminal: SUPERVISE_FLAGS.terminal,
  input: SUPERVISE_FLAGS.input,
  "kill-orphans": SUPERVISE_FLAGS.killOrphans,
  init: SUPERVISE_FLAGS.init,
};

/** Their last argument is the size of the structure before it, which says nothing new. */
const SIZED = new Set(["openat2", "mount_setattr"]);

/** As strace shows what pipe2(2) left: `[<read>, <write>]`; otherwise by the buffer's name. */
function printBuffer(buffer: Buffer, op: Operation): string {
  const loads = (op.loads ?? []).filter((load) => load.buffer.index === buffer.index);
  if (loads.length === 0) return `&${printable(buffer.name)}`;
  const sorted = loads.toSorted((a, b) => a.at - b.at);
  return `[${sorted.map((load) => name(load.register)).join(", ")}]`;
}

function printPointer(program: Program, op: Operation, index: number, value: Argument, style: Style): string {
  if (value === null) return "NULL";
  if (typeof value === "string") return quote(value, style);
  if (isNumber(value)) return String(value);
  switch (value.kind) {
    case "register":
      return name(value);
    case "text":
      return quoteText(value, style);
    case "buffer":
      return printBuffer(value, op);
    case "vector":
      return list(value, style);
    case "bytes":
      if (value.label !== undefined) return printable(value.label);
      return printStructure(op, index, value, program.architecture) ?? dump(value, style);
  }
}

/** Every argument of a system call, in order. */
function syscallArguments(program: Program, op: Operation, style: Style): string[] {
  const types: readonly ArgumentType[] = SIGNATURES[op.name as CallName] ?? [];
  return op.arguments.map((value, i) =>
    isNumber(value)
      ? word(op, i, value, types[i] ?? "number", program.architecture)
      : printPointer(program, op, i, value, style),
  );
}

function registerName(program: Program, index: Argument | undefined): string {
  return `<${printable(program.registers[Number(index)] ?? `r${String(index)}`)}>`;
}

/** The arguments of a fork that say something, by name. */
function forkArguments(program: Program, op: Operation, style: Style): string[] {
  const [flags = 0, child = 0, cgroup = -1, pidfd = PROTOCOL.none, role] = op.arguments;
  const step = Number(child);
  const shown = [isNumber(flags) ? decodeFlags(flags, CLONE) : String(flags)];
  shown.push(`child=${printable(processOf(program, step))} at ${step}`);
  if (cgroup !== -1) shown.push(`cgroup=${printPointer(program, op, 2, cgroup, style)}`);
  if (pidfd !== PROTOCOL.none) shown.push(`pidfd=${registerName(program, pidfd)}`);
  if (role === FORK_ROLES.janitor) shown.push("role=janitor");
  return shown;
}

function controlArguments(program: Program, op: Operation, style: Style): string[] {
  if (op.name === "fork") return forkArguments(program, op, style);
  return op.arguments.map((value, i) => {
    const parameter = CONTROL_OPERATIONS[op.name as ControlName].arguments[i]?.name;
    if (op.name === "supervise" && parameter === "flags" && isNumber(value)) return decodeFlags(value, SUPERVISE_WORDS);
    // an environment may hold secrets, and strace does not print it either
    if (parameter === "envp" && !style.full && typeof value === "object" && value?.kind === "vector")
      return `[${value.values.length} variables]`;
    return printPointer(program, op, i, value, style);
  });
}

/** Every argument in order, decoded. */
export function argumentTexts(program: Program, op: Operation, style: Style): string[] {
  return op.kind === "control" ? controlArguments(program, op, style) : syscallArguments(program, op, style);
}

function isZero(value: Argument | undefined): boolean {
  return value === null || value === 0 || value === 0n;
}

/** How many of the arguments a reader needs: no sizes of structures, no modes of files that are not made. */
function worthShowing(op: Operation, texts: readonly string[]): number {
  const { arguments: args, name: call } = op;
  const before = args.at(-2);
  const sized = typeof before === "object" && before?.kind === "bytes" && before.value.length === args.at(-1);
  if (SIZED.has(call) && sized) return args.length - 1;
  if (call === "openat" && isZero(args[3])) return 3;
  if (call !== "prctl") return texts.length;
  // prctl(2) takes five numbers, of which most requests use one; those of zeroes alone keep the first
  let count = args.length;
  while (count > 2 && isZero(args[count - 1])) count--;
  return count;
}

/** One call with its arguments, without its result. */
export function callText(program: Program, op: Operation, style: Style): string {
  const texts = argumentTexts(program, op, style);
  return `${op.name}(${texts.slice(0, worthShowing(op, texts)).join(", ")})`;
}
