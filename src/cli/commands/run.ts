/** `sampan run`: decides, prints what was asked for, and becomes the executor. */

import { isMemorable, makeFolders, newRunWords, prepareRun, rememberPlan } from "../../engine/index.ts";
import { becomeExecutor, executorPath } from "../../executor/index.ts";
import { encode, type Program, type Reporter } from "../../program/index.ts";
import { ensureRunFolders, releaseName } from "../../runtime/index.ts";
import type { CommandContext } from "../context.ts";
import { foldersOf } from "../folders.ts";
import { parseRun, type RunCommand } from "../parse-run.ts";
import { memoKey } from "../recall.ts";
import { selfCommand } from "../self.ts";

/**
 * Reports of people and programs; without one, a failure or a kill is still explained. With a limit of memory whatever
 * went wrong may be for want of it: a shell ends with a status of its own when its child was killed.
 */
function reporterOf({ options, output: { report } }: RunCommand): Reporter {
  const when = report ? "always" : options.resources?.memory ? "unsuccessful" : "killed";
  return { argv: [...selfCommand(), "internal-report", report ?? "brief"], when };
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

/** What `--env NAME` and `--env-file` took from outside makes a command line mean more than its words. */
function watchEnvironment(context: CommandContext): {
  readonly context: CommandContext;
  readonly wasRead: () => boolean;
} {
  let read = false;
  const env = new Proxy(context.env, {
    get(target, name) {
      read = true;
      return Reflect.get(target, name);
    },
  });
  const readFile = (path: string) => {
    read = true;
    return context.readFile(path);
  };
  return { context: { ...context, env, readFile }, wasRead: () => read };
}

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const watched = watchEnvironment(context);
  const { options, output } = parseRun(argv, watched.context);
  const uid = process.geteuid?.() ?? 0;
  const folders = foldersOf(context);
  const plain = !output.explain && !output.dryRun && !output.report;
  const memorable = plain && !watched.wasRead() && isMemorable(options, uid);
  const words = newRunWords();
  const { program, name, notes, missingFolders } = await prepareRun(options, {
    folders,
    words,
    reporter: reporterOf({ options, output }),
    measure: output.report !== undefined,
  });
  for (const note of notes) context.printError(`sampan: ${note}.\n`);
  if (output.explain || output.dryRun) await printProgram(program, output.explain ?? "text", context, output.dryRun);
  if (output.dryRun) return 0;
  makeFolders(missingFolders);
  ensureRunFolders(folders);
  releaseName(folders, name);
  const { image } = encode(program);
  if (memorable) rememberPlan(memoKey(argv, folders.run), options, words, image);
  return becomeExecutor(image, executorPath());
}
