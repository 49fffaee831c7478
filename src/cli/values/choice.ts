import { closest } from "../suggest.ts";
import { invalid, quote } from "./invalid.ts";

/** One of a few words, or an error that lists them: `"x" is not WHAT`. */
export function parseChoice<Choice extends string>(value: string, choices: readonly Choice[], what: string): Choice {
  const choice = choices.find((candidate) => candidate === value);
  if (choice !== undefined) return choice;
  throw invalid(`${quote(value)} is not ${what}`, choiceHint(value, choices));
}

export function choiceHint(value: string, choices: readonly string[]): string {
  const near = closest(value, choices);
  return near === undefined ? `Write ${alternatives(choices)}.` : `Did you mean ${near}?`;
}

/** `a, b or c`. */
export function alternatives(words: readonly string[]): string {
  const head = words.slice(0, -1).join(", ");
  const last = words.at(-1) ?? "";
  return head === "" ? last : `${head} or ${last}`;
}
