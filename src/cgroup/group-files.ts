/** The few operations that live groups need from the kernel. Tests bring another kernel. */
import { readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

export interface GroupFiles {
  /** The whole text, or undefined when there is no such file. */
  read(path: string): string | undefined;
  /** Throws an error with a `code` (EBUSY, EINVAL, ENOENT …), as `rmdir` does. */
  write(path: string, text: string): void;
  /** Groups directly below a group; none when it does not exist. */
  children(path: string): readonly string[];
  rmdir(path: string): void;
  /** kill(2); a process that has ended is fine. */
  signal(pid: number, signal: "SIGKILL"): void;
}

export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** A group that is removed while its file is open answers ENODEV. */
const GONE = new Set(["ENOENT", "ENODEV"]);

export function isGone(error: unknown): boolean {
  return GONE.has(errorCode(error) ?? "");
}

export const systemGroupFiles: GroupFiles = {
  read(path) {
    try {
      return readFileSync(path, "utf8");
    } catch (error) {
      if (isGone(error)) return undefined;
      throw error;
    }
  },
  write(path, text) {
    // Without O_CREAT and O_TRUNC: a file that is not there has to be an error, not a new file.
    writeFileSync(path, text, { flag: "r+" });
  },
  children(path) {
    try {
      return readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
    } catch (error) {
      if (isGone(error)) return [];
      throw error;
    }
  },
  rmdir: (path) => rmdirSync(path),
  signal(pid, signal) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (errorCode(error) !== "ESRCH") throw error;
    }
  },
};
