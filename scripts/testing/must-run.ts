/** What CI must not skip: see test/ci-must-run.txt. */
import type { Skip } from "./outcome.ts";

export function parseMustRun(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The skips that are none: their title begins with a line of the list. */
export function forbiddenSkips(skips: readonly Skip[], mustRun: readonly string[]): Skip[] {
  return skips.filter((skip) => mustRun.some((prefix) => skip.title.startsWith(prefix)));
}
