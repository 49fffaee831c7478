/** What a run could leave behind on the host, and did it. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";

const CGROUPS = "/sys/fs/cgroup";

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function text(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch {
    return "";
  }
}

/** Processes that carry `token` in their environment, with their names. Zombies have none. */
export function processesWith(token: string): string[] {
  return names("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => text(`/proc/${pid}/environ`).includes(token))
    .map(
      (pid) =>
        `${pid} ${text(`/proc/${pid}/comm`).trim()} ${text(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()}`,
    );
}

/** Groups of containers in which no process is, in all hierarchies: `/sys/fs/cgroup/memory/sampan-…`. */
export function emptyGroups(): string[] {
  const hierarchies = [CGROUPS, ...names(CGROUPS).map((name) => join(CGROUPS, name))];
  return hierarchies.flatMap((folder) =>
    names(folder)
      .filter((name) => /^sampan-[0-9a-f]{64}$/.test(name))
      .map((name) => join(folder, name))
      .filter((path) => text(join(path, "cgroup.procs")) === ""),
  );
}

/** Groups of one container. */
export function groupsOf(id: string): string[] {
  const hierarchies = [CGROUPS, ...names(CGROUPS).map((name) => join(CGROUPS, name))];
  const paths = hierarchies.flatMap((folder) => [join(folder, `sampan-${id}`), join(folder, "sampan", id)]);
  return paths.filter((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
}

/** Mounts of this mount namespace that mention `word`. */
export function mountsWith(word: string): string[] {
  return text("/proc/self/mountinfo")
    .split("\n")
    .filter((line) => line.includes(word));
}

/** What is in the run folder of `--root`. */
export function recordsIn(root: string): string[] {
  return ["containers", "names"].flatMap((kind) => names(join(root, "run", kind)).map((name) => `${kind}/${name}`));
}

export interface Traces {
  readonly root: string;
  readonly token: string;
  /** Ids of containers, as far as they are known. */
  readonly ids: readonly string[];
  readonly temporary: string;
}

/** All of them, as lines; empty when nothing was left. */
export function leftovers({ root, token, ids, temporary }: Traces): string[] {
  return [
    ...processesWith(token).map((line) => `process ${line}`),
    ...ids.flatMap(groupsOf).map((path) => `group ${path}`),
    ...mountsWith(root).map((line) => `mount ${line}`),
    ...recordsIn(root).map((path) => `record ${path}`),
    ...names(temporary).map((name) => `temporary ${name}`),
  ];
}

/** Waits until nothing is left, for `limitMs` at most; returns what still is. */
export async function waitUntilClean(traces: Traces, limitMs = 2000): Promise<string[]> {
  const end = Date.now() + limitMs;
  for (;;) {
    const left = leftovers(traces);
    if (left.length === 0 || Date.now() > end) return left;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
