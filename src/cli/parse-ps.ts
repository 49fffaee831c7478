import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { refuseOperands } from "./operands.ts";
import { parseOptions } from "./parse-options.ts";
import { parseChoice } from "./values/choice.ts";
import { invalid, quote } from "./values/invalid.ts";
import { splitFirst } from "./values/pair.ts";

const FORMATS = ["table", "json"] as const;
const FILTERS = ["name", "id"] as const;

export interface PsCommand {
  /** Containers in every state, not only running ones. */
  readonly all: boolean;
  /** Ids only. */
  readonly quiet: boolean;
  /** Ids and commands in full. */
  readonly noTrunc: boolean;
  readonly format: (typeof FORMATS)[number];
  /** A container is listed when it matches one value of each key that is given: part of a name, the start of an id. */
  readonly filters: Readonly<Record<(typeof FILTERS)[number], readonly string[]>>;
}

interface PsDraft {
  all: boolean;
  quiet: boolean;
  noTrunc: boolean;
  format: PsCommand["format"];
  readonly filters: { readonly name: string[]; readonly id: string[] };
}

const group = "Options";

export const PS_GRAMMAR: Grammar<PsDraft> = {
  name: "ps",
  operands: "",
  stopsAtOperand: false,
  description: ["Lists the running containers."],
  examples: [
    { line: "sampan ps --format json", says: "For programs" },
    { line: "sampan kill $(sampan ps -q -f name=test)", says: "Ids of containers whose name contains test" },
  ],
  options: [
    {
      name: "all",
      short: "a",
      kind: "switch",
      group,
      summary: "Containers in every state, not only running ones",
      set: (draft, on) => {
        draft.all = on;
      },
    },
    {
      name: "quiet",
      short: "q",
      kind: "switch",
      group,
      summary: "Print ids only",
      set: (draft, on) => {
        draft.quiet = on;
      },
    },
    {
      name: "no-trunc",
      kind: "switch",
      group,
      summary: "Print ids and commands in full",
      set: (draft, on) => {
        draft.noTrunc = on;
      },
    },
    {
      name: "format",
      kind: "value",
      value: "FORMAT",
      choices: FORMATS,
      group,
      summary: "table or json",
      set: (draft, value) => {
        draft.format = parseChoice(value, FORMATS, "a format");
      },
    },
    {
      name: "filter",
      short: "f",
      kind: "value",
      value: "KEY=VALUE",
      repeats: true,
      choices: FILTERS.map((key) => `${key}=`),
      group,
      summary: "Only containers with this part of a name (name=) or start of an id (id=)",
      set: (draft, value) => {
        const [key, wanted] = splitFirst(value, "=");
        if (wanted === undefined || wanted === "") {
          throw invalid(`${quote(value)} is not a filter`, "Write name=TEXT or id=TEXT.");
        }
        draft.filters[parseChoice(key, FILTERS, "a filter")].push(wanted);
      },
    },
  ],
  common: COMMON_OPTIONS,
};

export function parsePs(argv: readonly string[], context: ParseContext): PsCommand {
  const filters = { name: [], id: [] };
  const draft: PsDraft = { all: false, quiet: false, noTrunc: false, format: "table", filters };
  refuseOperands(PS_GRAMMAR, parseOptions(PS_GRAMMAR, argv, draft, context));
  return draft;
}
