import { readFileSync } from "node:fs";

interface ProcessStat {
  readonly parent: number;
  /** Clock ticks since boot. */
  readonly start: string;
}

/** proc(5), /proc/pid/stat; undefined when there is no such process, or only what its parent has not waited for. */
function processStat(pid: number | "self"): ProcessStat | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the command's name in parentheses, which may hold spaces and parentheses.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" || fields[0] === "X" ? undefined : { parent: Number(fields[1]), start: fields[19] ?? "" };
  } catch {
    return undefined;
  }
}

/**
 * When a process started, in clock ticks since boot, or undefined when it does not run (any more). A process id with its
 * start time is never used again before the next boot.
 */
export function processStartTime(pid: number | "self"): string | undefined {
  return processStat(pid)?.start;
}

/** The parent of a process that runs. */
export function processParent(pid: number): number | undefined {
  return processStat(pid)?.parent;
}
