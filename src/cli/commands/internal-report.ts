/** Started by the executor when a run ends: explains a failure, prints the report, and exits as the run did. */
import { closeSync, fstatSync, readSync } from "node:fs";
import { formatBytes, formatReport, makeReport, type RunReport } from "../../engine/index.ts";
import { formatError, SampanError } from "../../errors/index.ts";
import { decodeReport, explainFailure, type Outcome } from "../../executor/index.ts";
import { explainOperation, type Program } from "../../program/index.ts";
import type { CommandContext } from "../context.ts";
import { parseInternalReport } from "../parse-internal-report.ts";

function readAll(fd: number): Uint8Array {
  const bytes = new Uint8Array(fstatSync(fd).size);
  let have = 0;
  while (have < bytes.length) {
    const n = readSync(fd, bytes, have, bytes.length - have, have);
    if (n === 0) break;
    have += n;
  }
  closeSync(fd);
  return bytes;
}

function cleanupError(program: Program, { step, errno }: NonNullable<Outcome["cleanup"]>): SampanError {
  return new SampanError(
    "CLEANUP",
    `something was left behind: ${explainOperation(program, step)} failed with ${errno}`,
    {
      errno,
      step: { index: step, count: program.operations.length },
      hint: "`sampan ps` tries again to remove it.",
    },
  );
}

/** The exit status alone says 137 for any SIGKILL; why it came is worth a line. */
function killedNote(report: RunReport): string {
  if (!report.oomKilled) return "";
  const peak =
    report.peakMemoryBytes === undefined ? "" : ` It used ${formatBytes(report.peakMemoryBytes)} at its peak.`;
  return `sampan: the container ran out of memory, and the kernel killed a process of it.${peak} Give it more with --memory.\n`;
}

function textOf(kind: "brief" | "text", report: RunReport): string {
  return kind === "text" ? formatReport(report) : killedNote(report);
}

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { kind, fd } = parseInternalReport(argv, context);
  const { program, outcome } = decodeReport(readAll(fd));
  if (outcome.cleanup) context.printError(`${formatError(cleanupError(program, outcome.cleanup))}\n`);
  if (outcome.failure) throw explainFailure(program, outcome.failure);
  const report = makeReport(outcome);
  try {
    context.printError(kind === "json" ? `${JSON.stringify(report)}\n` : textOf(kind, report));
  } catch {
    // Nobody can be told: the status of the command is worth more than the report.
  }
  return outcome.exitCode;
}
