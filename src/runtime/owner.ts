/**
 * Who a container belongs to: the process whose death ends it, as one word of fixed length. With its start time in clock
 * ticks since boot, a process id is unique until the next boot.
 */
import { processParent, processStartTime } from "../host/index.ts";

const WIDTH = 32;

/** This process: `PID START`, padded with spaces. */
export function ownerWord(): string {
  return `${process.pid} ${processStartTime("self") ?? ""}`.padEnd(WIDTH);
}

/**
 * Whether a process runs and descends from the owner: its child, or that of the executor which a library's process has
 * started. A number that was given to somebody else meanwhile does not.
 */
export function isOwnedBy(pid: number, word: string): boolean {
  const owner = Number.parseInt(word, 10);
  const parent = processParent(pid);
  return parent !== undefined && (parent === owner || processParent(parent) === owner);
}

/** Whether the process that a word names still runs. */
export function isOwnerAlive(word: string): boolean {
  const [pid = "", start] = word.trimEnd().split(" ");
  return /^[1-9]\d*$/.test(pid) && processStartTime(Number(pid)) === start;
}
