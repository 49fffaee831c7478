/** `sampan doctor`: what works on this host, what does not, and what to change. Exit status 1 when something is missing. */
import { examine, type Finding, readPatient, systemDoctorReader } from "../../host/index.ts";
import type { CommandContext } from "../context.ts";
import { parseDoctor } from "../parse-doctor.ts";

const MARKS = { ok: "ok", limited: "limited", missing: "MISSING" } as const;

function line({ check, status, says, hint }: Finding): string {
  const way = hint === undefined ? "" : `${" ".repeat(27)}→ ${hint}\n`;
  return `${MARKS[status].padEnd(9)}${check.padEnd(18)}${says}\n${way}`;
}

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { format } = parseDoctor(argv, context);
  const findings = examine(readPatient(), systemDoctorReader);
  context.print(format === "json" ? `${JSON.stringify(findings, null, 2)}\n` : findings.map(line).join(""));
  return findings.some(({ status }) => status === "missing") ? 1 : 0;
}
