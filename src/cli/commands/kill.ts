/** `sampan kill`: sends a signal to the first process of containers. */
import { findContainer, reconcile } from "../../engine/index.ts";
import { formatError, SampanError } from "../../errors/index.ts";
import type { ContainerRecord } from "../../runtime/index.ts";
import type { CommandContext } from "../context.ts";
import { foldersOf } from "../folders.ts";
import { parseKill } from "../parse-kill.ts";

/** A container that ends at this moment is one that is not there. */
function sendSignal({ pid, name }: ContainerRecord, signal: number): void {
  try {
    process.kill(pid, signal);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ESRCH")
      throw new SampanError("NOT_FOUND", `the container ${JSON.stringify(name)} has just ended`, { cause });
    throw new SampanError("NOT_PERMITTED", `cannot send a signal to the container ${JSON.stringify(name)}: ${code}`, {
      cause,
    });
  }
}

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { signal, containers } = parseKill(argv, context);
  const folders = foldersOf(context);
  await reconcile(folders);
  let status = 0;
  for (const reference of containers) {
    try {
      sendSignal(findContainer(folders, reference), signal);
      context.print(`${reference}\n`);
    } catch (error) {
      if (!(error instanceof SampanError)) throw error;
      context.printError(`${formatError(error)}\n`);
      status = 1;
    }
  }
  return status;
}
