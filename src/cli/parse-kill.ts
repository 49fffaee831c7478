import { SampanError } from "../errors/index.ts";
import { SIGNALS } from "../kernel/index.ts";
import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { parseOptions } from "./parse-options.ts";
import { parseSignal, signalNames } from "./values/signal.ts";

export interface KillCommand {
  readonly signal: number;
  /** Names, ids or starts of ids; at least one. */
  readonly containers: readonly string[];
}

interface KillDraft {
  signal: number;
}

export const KILL_GRAMMAR: Grammar<KillDraft> = {
  name: "kill",
  operands: "CONTAINER...",
  operandCompletes: "container",
  stopsAtOperand: false,
  description: ["Sends a signal to the command of each container: KILL, or another one."],
  examples: [
    { line: "sampan kill web", says: "End a container at once" },
    { line: "sampan kill -s TERM web cache", says: "Ask two containers to stop" },
  ],
  options: [
    {
      name: "signal",
      short: "s",
      kind: "value",
      value: "SIGNAL",
      choices: signalNames(),
      group: "Options",
      summary: "Name or number of the signal; the default is KILL",
      set: (draft, value) => {
        draft.signal = parseSignal(value);
      },
    },
  ],
  common: COMMON_OPTIONS,
};

export function parseKill(argv: readonly string[], context: ParseContext): KillCommand {
  const draft: KillDraft = { signal: SIGNALS.SIGKILL };
  const containers = parseOptions(KILL_GRAMMAR, argv, draft, context);
  if (containers.length > 0) return { ...draft, containers };
  throw new SampanError("USAGE", "kill needs a CONTAINER", {
    object: "CONTAINER",
    hint: "sampan ps lists the containers.",
  });
}
