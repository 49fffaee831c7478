/** Lists of CPUs or memory nodes in the kernel's format (cpuset(7), "List format"): `0-3,8`. */
import { SampanError } from "../errors/index.ts";
import type { CpuResources } from "../oci/index.ts";
import type { CpusetFacts } from "./host-facts.ts";

type Range = readonly [first: number, last: number];

function parseRange(part: string): Range | undefined {
  const match = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part.trim());
  if (match === null) return undefined;
  const first = Number(match[1]);
  const last = match[2] === undefined ? first : Number(match[2]);
  return first <= last ? [first, last] : undefined;
}

/** The ranges of a list, or undefined when it is none. */
export function parseCpuList(list: string): readonly Range[] | undefined {
  const ranges = list.split(",").map(parseRange);
  return ranges.every((range) => range !== undefined) ? ranges : undefined;
}

/** The first number of `wanted` that `available` lacks. */
export function firstMissing(wanted: readonly Range[], available: readonly Range[]): number | undefined {
  for (const [first, last] of wanted) {
    for (let n = first; n <= last; n++) if (!available.some(([low, high]) => low <= n && n <= high)) return n;
  }
  return undefined;
}

/** Refuses CPUs and nodes that are not there: v1 answers with a bare EINVAL or EACCES, v2 ignores them silently. */
export function checkCpuset(cpu: CpuResources, available: CpusetFacts | undefined): void {
  if (cpu.cpus) checkList("--cpuset-cpus", "CPU", cpu.cpus, available?.cpus);
  if (cpu.mems) checkList("--cpuset-mems", "memory node", cpu.mems, available?.mems);
}

function checkList(option: string, noun: string, wanted: string, available: string | undefined): void {
  const fail = (reason: string, hint: string) =>
    new SampanError("INVALID_VALUE", `cannot apply ${option}: ${reason}`, {
      operation: `apply ${option}`,
      object: wanted,
      hint,
    });
  const ranges = parseCpuList(wanted);
  if (ranges === undefined) throw fail(`${JSON.stringify(wanted)} is not a list`, "Write it like 0-3,8.");
  const known = available ? parseCpuList(available) : undefined;
  const missing = known ? firstMissing(ranges, known) : undefined;
  if (missing !== undefined) throw fail(`there is no ${noun} ${missing}`, `Available are ${available}.`);
}
