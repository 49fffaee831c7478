import { ISOLATIONS, type Isolation } from "../../engine/index.ts";
import { parseChoice } from "./choice.ts";
import { invalid, quote } from "./invalid.ts";

/** Adds `uts,pid`, `all` or `none` to what earlier `--isolate` asked for; in the order of the ladder, once each. */
export function parseIsolations(value: string, earlier: readonly Isolation[] = []): readonly Isolation[] {
  const words = value.split(",");
  if (words.includes("none") && (words.length > 1 || earlier.length > 0)) {
    throw invalid(`${quote(value)} asks for isolations and for none`, "Write none alone.");
  }
  const wanted = new Set([...earlier, ...words.flatMap(expand)]);
  return ISOLATIONS.filter((isolation) => wanted.has(isolation));
}

/** What may be written in the list. */
export function isolationWords(): readonly string[] {
  return ["none", "all", ...ISOLATIONS];
}

function expand(word: string): readonly Isolation[] {
  if (word === "all") return ISOLATIONS;
  return word === "none" ? [] : [parseChoice(word, ISOLATIONS, "an isolation")];
}
