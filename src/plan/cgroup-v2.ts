/** Settings of the unified hierarchy (Documentation/admin-guide/cgroup-v2.rst), converted from OCI's v1 values. */
import type { Resources } from "../oci/index.ts";
import { swapBytes } from "./cgroup-memory.ts";
import { type Controller, isLimit, quotaOption, type Setting, THROTTLES, unavailable } from "./cgroup-settings.ts";
import { checkCpuset } from "./cpu-list.ts";
import type { Hierarchy } from "./host-facts.ts";

/** What is written into the container's group, in order. */
export function settingsV2(controller: Controller, resources: Resources, hierarchy: Hierarchy): readonly Setting[] {
  switch (controller) {
    case "memory":
      return memorySettings(resources);
    case "cpu":
      return cpuSettings(resources);
    case "cpuset":
      return cpusetSettings(resources, hierarchy);
    case "pids":
      return pidsSettings(resources);
    case "io":
      return [...weightSettings(resources, hierarchy), ...throttleSettings(resources)];
  }
}

/** As runc and crun have it: the reservation is protected (memory.low), it is no ceiling. */
function memorySettings({ memory = {} }: Resources): Setting[] {
  const settings: Setting[] = [];
  const set = (file: string, bytes: number, why: string, option: string) =>
    settings.push({ file, value: String(bytes), why, option });
  if (isLimit(memory.limit)) set("memory.max", memory.limit, "memory, hard limit in bytes", "--memory");
  const swap = swapBytes(memory);
  if (swap !== undefined) set("memory.swap.max", swap, "swap alone, hard limit in bytes", "--memory-swap");
  if (isLimit(memory.reservation)) {
    set("memory.low", memory.reservation, "memory that reclaim spares", "--memory-reservation");
  }
  return settings;
}

/**
 * v1's shares (2 to 262144, 1024 by default) as v2's weight (1 to 10000, 100 by default): a quadratic through these three
 * points on logarithmic scales, as runc 1.3.2 and crun 1.23 convert. The linear map before it made the default 39.
 */
export function weightFromShares(shares: number): number {
  if (shares <= 2) return 1;
  if (shares >= 262_144) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

const DEFAULT_PERIOD_US = 100_000;

function cpuSettings({ cpu = {} }: Resources): Setting[] {
  const settings: Setting[] = [];
  if (isLimit(cpu.shares)) {
    const value = String(weightFromShares(cpu.shares));
    const why = `CPU, weight under contention (${cpu.shares} shares)`;
    settings.push({ file: "cpu.weight", value, why, option: "--cpu-shares" });
  }
  if (isLimit(cpu.quota) || isLimit(cpu.period)) {
    const quota = isLimit(cpu.quota) ? cpu.quota : "max";
    const period = isLimit(cpu.period) ? cpu.period : DEFAULT_PERIOD_US;
    const why = "CPU, microseconds in each period, and the length of a period";
    settings.push({ file: "cpu.max", value: `${quota} ${period}`, why, option: quotaOption(cpu) });
  }
  return settings;
}

/** Unlike v1's, an empty list means the parent's. */
function cpusetSettings({ cpu = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  checkCpuset(cpu, hierarchy.available);
  const settings: Setting[] = [];
  const set = (file: string, value: string, why: string, option: string) => settings.push({ file, value, why, option });
  if (cpu.cpus) set("cpuset.cpus", cpu.cpus, "CPUs to run on", "--cpuset-cpus");
  if (cpu.mems) set("cpuset.mems", cpu.mems, "memory nodes to allocate from", "--cpuset-mems");
  return settings;
}

function pidsSettings({ pids }: Resources): Setting[] {
  if (!isLimit(pids?.limit)) return [];
  const why = "processes and threads, how many at once";
  return [{ file: "pids.max", value: String(pids.limit), why, option: "--pids-limit" }];
}

/** 10 to 1000 as 1 to 10000, as runc and crun convert. */
export function ioWeight(weight: number): number {
  return 1 + Math.floor(((weight - 10) * 9999) / 990);
}

type Weight = { readonly file: "io.bfq.weight" | "io.weight"; readonly convert: (weight: number) => number };

/**
 * BFQ's file takes OCI's range, and where it is there, it is the one that acts. Neither file lies in the root group; there
 * the io.cost files (root only) tell that io.weight will be in the others.
 */
function weightFile(hierarchy: Hierarchy, option: string): Weight {
  const has = (name: string) => hierarchy.files === undefined || hierarchy.files.includes(name);
  if (hierarchy.files?.includes("io.bfq.weight")) return { file: "io.bfq.weight", convert: (weight) => weight };
  if (has("io.weight") || has("io.cost.qos")) return { file: "io.weight", convert: ioWeight };
  const hint = `Load the BFQ I/O scheduler (modprobe bfq), or leave ${option} out.`;
  throw unavailable(option, "this kernel has neither io.weight nor io.bfq.weight", hint, { object: "io.weight" });
}

function weightSettings({ blockIO = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  const settings: Setting[] = [];
  const set = (prefix: string, weight: number, why: string, option: string) => {
    const { file, convert } = weightFile(hierarchy, option);
    settings.push({ file, value: `${prefix} ${convert(weight)}`, why, option });
  };
  if (isLimit(blockIO.weight)) set("default", blockIO.weight, "block I/O, weight under contention", "--blkio-weight");
  for (const { major, minor, weight } of blockIO.weightDevice ?? []) {
    set(`${major}:${minor}`, weight, "block I/O, weight of one device", "--blkio-weight-device");
  }
  return settings;
}

/** One write per device and key: the kernel takes one device at a time and leaves the keys alone that are not named. */
function throttleSettings({ blockIO = {} }: Resources): Setting[] {
  return THROTTLES.flatMap(([field, option, key, , unit]) =>
    (blockIO[field] ?? []).map(({ major, minor, rate }) => {
      return { file: "io.max", value: `${major}:${minor} ${key}=${rate}`, why: `block I/O, ${unit}`, option };
    }),
  );
}
