import type { CommandContext } from "../context.ts";
export async function execute(_argv: readonly string[], _context: CommandContext): Promise<number> {
  return 1;
}
