/** What CI must not skip: see test/ci-must-run.txt. */
import type { Skip } from "./outcome.ts";

export function parseMustRun(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/** The skips that are none: their title is a line of the list, or begins with one that ends in `*`. */
export function forbiddenSkips(skips: readonly Skip[], mustRun: readonly string[]): Skip[] {
  return skips.filter(({ title }) => mustRun.some((line) => matches(title, line)));
}

function matches(title: string, line: string): boolean {
  return line.endsWith("*") ? title.startsWith(line.slice(0, -1)) : title === line;
}
