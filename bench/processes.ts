/** Processes as /proc shows them. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // it has ended
  }
}

function pidNamespace(pid: number | "self"): string {
  try {
    return readlinkSync(`/proc/${pid}/ns/pid`);
  } catch {
    return "";
  }
}

export function allPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

export function commandName(pid: number): string {
  return read(`/proc/${pid}/comm`).trim();
}

function parentOf(pid: number): number {
  const stat = read(`/proc/${pid}/stat`);
  return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
}

/** A process and its descendants, without those of other PID namespaces: a runtime without its container. */
export function familyOf(first: number): number[] {
  const family = new Set([first]);
  const own = pidNamespace("self");
  const pids = allPids();
  for (let grew = true; grew; ) {
    grew = false;
    for (const pid of pids) {
      if (family.has(pid) || !family.has(parentOf(pid)) || pidNamespace(pid) !== own) continue;
      family.add(pid);
      grew = true;
    }
  }
  return [...family];
}

/** Bytes that would come back if the process ended: Private_Clean and Private_Dirty of /proc/PID/smaps_rollup. */
export function privateBytes(pid: number): number {
  const fields = read(`/proc/${pid}/smaps_rollup`).matchAll(/^Private_(?:Clean|Dirty): +(\d+) kB/gm);
  return [...fields].reduce((sum, [, kib]) => sum + Number(kib) * 1024, 0);
}
