/** `sampan exec`: finds the container, plans the process, and becomes the executor. */

import { findContainer, prepareExec, reconcile } from "../../engine/index.ts";
import { becomeExecutor, executorPath } from "../../executor/index.ts";
import { encode } from "../../program/index.ts";

import type { CommandContext } from "../context.ts";
import { foldersOf } from "../folders.ts";
import { parseExec } from "../parse-exec.ts";
import { selfCommand } from "../self.ts";

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const { container, ...options } = parseExec(argv, context);
  const folders = foldersOf(context);
  await reconcile(folders);
  const reporter = { argv: [...selfCommand(), "internal-report", "brief"], when: "failed" } as const;
  const program = prepareExec(findContainer(folders, container), options, reporter);
  return becomeExecutor(encode(program).image, executorPath());
}
