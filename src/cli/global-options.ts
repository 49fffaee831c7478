import type { GlobalDraft, GrammarShape, OptionRow } from "./grammar.ts";
import { parseHostPath } from "./values/path.ts";

const group = "Everywhere";

const ROOT: OptionRow<GlobalDraft> = {
  name: "root",
  kind: "value",
  value: "DIR",
  completes: "folder",
  group,
  summary: "Folder for Sampan's state (SAMPAN_ROOT)",
  set: (draft, value, { cwd }) => {
    draft.root = parseHostPath(value, cwd);
  },
};

const DEBUG: OptionRow<GlobalDraft> = {
  name: "debug",
  kind: "switch",
  group,
  summary: "Print the stack of an error",
  set: (draft, on) => {
    draft.debug = on;
  },
};

const HELP: OptionRow<GlobalDraft> = {
  name: "help",
  kind: "switch",
  group,
  summary: "Show help",
  set: (draft, on) => {
    draft.help = on;
  },
};

const VERSION: OptionRow<GlobalDraft> = {
  name: "version",
  kind: "switch",
  group,
  summary: "Show the version",
  set: (draft, on) => {
    draft.version = on;
  },
};

/** `-h` is help, except for `run`, where it has been the host name in Docker for ever. */
const SHORT_HELP: OptionRow<GlobalDraft> = { ...HELP, short: "h" };

/** Before the command's name. */
const TOP_OPTIONS: readonly OptionRow<GlobalDraft>[] = [ROOT, DEBUG, SHORT_HELP, VERSION];
/** Among the options of a command, and of `run`. */
export const COMMON_OPTIONS: readonly OptionRow<GlobalDraft>[] = [ROOT, DEBUG, SHORT_HELP];
export const COMMON_RUN_OPTIONS: readonly OptionRow<GlobalDraft>[] = [ROOT, DEBUG, HELP];

/** The words before the command's name. */
export const TOP_GRAMMAR: GrammarShape = {
  name: "sampan",
  operands: "COMMAND [ARGUMENT...]",
  stopsAtOperand: true,
  description: [],
  examples: [],
  options: [],
  common: TOP_OPTIONS,
};
