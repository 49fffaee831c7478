/** What a container may leave on a machine: looked at before and after. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { allPids, commandName } from "./processes.ts";

function entries(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Groups of Sampan by path, in every hierarchy, three folders deep. */
function groups(folder = "/sys/fs/cgroup", depth = 0): string[] {
  return entries(folder).flatMap((name) => {
    const path = join(folder, name);
    if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) return [];
    const below = depth < 4 ? groups(path, depth + 1) : [];
    return path.includes("/sampan") ? [path, ...below] : below;
  });
}

/** A group that somebody lives in belongs to a container that runs. */
function isOccupied(group: string): boolean {
  try {
    return readFileSync(join(group, "cgroup.procs"), "utf8") !== "";
  } catch {
    return false;
  }
}

export interface Traces {
  readonly mounts: readonly string[];
  readonly groups: readonly string[];
  readonly processes: readonly string[];
  readonly records: readonly string[];
}

export function lookAround(state: string): Traces {
  const own = (pid: number) => commandName(pid).startsWith("sampan");
  return {
    mounts: readFileSync("/proc/self/mountinfo", "utf8").trim().split("\n"),
    groups: groups().filter((group) => !isOccupied(group)),
    processes: allPids()
      .filter(own)
      .map((pid) => `${pid} ${commandName(pid)}`),
    records: ["containers", "names"].flatMap((name) => entries(join(state, "run", name))),
  };
}

/** The shared folder of all containers' groups stays, once it is there. */
function isShared(trace: string): boolean {
  return trace.endsWith("/sampan");
}

/** One sentence for each trace that was not there before. */
export function difference(before: Traces, after: Traces): string[] {
  return (Object.keys(after) as (keyof Traces)[]).flatMap((kind) => {
    const known = new Set(before[kind]);
    return after[kind].filter((trace) => !known.has(trace) && !isShared(trace)).map((trace) => `${kind}: ${trace}`);
  });
}

/** Waits a little, for other containers on the machine may be on their way out; what stays is left over. */
export async function leftSince(before: Traces, state: string): Promise<string[]> {
  let left = difference(before, lookAround(state));
  for (let round = 0; round < 10 && left.length > 0; round++) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    const again = new Set(difference(before, lookAround(state)));
    left = left.filter((trace) => again.has(trace));
  }
  return left;
}
