import type { OptionRow } from "./grammar.ts";
import { parseChoice } from "./values/choice.ts";

const FORMATS = ["text", "json"] as const;

export interface FormatDraft {
  format: (typeof FORMATS)[number];
}

/** `--format`, for commands that say one thing to people and to programs. */
export const TEXT_OR_JSON: OptionRow<FormatDraft> = {
  name: "format",
  kind: "value",
  value: "FORMAT",
  choices: FORMATS,
  group: "Options",
  summary: "text or json",
  set: (draft, value) => {
    draft.format = parseChoice(value, FORMATS, "a format");
  },
};
