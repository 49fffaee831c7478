import { SampanError } from "../errors/index.ts";
import { type ByteString, quote } from "./byte-string.ts";

/** An entry that would do harm if it were taken at its word. Nothing of it has been written. */
export function hostileEntry(name: ByteString, why: string): SampanError {
  const object = quote(name);
  return new SampanError("ARCHIVE_HOSTILE", `the archive's entry ${object} ${why}`, {
    operation: "unpack",
    object,
    hint: "Nothing was written outside of Sampan's own cache, and what was unpacked so far is removed. Use an archive from a source you trust.",
  });
}

/** The archive as a whole would do harm: it expands without end, or has parts of absurd size. */
export function hostileArchive(why: string, hint: string): SampanError {
  return new SampanError("ARCHIVE_HOSTILE", `the archive ${why}`, { operation: "unpack", hint });
}

export function invalidEntry(name: ByteString, why: string): SampanError {
  const object = quote(name);
  return new SampanError("ARCHIVE_INVALID", `the archive's entry ${object} ${why}`, { operation: "unpack", object });
}

export function invalidArchive(
  why: string,
  details: { hint?: string; cause?: unknown; object?: string } = {},
): SampanError {
  return new SampanError("ARCHIVE_INVALID", `the archive ${why}`, { operation: "unpack", ...details });
}

export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

const OUT_OF_SPACE = new Set(["ENOSPC", "EDQUOT"]);

/** What `node:fs` threw, as an error of Sampan; its own errors pass through. */
export function fileSystemError(error: unknown, operation: string, object: string): unknown {
  const errno = errnoOf(error);
  if (error instanceof SampanError || errno === undefined || !/^E[A-Z0-9]+$/.test(errno)) return error;
  const hint = OUT_OF_SPACE.has(errno) ? "Free some space, or choose another cache folder." : undefined;
  return new SampanError("SYSTEM_CALL", `cannot ${operation} ${object}: ${errno}`, {
    operation,
    object,
    errno,
    hint,
    cause: error,
  });
}
