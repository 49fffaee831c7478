import { COMMANDS } from "../command-list.ts";
import type { CommandContext } from "../context.ts";
import { commandHelp } from "../help/command-help.ts";
import { overview } from "../help/overview.ts";
import { parseHelp } from "../parse-help.ts";

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { command } = parseHelp(argv, context);
  const entry = COMMANDS.find((candidate) => candidate.name === command);
  context.print(entry === undefined ? overview() : commandHelp(await entry.grammar()));
  return 0;
}
