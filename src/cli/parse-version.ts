import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { refuseOperands } from "./operands.ts";
import { parseOptions } from "./parse-options.ts";
import { type FormatDraft, TEXT_OR_JSON } from "./text-or-json.ts";

export type VersionCommand = Readonly<FormatDraft>;

export const VERSION_GRAMMAR: Grammar<FormatDraft> = {
  name: "version",
  operands: "",
  stopsAtOperand: false,
  description: ["Shows the version of Sampan, and of what it was built with."],
  examples: [{ line: "sampan version --format json", says: "For programs" }],
  options: [TEXT_OR_JSON],
  common: COMMON_OPTIONS,
};

export function parseVersion(argv: readonly string[], context: ParseContext): VersionCommand {
  const draft: FormatDraft = { format: "text" };
  refuseOperands(VERSION_GRAMMAR, parseOptions(VERSION_GRAMMAR, argv, draft, context));
  return draft;
}
