import { readFileSync } from "node:fs";

/**
 * When a process started, in clock ticks since boot (proc(5), /proc/pid/stat, field 22), or undefined when there is no
 * such process. A process id with its start time is never used again before the next boot.
 */
export function processStartTime(pid: number | "self"): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The second field is the command's name in parentheses, which may hold spaces and parentheses.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}
