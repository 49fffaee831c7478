/** Death after any step of a program: a program is data, so two operations are put into it. */
import { PR } from "../../../src/kernel/index.ts";
import { type Operation, type Program, ProgramBuilder, processOf } from "../../../src/program/index.ts";

/** prctl(2), PR_SET_SECCOMP; in strict mode the next call is SIGKILL, for PID 1 of a namespace too. */
const PR_SET_SECCOMP = 22;
const STRICT = 1;

function death(architecture: Program["architecture"]): readonly Operation[] {
  const b = new ProgramBuilder(architecture);
  b.call("prctl", [PR_SET_SECCOMP, STRICT, 0, 0, 0], "a test: the next call is the last");
  b.call("prctl", [PR.PR_SET_PDEATHSIG, 0, 0, 0, 0], "a test: SIGKILL");
  b.exit(0, "never reached");
  return b.build().operations.slice(0, 2);
}

export interface Spot {
  readonly process: string;
  /** The deadly operations come before the operation that has this number now. */
  readonly at: number;
  /** Whether they are the first of a process, so that whoever jumps there meets them. */
  readonly opens: boolean;
}

/** Every place at which a process of the program can die: before its first step, and after each. */
export function spotsOf(program: Program): Spot[] {
  const opening = program.sections.map(({ from, process }) => ({ process, at: from, opens: true }));
  const after = program.operations.flatMap((op, step) =>
    op.name === "exit" || op.name === "exec" ? [] : [{ process: processOf(program, step), at: step + 1, opens: false }],
  );
  return [...opening, ...after];
}

/** The program in which a process dies at `spot`. */
export function withDeathAt(program: Program, { at, opens }: Spot): Program {
  const deadly = death(program.architecture);
  const moved = (step: number) => (step > at || (step === at && !opens) ? step + deadly.length : step);
  const operations = program.operations.map((op) =>
    op.name === "fork" ? { ...op, arguments: op.arguments.with(1, moved(Number(op.arguments[1]))) } : op,
  );
  return {
    ...program,
    operations: [...operations.slice(0, at), ...deadly, ...operations.slice(at)],
    sections: program.sections.map((section) => ({ ...section, from: section.from === 0 ? 0 : moved(section.from) })),
    finallyStep: moved(program.finallyStep),
  };
}
