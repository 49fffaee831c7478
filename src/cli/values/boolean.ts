import { invalid, quote } from "./invalid.ts";

const TRUE = ["true", "1", "t"];
const FALSE = ["false", "0", "f"];

/** `--rm=false`: the words that Docker takes. */
export function parseBoolean(value: string): boolean {
  const word = value.toLowerCase();
  if (TRUE.includes(word)) return true;
  if (FALSE.includes(word)) return false;
  throw invalid(`${quote(value)} is neither true nor false`, "Write true or false.");
}
