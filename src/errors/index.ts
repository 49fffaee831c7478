/** The one error type. An error is a value: stable code, operation, object, errno, cause and a way out. Pure. */

/** Stable codes: interface, documented in docs/reference/errors.md. A code never changes its meaning. */
export type ErrorCode =
  | "USAGE"
  | "INVALID_VALUE"
  | "UNKNOWN_OPTION"
  | "COMMAND_NOT_FOUND"
  | "COMMAND_NOT_EXECUTABLE"
  | "WRONG_ARCHITECTURE"
  | "SOURCE_NOT_FOUND"
  | "SOURCE_NOT_RECOGNISED"
  | "ARCHIVE_INVALID"
  | "ARCHIVE_HOSTILE"
  | "MOUNT_SOURCE_NOT_FOUND"
  | "MOUNT_TARGET"
  | "MOUNT_FAILED"
  | "NAMESPACE_UNAVAILABLE"
  | "ID_MAP"
  | "CGROUP_UNAVAILABLE"
  | "CGROUP_FAILED"
  | "NAME_IN_USE"
  | "NOT_FOUND"
  | "NOT_PERMITTED"
  | "USER_NOT_FOUND"
  | "PROGRAM_INVALID"
  | "SYSTEM_CALL"
  | "CLEANUP"
  | "ABORTED"
  | "OUTPUT_LIMIT"
  | "INTERNAL";

export interface ErrorDetails {
  /** What was being done, e.g. `mount proc`. */
  readonly operation?: string | undefined;
  /** What it was done to: a path, a name, an option. */
  readonly object?: string | undefined;
  /** Symbolic error of the kernel, e.g. `EPERM`. */
  readonly errno?: string | undefined;
  /** The step of the program, from 0, and how many there are. */
  readonly step?: { readonly index: number; readonly count: number } | undefined;
  /** Why it happened and what to do about it: whole sentences. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
  /** What `sampan run` exits with: 125 for Sampan's own errors, 126 not executable, 127 not found. */
  readonly exitCode?: number | undefined;
}

/** Every error that Sampan throws on purpose. `message` is one line; `hint` says the way out. */
export class SampanError extends Error {
  override readonly name = "SampanError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = details;
  }

  get hint(): string | undefined {
    return this.details.hint;
  }

  get exitCode(): number {
    return this.details.exitCode ?? 125;
  }
}

/** One or two lines for a terminal: `sampan: MESSAGE.` and the hint. */
export function formatError(error: SampanError): string {
  const first = `sampan: ${error.message.replace(/\.$/, "")}.`;
  return error.hint === undefined ? first : `${first} ${error.hint}`;
}
