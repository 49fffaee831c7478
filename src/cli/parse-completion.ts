import { SampanError } from "../errors/index.ts";
import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { refuseOperands } from "./operands.ts";
import { parseOptions } from "./parse-options.ts";
import { alternatives, choiceHint } from "./values/choice.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export interface CompletionCommand {
  readonly shell: Shell;
}

export const COMPLETION_GRAMMAR: Grammar<unknown> = {
  name: "completion",
  operands: SHELLS.join("|"),
  operandChoices: SHELLS,
  stopsAtOperand: false,
  description: [
    "Prints a script that completes commands, options, values and containers when it is loaded by a shell.",
  ],
  examples: [
    { line: 'eval "$(sampan completion bash)"', says: "In ~/.bashrc" },
    { line: 'eval "$(sampan completion zsh)"', says: "In ~/.zshrc, after compinit" },
    { line: "sampan completion fish | source", says: "In ~/.config/fish/config.fish" },
  ],
  options: [],
  common: COMMON_OPTIONS,
};

export function parseCompletion(argv: readonly string[], context: ParseContext): CompletionCommand {
  const [word, ...more] = parseOptions(COMPLETION_GRAMMAR, argv, undefined, context);
  refuseOperands(COMPLETION_GRAMMAR, more);
  const shell = SHELLS.find((candidate) => candidate === word);
  if (shell !== undefined) return { shell };
  throw word === undefined
    ? new SampanError("USAGE", "completion needs the name of a shell", { hint: `Write ${alternatives(SHELLS)}.` })
    : new SampanError("USAGE", `no completion for ${word}`, { object: word, hint: choiceHint(word, SHELLS) });
}
