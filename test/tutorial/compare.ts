import type { Directives } from "./page.ts";

/** A line of its own that stands for any number of lines, none included. */
const ANY_LINES = "...";

function escapeRegExp(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

function linePattern(line: string, varies: Directives["varies"]): string {
  if (line === ANY_LINES) return "(?:[^\\n]*\\n)*";
  let pattern = "";
  for (let at = 0; at < line.length; ) {
    const found = varies.find(([text]) => line.startsWith(text, at));
    pattern += found === undefined ? escapeRegExp(line[at] ?? "") : found[1];
    at += found === undefined ? 1 : found[0].length;
  }
  return `${pattern}\\n`;
}

function withoutTrailingSpace(lines: readonly string[]): string[] {
  return lines
    .join("\n")
    .trimEnd()
    .split("\n")
    .map((line) => line.trimEnd());
}

/** Exact, but for white space at the ends of lines and what the page says may differ. */
export function isAsShown(actual: string, expected: readonly string[], varies: Directives["varies"]): boolean {
  const pattern = withoutTrailingSpace(expected)
    .map((line) => linePattern(line, varies))
    .join("");
  return new RegExp(`^${pattern}$`).test(`${withoutTrailingSpace(actual.split("\n")).join("\n")}\n`);
}
