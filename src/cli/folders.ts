import { type StateFolders, stateFolders } from "../runtime/index.ts";
import type { CommandContext } from "./context.ts";

/** Where this command's containers are: by `--root`, the environment and the user. */
export function foldersOf({ root, env }: Pick<CommandContext, "root" | "env">): StateFolders {
  return stateFolders({ root, uid: process.geteuid?.() ?? 0, env });
}
