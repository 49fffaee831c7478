/** What stays in memory beside a running container. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { MASKED_PATHS, READONLY_PATHS } from "../../src/engine/default-mounts.ts";
import { LIMITS, makeBundle } from "../peers.ts";
import { commandName, familyOf, privateBytes } from "../processes.ts";
import type { Scenario } from "../scenario.ts";
import { median } from "../statistics.ts";
import type { TimedCommand } from "../stopwatch.ts";

const LIMIT_MB = 0.5;
/** Says that it runs, and ends with its input. */
const COMMAND = ["/bin/sh", "-c", "echo running; read -r end || true"];

interface Sample {
  readonly bytes: number;
  readonly processes: readonly string[];
}

/** Looks at a runtime while its container waits for input. */
async function sample({ argv, cwd, mountNamespace }: TimedCommand): Promise<Sample> {
  const inside = mountNamespace ? ["nsenter", `--mount=${mountNamespace}`, "--", ...argv] : [...argv];
  const [command = "", ...args] = inside;
  const child = spawn(command, args, { cwd, stdio: ["pipe", "pipe", "inherit"] });
  const ended = once(child, "close");
  await Promise.race([once(child.stdout, "data"), ended]);
  const family = familyOf(child.pid ?? 0);
  const processes = family.map((pid) => `${commandName(pid)} ${(privateBytes(pid) / 1024).toFixed(0)} KiB`);
  const bytes = family.reduce((sum, pid) => sum + privateBytes(pid), 0);
  child.stdin.end("\n");
  const [code] = await ended;
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
  return { bytes, processes };
}

async function measureOne(command: TimedCommand, times: number): Promise<{ mb: number; note: string }> {
  const samples: Sample[] = [];
  for (let i = 0; i < times; i++) samples.push(await sample(command));
  const mb = median(samples.map(({ bytes }) => bytes)) / 1e6;
  return { mb, note: `${command.name}: ${mb.toFixed(2)} MB (${samples[0]?.processes.join(", ")})` };
}

export const memory: Scenario = {
  name: "memory",
  async measure({ shop, peers, quick }) {
    const argv = [shop.sampan, "--root", shop.state, "run", "-i", ...LIMITS, shop.rootfs, ...COMMAND];
    const own = await measureOne({ name: "sampan run", argv }, quick ? 1 : 5);
    const notes = [own.note];
    if (peers.found.includes("runc")) {
      const bundle = makeBundle(shop, "waiting", COMMAND, { masked: MASKED_PATHS, readonly: READONLY_PATHS });
      for (const name of peers.found) notes.push((await measureOne(peers.run(name, bundle), quick ? 1 : 5)).note);
    }
    return {
      title: "Private memory beside a running container in the foreground (smaps_rollup, all processes of the runtime)",
      rows: [],
      targets: [{ what: "executor and janitor together", measured: own.mb, limit: LIMIT_MB, unit: "MB" }],
      notes,
    };
  },
};
