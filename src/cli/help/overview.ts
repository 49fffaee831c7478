import { visibleCommands } from "../command-list.ts";
import { TOP_GRAMMAR } from "../global-options.ts";
import { invocation } from "../grammar.ts";
import { optionLines } from "./command-help.ts";
import { twoColumns } from "./layout.ts";

/** What `sampan` alone prints. */
export function overview(): string {
  const commands = visibleCommands().map(({ name, summary }) => [name, summary] as const);
  const width = Math.max(...commands.map(([name]) => name.length));
  return [
    `Usage: ${invocation(TOP_GRAMMAR)} [OPTIONS] ${TOP_GRAMMAR.operands}\n`,
    "Containers from scratch: a command, and as many walls around it as you like.\n",
    `Commands:\n${twoColumns(commands, width)}`,
    `Options:\n${optionLines(TOP_GRAMMAR.common)}`,
    "sampan help COMMAND tells more. To start with: sampan run host ps ax\n",
  ].join("\n");
}
