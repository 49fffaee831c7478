/** Containers as users know them: what `run` and `exec` decide, how containers are found, and what a run has used. */
export { Engine, type EngineOptions, type LibraryRunOptions, open, type RunResult } from "./engine.ts";
export { type ExecOptions, prepareExec } from "./exec.ts";
export { findContainer, reconcile } from "./find.ts";
export { type PrepareContext, type PreparedRun, prepareRun } from "./prepare.ts";
export { formatBytes, formatReport, makeReport, type RunReport } from "./report.ts";
export * from "./run-options.ts";
