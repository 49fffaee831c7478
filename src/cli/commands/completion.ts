import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { loadVocabulary } from "../completion/vocabulary.ts";
import { zshCompletion } from "../completion/zsh.ts";
import type { CommandContext } from "../context.ts";
import { parseCompletion } from "../parse-completion.ts";

const WRITERS = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion };

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { shell } = parseCompletion(argv, context);
  context.print(WRITERS[shell](await loadVocabulary()));
  return 0;
}
