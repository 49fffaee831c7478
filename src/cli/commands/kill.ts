/** `sampan kill`: sends a signal to the first process of containers. */
import { findContainer, reconcile } from "../../engine/index.ts";
import { formatError, SampanError } from "../../errors/index.ts";
import { stateFolders } from "../../runtime/index.ts";
import type { CommandContext } from "../context.ts";
import { parseKill } from "../parse-kill.ts";

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { signal, containers } = parseKill(argv, context);
  const folders = stateFolders({ root: context.root, uid: process.geteuid?.() ?? 0, env: context.env });
  await reconcile(folders);
  let status = 0;
  for (const reference of containers) {
    try {
      process.kill(findContainer(folders, reference).pid, signal);
      context.print(`${reference}\n`);
    } catch (error) {
      if (!(error instanceof SampanError)) throw error;
      context.printError(`${formatError(error)}\n`);
      status = 1;
    }
  }
  return status;
}
