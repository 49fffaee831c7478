import { writeSync } from "node:fs";
import { SampanError } from "../errors/index.ts";

/**
 * Writes all of a text to a descriptor before it returns, so that nothing is lost when the process exits or replaces
 * itself. A reader that went away (`sampan help | head -1`) ends the output, not the program.
 */
export function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text);
  let written = 0;
  while (written < bytes.length) {
    try {
      written += writeSync(fd, bytes, written);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE") return;
      if (code !== "EAGAIN") {
        throw new SampanError("SYSTEM_CALL", `cannot write the output: ${code}`, { errno: code, cause: error });
      }
      waitForReader();
    }
  }
}

/** A pipe that somebody else made non-blocking is full: a millisecond is more than a reader needs. */
function waitForReader(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
}
