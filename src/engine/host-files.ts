/** Files of the host that a user names: what stands in the way of them is the user's business, not a fault. */
import { mkdirSync, type Stats, statSync } from "node:fs";
import { type ErrorCode, SampanError } from "../errors/index.ts";

const HINTS: Partial<Record<string, string>> = {
  EACCES: "This user may not go there.",
  EPERM: "This user may not do that.",
  ELOOP: "A symbolic link there leads in circles.",
  ENAMETOOLONG: "The kernel takes 255 bytes for a name and 4095 for a path.",
  ENOTDIR: "A part of the path is a file.",
  EROFS: "It lies on a read-only file system.",
};

function failed(code: ErrorCode, what: string, path: string, cause: unknown): SampanError {
  const errno = (cause as NodeJS.ErrnoException).code ?? "EIO";
  return new SampanError(code, `cannot ${what} ${path}: ${errno}`, { errno, object: path, hint: HINTS[errno], cause });
}

/**
 * What a path leads to, or undefined when nothing is there.
 *
 * @throws SampanError with `code` when that cannot be found out
 */
export function statOfHost(path: string, code: ErrorCode): Stats | undefined {
  try {
    return statSync(path);
  } catch (cause) {
    const { code: errno } = cause as NodeJS.ErrnoException;
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    throw failed(code, "look at", path, cause);
  }
}

/** Makes the sources of `-v` that are not there, with their parents. @throws SampanError MOUNT_SOURCE_NOT_FOUND */
export function makeFolders(paths: readonly string[]): void {
  for (const path of paths) {
    try {
      mkdirSync(path, { recursive: true });
    } catch (cause) {
      throw failed("MOUNT_SOURCE_NOT_FOUND", "make the source of a mount,", path, cause);
    }
  }
}
