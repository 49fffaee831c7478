/** Which process made a temporary folder, and whether it still lives: pid and start time, as pids are used again. */
import { readFileSync, readlinkSync } from "node:fs";

export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, field 22 of /proc/PID/stat. */
  readonly startTime: string;
  /** The boot and the PID namespace in which pid and start time mean something. */
  readonly world: string;
}

/** Undefined for a process that is not there, and for one that is dead and only not yet waited for. */
function startTimeOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The command in field 2 may hold spaces and parentheses.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" || fields[0] === "X" ? undefined : fields[19];
}

function currentWorld(): string {
  const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);
  const namespace = /\d+/.exec(readlinkSync("/proc/self/ns/pid"))?.[0] ?? "0";
  return `${boot}.${namespace}`;
}

export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, startTime: startTimeOf(process.pid) ?? "0", world: currentWorld() };
}

/** `undefined`: it lives, or could live, in a PID namespace that cannot be seen from here. */
export function hasDied({ pid, startTime, world }: ProcessIdentity, own: ProcessIdentity): boolean | undefined {
  const [boot, namespace] = world.split(".");
  const [ownBoot, ownNamespace] = own.world.split(".");
  if (boot !== ownBoot) return true;
  if (namespace !== ownNamespace) return undefined;
  return startTimeOf(pid) !== startTime;
}
