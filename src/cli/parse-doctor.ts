import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { refuseOperands } from "./operands.ts";
import { parseOptions } from "./parse-options.ts";
import { type FormatDraft, TEXT_OR_JSON } from "./text-or-json.ts";

export type DoctorCommand = Readonly<FormatDraft>;

export const DOCTOR_GRAMMAR: Grammar<FormatDraft> = {
  name: "doctor",
  operands: "",
  stopsAtOperand: false,
  description: [
    "Checks this host before anything is tried: kernel, namespaces, control groups, id maps. Each line says what works, " +
      "or what stands in the way and how to change it.",
  ],
  examples: [{ line: "sampan doctor --format json", says: "For programs" }],
  options: [TEXT_OR_JSON],
  common: COMMON_OPTIONS,
};

export function parseDoctor(argv: readonly string[], context: ParseContext): DoctorCommand {
  const draft: FormatDraft = { format: "text" };
  refuseOperands(DOCTOR_GRAMMAR, parseOptions(DOCTOR_GRAMMAR, argv, draft, context));
  return draft;
}
