import type { OptionRow } from "../../grammar.ts";
import type { RunDraft } from "../../run-draft.ts";
import { parseChoice } from "../../values/choice.ts";

const group = "Showing";
const FORMATS = ["text", "json"] as const;

/** Looking at a run instead of, or besides, running it. */
export const SHOWING_OPTIONS: readonly OptionRow<RunDraft>[] = [
  {
    name: "explain",
    kind: "optional",
    value: "FORMAT",
    choices: FORMATS,
    group,
    summary: "Print the system calls of the run, and why each is made; text or json",
    set: ({ output }, value) => {
      output.explain = parseChoice(value ?? "text", FORMATS, "a format");
    },
  },
  {
    name: "dry-run",
    kind: "switch",
    group,
    summary: "Plan and check the run, and do nothing",
    set: ({ output }, on) => {
      output.dryRun = on;
    },
  },
  {
    name: "report",
    kind: "optional",
    value: "FORMAT",
    choices: FORMATS,
    group,
    summary: "Say at the end what was used and how it ended; text or json",
    set: ({ output }, value) => {
      output.report = parseChoice(value ?? "text", FORMATS, "a format");
    },
  },
];
