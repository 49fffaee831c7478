/** The short way of `run`: a command line that was planned before goes to the executor without being parsed. */
import { type MemoKey, recallPlan } from "../engine/index.ts";
import { becomeExecutor, executorPath } from "../executor/index.ts";
import { releaseName, stateFolders } from "../runtime/index.ts";

export function memoKey(argv: readonly string[], run: string): MemoKey {
  return { argv, cwd: process.cwd(), executable: process.execPath, run };
}

/**
 * Becomes the executor when `argv` is a remembered command line; returns when it is not.
 *
 * @param argv what follows `run`, exactly as typed
 */
export function runFromMemory(argv: readonly string[], env: Readonly<Record<string, string | undefined>>): void {
  const folders = stateFolders({ root: env["SAMPAN_ROOT"] || undefined, uid: process.geteuid?.() ?? 0, env });
  const recalled = recallPlan(memoKey(argv, folders.run));
  if (recalled === undefined) return;
  if (recalled.givenName !== undefined) releaseName(folders, recalled.givenName);
  try {
    becomeExecutor(recalled.image, executorPath());
  } catch {
    // The long way meets the same failure, and reports it.
  }
}
