/** What a running container costs beside its own processes. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { prepareRun } from "../../src/engine/index.ts";
import { ensureRunFolders } from "../../src/runtime/index.ts";
import { describeUnless, firstReason, missingFile, missingRoot } from "../support/skip.ts";
import { childrenOf, janitorOf, missingExecutor, pidOf, start, temporaryFolder, waitFor } from "./support.ts";

/** Private memory in bytes: what nobody else shares (proc(5), smaps_rollup). */
function privateMemory(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "latin1");
  const kib = [...text.matchAll(/^Private_(?:Clean|Dirty|Hugetlb): +(\d+) kB$/gm)].map(([, number]) => Number(number));
  if (kib.length !== 3) throw new Error(text);
  return kib.reduce((sum, number) => sum + number, 0) * 1024;
}

const missingRollup = missingFile("/proc/self/smaps_rollup", "Linux 4.14 has it");

describeUnless(firstReason(missingExecutor(), missingRoot(), missingRollup))("a running container", () => {
  test("costs less than half a megabyte of private memory: an executor and a janitor", async () => {
    using folder = temporaryFolder();
    const folders = { run: `${folder.path}/run`, data: `${folder.path}/data` };
    ensureRunFolders(folders);
    const { program } = await prepareRun(
      { source: "host", command: ["sh", "-c", "echo ready; exec sleep 1000"] },
      { folders, measure: false },
    );
    const controller = new AbortController();
    const execution = start(program, { signal: controller.signal });
    try {
      await waitFor(execution, "ready");
      const executor = pidOf(execution);
      const janitor = await janitorOf(execution);
      const children = childrenOf(executor);
      expect(children).toHaveLength(2); // the command, and the janitor
      expect(privateMemory(executor) + privateMemory(janitor)).toBeLessThan(500_000);
    } finally {
      controller.abort();
      await execution.outcome;
    }
  });
});
