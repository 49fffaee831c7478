/** Control groups on this machine's kernel: the conformance suite, and plans whose limits have to hold. */
import { expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { type GroupHarness, groupConformance } from "../../src/cgroup/live.conformance.ts";
import { LiveGroup } from "../../src/cgroup/live.ts";
import { readCgroupLayout } from "../../src/host/cgroup-layout.ts";
import type { Resources } from "../../src/oci/index.ts";
import type { CgroupPlan } from "../../src/plan/cgroup-plan.ts";
import { planCgroups } from "../../src/plan/cgroups.ts";
import type { CgroupLayout } from "../../src/plan/host-facts.ts";
import { describeUnless, missingRoot, type Reason, testUnless } from "../support/skip.ts";

const PARENT = `sampan-test-${process.pid}`;
const MiB = 1024 * 1024;
const layout = readCgroupLayout();
let count = 0;

/** Why this host cannot run a part; undefined when it can. */
function missing(needs: { readonly v1?: readonly string[]; readonly unified?: boolean }): Reason {
  if (missingRoot() !== undefined) return missingRoot();
  if (layout.mode === "none") return "no control groups are mounted";
  const name = needs.v1?.find((controller) => layout.v1[controller] === undefined);
  if (name !== undefined) return `no v1 controller ${name} on this ${layout.mode} host`;
  return needs.unified && layout.unified === undefined ? `no unified hierarchy on this ${layout.mode} host` : undefined;
}

function planFor(resources: Resources, where: CgroupLayout = layout): CgroupPlan {
  count += 1;
  return planCgroups({ id: `c${count}`, layout: where, resources, uid: 0, parent: PARENT });
}

/** What the program of a container does with its plan. */
function make(plan: CgroupPlan): void {
  for (const directory of plan.directories) {
    mkdirSync(directory.path, { recursive: directory.shared });
  }
  for (const { path, value } of plan.writes) writeFileSync(path, value, { flag: "r+" });
}

/** Starts a shell that joins the groups and then becomes the command. */
function startIn(folders: readonly string[], command: string): ChildProcess {
  const joins = folders.map((folder) => `echo 0 > ${folder}/cgroup.procs`).join(" && ");
  const child = spawn("/bin/sh", ["-c", `${joins} && echo in && ${command}`], { stdio: ["ignore", "pipe", "inherit"] });
  return child;
}

async function joined(child: ChildProcess): Promise<number> {
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  return child.pid ?? 0;
}

function ended(child: ChildProcess): Promise<{ readonly code: number | null; readonly signal: string | null }> {
  return new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
}

function harness(plan: () => CgroupPlan): () => Promise<GroupHarness> {
  return async () => {
    const groups = plan();
    make(groups);
    const group = new LiveGroup(groups);
    const children: ChildProcess[] = [];
    return {
      group,
      spawn: async (below) => {
        const folders = groups.remove.map((folder) => (below ? `${folder}/${below}` : folder));
        for (const folder of folders) mkdirSync(folder, { recursive: true });
        const child = startIn(folders, "exec sleep 1000");
        children.push(child);
        return joined(child);
      },
      isAlive: (pid) => group.processes().includes(pid),
      folders: () => groups.remove.filter((folder) => existsSync(folder)),
      dispose: async () => {
        for (const child of children) child.kill("SIGKILL");
        await group.kill();
        await group.remove();
      },
    };
  };
}

const unifiedOnly: CgroupLayout = { mode: "v2", v1: {}, ...(layout.unified ? { unified: layout.unified } : {}) };
const v1Only: CgroupLayout = { mode: "v1", v1: layout.v1 };
const pids: Resources = { pids: { limit: 50 } };

/** No option asks for the v1 freezer yet: its folder is added by hand. */
function withFreezer(plan: CgroupPlan): CgroupPlan {
  const path = `${layout.v1["freezer"]?.mount}/${PARENT}-c${count}`;
  const directories = [...plan.directories, { path, shared: false }];
  return { ...plan, directories, remove: [...plan.remove, path] };
}

function conformance(title: string, reason: Reason, plan: () => CgroupPlan): void {
  if (reason === undefined) groupConformance(title, harness(plan));
  else testUnless(reason)(title, () => {});
}

conformance("v1 of this kernel", missing({ v1: ["pids", "freezer"] }), () => withFreezer(planFor(pids, v1Only)));
conformance("the unified hierarchy of this kernel", missing({ unified: true }), () => planFor({}, unifiedOnly));
conformance("both on a hybrid host", missing({ v1: ["pids"], unified: true }), () => planFor(pids));

/** Runs a command in fresh groups, and hands back how it ended and what it used. */
async function run(resources: Resources, command: string) {
  const plan = planFor(resources);
  make(plan);
  const group = new LiveGroup(plan);
  try {
    const end = await ended(startIn(plan.remove, command));
    await group.kill();
    return { ...end, used: group.read() };
  } finally {
    await group.kill();
    await group.remove();
  }
}

describeUnless(missing({}))("limits that hold", () => {
  test("memory: whoever exceeds it is killed, also a child, and it is counted", async () => {
    const allocate = "sh -c 'dd if=/dev/zero of=/dev/null bs=64M count=1 2>/dev/null; echo $? > /dev/null; exit 7'";
    const { code, used } = await run({ memory: { limit: 16 * MiB, swap: 16 * MiB } }, allocate);
    expect(code).toBe(7);
    expect(used.oomKills).toBe(1);
    expect(used.peakMemoryBytes).toBeGreaterThan(8 * MiB);
    expect(used.peakMemoryBytes).toBeLessThanOrEqual(16 * MiB);
  });

  test("processes: fork fails at the limit, for the whole tree", async () => {
    const fork = "for i in 1 2 3 4 5 6; do sleep 5 & done 2>/dev/null; wait";
    const { code, used } = await run({ pids: { limit: 4 } }, fork);
    expect(code).not.toBe(0);
    if (used.peakProcesses !== undefined) expect(used.peakProcesses).toBe(4);
  });

  test("CPU: the quota throttles, and it is counted", async () => {
    const spin = "timeout 0.4 sh -c 'while :; do :; done'";
    const { used } = await run({ cpu: { quota: 10_000, period: 50_000 } }, spin);
    expect(used.throttledPeriods).toBeGreaterThan(0);
    expect(used.throttledUs).toBeGreaterThan(0);
  });

  test("every kind of limit is taken by this kernel", async () => {
    const cpu = { shares: 512, quota: 50_000, period: 100_000, cpus: "0", mems: "0" };
    const memory = { limit: 64 * MiB, reservation: 32 * MiB };
    const { code } = await run({ cpu, memory, pids: { limit: 20 } }, "true");
    expect(code).toBe(0);
  });
});
