/** Containers as users know them: what `run` and `exec` decide, how containers are found, and what a run has used. */
export { Engine, type EngineOptions, type LibraryRunOptions, open, type RunResult } from "./engine.ts";
export { type ExecOptions, prepareExec } from "./exec.ts";
export { findContainer, reconcile } from "./find.ts";
export { makeFolders } from "./host-files.ts";
export { isMemorable, type MemoKey, type RecalledPlan, recallPlan, rememberPlan } from "./plan-memo.ts";
export { type PrepareContext, type PreparedRun, prepareRun } from "./prepare.ts";
export { formatBytes, formatReport, makeReport, type RunReport } from "./report.ts";
export * from "./run-options.ts";
export { newRunWords, type RunWords } from "./run-words.ts";
