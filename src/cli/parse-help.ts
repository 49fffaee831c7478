import { type CommandName, isCommandName, visibleCommands } from "./command-list.ts";
import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { refuseOperands } from "./operands.ts";
import { parseOptions } from "./parse-options.ts";
import { unknownCommand } from "./unknown-command.ts";

export interface HelpCommand {
  /** Absent: the overview. */
  readonly command?: CommandName;
}

export const HELP_GRAMMAR: Grammar<unknown> = {
  name: "help",
  operands: "[COMMAND]",
  operandChoices: visibleCommands().map((command) => command.name),
  stopsAtOperand: false,
  description: ["Shows what a command does and all of its options; without COMMAND, the commands."],
  examples: [{ line: "sampan help run", says: "The same as sampan run --help" }],
  options: [],
  common: COMMON_OPTIONS,
};

export function parseHelp(argv: readonly string[], context: ParseContext): HelpCommand {
  const [command, ...more] = parseOptions(HELP_GRAMMAR, argv, undefined, context);
  refuseOperands(HELP_GRAMMAR, more);
  if (command === undefined) return {};
  if (!isCommandName(command)) throw unknownCommand(command);
  return { command };
}
