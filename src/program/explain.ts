/** A program as text for people: what `--explain` and `--dry-run` print, and errors quote. */
import { SampanError } from "../errors/index.ts";
import { argumentTexts, callText } from "./explain-call.ts";
import { name, printable, type Style } from "./explain-text.ts";
import { type Operation, type Program, processOf } from "./program.ts";

/** Comments begin at the same column, unless that would push them off a wide terminal. */
const LAST_COLUMN = 84;
const LONGEST_REASON = 160;

/** One step for machines; see `explainJson`. */
export interface ExplainedStep {
  readonly step: number;
  readonly process: string;
  readonly call: string;
  /** Decoded and never shortened, one for each argument of the call (a fork names those that it uses). */
  readonly arguments: readonly string[];
  /** As `explain` prints the call. */
  readonly text: string;
  readonly why: string;
  readonly result?: string;
  readonly loads?: readonly string[];
  readonly when?: string;
  readonly unless?: string;
  readonly accepts?: readonly string[];
  readonly goOn?: true;
  readonly retryBusy?: true;
  /** Part of what is done in every case, also after a failure. */
  readonly finally?: true;
}

const SHORT: Style = { full: false };
const FULL: Style = { full: true };

/** What follows the call: its result, its condition, and what becomes of its failure. */
function suffix(op: Operation): string {
  const parts: string[] = [];
  if (op.result) parts.push(`= ${name(op.result)}`);
  if (op.when) parts.push(`if ${name(op.when)}`);
  if (op.unless) parts.push(`unless ${name(op.unless)}`);
  if (op.accepts?.length) parts.push(`(${op.accepts.join(", ")} ${op.accepts.length > 1 ? "are" : "is"} fine)`);
  if (op.retryBusy) parts.push("(again while EBUSY)");
  if (op.goOn) parts.push("(or go on)");
  return parts.map((part) => ` ${part}`).join("");
}

/** Final parts belong to the first process, whose steps end where the next section begins. */
function isFinal(program: Program, step: number): boolean {
  return step >= program.finallyStep && processOf(program, step) === processOf(program, program.finallyStep);
}

/** The headings that stand before a step. */
function headings(program: Program, step: number): readonly string[] {
  const section = program.sections.find(({ from }) => from === step);
  const lines = section ? [`${printable(section.process)}:`] : [];
  // without a final part of its own, a program's last step is it, and needs no heading
  if (step === program.finallyStep && step < program.operations.length - 1)
    return [`${printable(processOf(program, step))}, finally:`];
  return lines;
}

function reason(why: string): string {
  const text = printable(why);
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON - 1)}…` : text;
}

function columnOf(lines: readonly string[]): number {
  return Math.max(0, ...lines.map((line) => line.length).filter((length) => length <= LAST_COLUMN));
}

/**
 * Prints a program in the manner of strace(1): a heading for every process, a numbered line for every call, decoded,
 * with registers by name, and what the call is for.
 *
 * ```
 * executor:
 *   0  pipe2([<ready>, <go>], O_CLOEXEC)              # the container tells us when it is ready
 *   1  fork(CLONE_NEWNS, child=container at 4) = <pid>  # …
 * ```
 *
 * @returns lines that each end with a line feed
 */
export function explain(program: Program): string {
  const { operations } = program;
  const digits = String(operations.length - 1).length + 2;
  const lines = operations.map(
    (op, step) => `${String(step).padStart(digits)}  ${callText(program, op, SHORT)}${suffix(op)}`,
  );
  const column = columnOf(lines.filter((_, step) => operations[step]?.why !== ""));
  const out: string[] = [];
  for (const [step, op] of operations.entries()) {
    const heading = headings(program, step);
    if (step > 0 && heading.length > 0) out.push("");
    out.push(...heading);
    const line = lines[step] ?? "";
    out.push(op.why === "" ? line : `${line.padEnd(column)}  # ${reason(op.why)}`);
  }
  return out.map((line) => `${line}\n`).join("");
}

/**
 * One call for an error message: `mount_setattr(<proc>, "", AT_EMPTY_PATH, {attr_set=MOUNT_ATTR_RDONLY})`.
 *
 * @throws SampanError INTERNAL when the program has no such step
 */
export function explainOperation(program: Program, step: number): string {
  const op = program.operations[step];
  if (op === undefined)
    throw new SampanError("INTERNAL", `there is no step ${step}: the program has ${program.operations.length}`);
  return callText(program, op, SHORT);
}

function explainStep(program: Program, op: Operation, step: number): ExplainedStep {
  return {
    step,
    process: processOf(program, step),
    call: op.name,
    arguments: argumentTexts(program, op, FULL),
    text: callText(program, op, SHORT),
    why: op.why,
    ...(op.result ? { result: op.result.name } : {}),
    ...(op.loads ? { loads: op.loads.map((load) => load.register.name) } : {}),
    ...(op.when ? { when: op.when.name } : {}),
    ...(op.unless ? { unless: op.unless.name } : {}),
    ...(op.accepts ? { accepts: op.accepts } : {}),
    ...(op.goOn ? { goOn: true } : {}),
    ...(op.retryBusy ? { retryBusy: true } : {}),
    ...(isFinal(program, step) ? { finally: true } : {}),
  };
}

/**
 * The same for machines: plain objects for `JSON.stringify`, one for each step. Arguments are decoded as in `explain`
 * and never shortened; the environment is included.
 */
export function explainJson(program: Program): ExplainedStep[] {
  return program.operations.map((op, step) => explainStep(program, op, step));
}
