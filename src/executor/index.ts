/** Performs programs: natively, on paper, or as a replacement of this process. */
export { becomeExecutor, executorPath, programArguments } from "./become.ts";
export type * from "./executor.ts";
export { explainFailure } from "./failure.ts";
export { NativeExecutor } from "./native.ts";
export { decodeOutcome, decodeReport, type Failure, type Outcome, RESULT_SIZE } from "./outcome.ts";
export { DryRunExecutor, type PlannedFailure, RecordingExecutor } from "./paper.ts";
