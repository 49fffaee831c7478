import { SampanError } from "../errors/index.ts";
import { type GrammarShape, invocation } from "./grammar.ts";

/** Refuses words that a command has no use for. */
export function refuseOperands(grammar: GrammarShape, operands: readonly string[]): void {
  const [first] = operands;
  if (first === undefined) return;
  throw new SampanError("USAGE", `${grammar.name} does not take ${JSON.stringify(first)}`, {
    object: first,
    hint: `Usage: ${usage(grammar)}.`,
  });
}

/** `sampan kill [OPTIONS] CONTAINER...` */
export function usage(grammar: GrammarShape): string {
  return [invocation(grammar), "[OPTIONS]", grammar.operands].filter((word) => word !== "").join(" ");
}
