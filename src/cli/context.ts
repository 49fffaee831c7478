import type { ParseContext } from "./grammar.ts";

/** What a command gets from the process it runs in; tests pass their own. */
export interface CommandContext extends ParseContext {
  /** `--root` or SAMPAN_ROOT, absolute; absent means the default for this user. */
  readonly root?: string;
  readonly debug: boolean;
  /** Writes to standard output, all of it before it returns. */
  readonly print: (text: string) => void;
  /** The same for standard error. */
  readonly printError: (text: string) => void;
}

/** One file in `commands/`. */
export interface Command {
  /** `argv` is what follows the command's name. Returns the exit status. */
  execute(argv: readonly string[], context: CommandContext): Promise<number>;
}
