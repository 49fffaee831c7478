import { firstReason, missingRoot, type Reason } from "../support/skip.ts";
import { isAsShown } from "./compare.ts";
import type { Block, Command } from "./page.ts";
import type { Session } from "./session.ts";
import { runInTerminal } from "./terminal.ts";

export interface Mismatch {
  readonly command: string;
  readonly line: number;
  readonly expected: string;
  readonly actual: string;
}

export function reasonToSkip({ directives, commands }: Block): Reason {
  const needsRoot = directives.root || commands.some(({ prompt }) => prompt === "#");
  return firstReason(directives.skip, needsRoot ? missingRoot() : undefined);
}

async function outputOf(session: Session, command: Command, block: Block): Promise<string> {
  if (!block.directives.terminal) return session.run(command.text);
  const { prompt = "" } = block.directives;
  const typed = command.expected
    .filter((line) => prompt !== "" && line.startsWith(prompt))
    .map((line) => line.slice(prompt.length));
  const folder = (await session.run("pwd")).trim();
  return runInTerminal(session.place, folder, command.text, prompt, typed);
}

/** The first command that printed something else than the page shows. */
export async function runBlock(session: Session, block: Block): Promise<Mismatch | undefined> {
  for (const command of block.commands) {
    const actual = await outputOf(session, command, block);
    if (isAsShown(actual, command.expected, block.directives.varies)) continue;
    return {
      command: command.text,
      line: command.line,
      expected: command.expected.join("\n"),
      actual: actual.trimEnd(),
    };
  }
  return undefined;
}
