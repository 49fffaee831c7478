/** `sampan run`: decides, prints what was asked for, and becomes the executor. */

import { prepareRun } from "../../engine/index.ts";
import { becomeExecutor, executorPath } from "../../executor/index.ts";
import type { Program, Reporter } from "../../program/index.ts";
import { ensureRunFolders, releaseName, stateFolders } from "../../runtime/index.ts";
import type { CommandContext } from "../context.ts";
import { parseRun, type RunCommand } from "../parse-run.ts";
import { selfCommand } from "../self.ts";

/** Reports of people and programs; without one, a failure or a kill is still explained. */
function reporterOf({ report }: RunCommand["output"]): Reporter {
  return { argv: [...selfCommand(), "internal-report", report ?? "brief"], when: report ? "always" : "killed" };
}

async function printProgram(
  program: Program,
  format: "text" | "json",
  context: CommandContext,
  dry: boolean,
): Promise<void> {
  const { explain, explainJson } = await import("../../program/index.ts");
  const text = format === "json" ? `${JSON.stringify(explainJson(program), null, 2)}\n` : explain(program);
  // A program that then runs has standard output for itself.
  (dry ? context.print : context.printError)(text.endsWith("\n") ? text : `${text}\n`);
}

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { options, output } = parseRun(argv, context);
  const uid = process.geteuid?.() ?? 0;
  const folders = stateFolders({ root: context.root, uid, env: context.env });
  const prepared = await prepareRun(options, {
    folders,
    reporter: reporterOf(output),
    measure: output.report !== undefined,
  });
  const { program, name } = prepared;
  if (output.explain || output.dryRun) await printProgram(program, output.explain ?? "text", context, output.dryRun);
  if (output.dryRun) return 0;
  ensureRunFolders(folders);
  releaseName(folders, name);
  return becomeExecutor(program, executorPath());
}
