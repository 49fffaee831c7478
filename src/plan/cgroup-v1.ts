/** Settings of the v1 controllers (Documentation/admin-guide/cgroup-v1). */
import type { Resources } from "../oci/index.ts";
import { swapBytes } from "./cgroup-memory.ts";
import { type Controller, isLimit, quotaOption, requireFile, type Setting, THROTTLES } from "./cgroup-settings.ts";
import { checkCpuset } from "./cpu-list.ts";
import type { Hierarchy } from "./host-facts.ts";

export const V1_NAMES: Readonly<Record<Controller, string>> = {
  memory: "memory",
  cpu: "cpu",
  cpuset: "cpuset",
  pids: "pids",
  io: "blkio",
};

/** What is written into the container's group, in order. */
export function settingsV1(controller: Controller, resources: Resources, hierarchy: Hierarchy): readonly Setting[] {
  switch (controller) {
    case "memory":
      return memorySettings(resources, hierarchy);
    case "cpu":
      return cpuSettings(resources, hierarchy);
    case "cpuset":
      return cpusetSettings(resources, hierarchy);
    case "pids":
      return pidsSettings(resources);
    case "io":
      return [...weightSettings(resources, hierarchy), ...throttleSettings(resources, hierarchy)];
  }
}

/** The limit comes first: the kernel refuses a sum of memory and swap below the memory limit, and the reverse. */
function memorySettings({ memory = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  const settings: Setting[] = [];
  const set = (file: string, bytes: number, why: string, option: string) =>
    settings.push({ file, value: String(bytes), why, option });
  if (isLimit(memory.limit)) set("memory.limit_in_bytes", memory.limit, "memory, hard limit in bytes", "--memory");
  if (swapBytes(memory) !== undefined && isLimit(memory.swap)) {
    const file = "memory.memsw.limit_in_bytes";
    requireFile(hierarchy, file, "--memory-swap", "Boot with swapaccount=1, or leave --memory-swap out.");
    set(file, memory.swap, "memory and swap together, hard limit in bytes", "--memory-swap");
  }
  if (isLimit(memory.reservation)) {
    const file = "memory.soft_limit_in_bytes";
    requireFile(hierarchy, file, "--memory-reservation", "Leave --memory-reservation out.");
    set(file, memory.reservation, "memory, what reclaim aims at under pressure", "--memory-reservation");
  }
  return settings;
}

function cpuSettings({ cpu = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  const settings: Setting[] = [];
  if (isLimit(cpu.shares)) {
    const value = String(cpu.shares);
    settings.push({ file: "cpu.shares", value, why: "CPU, share under contention", option: "--cpu-shares" });
  }
  const option = quotaOption(cpu);
  const set = (file: string, value: number, why: string) => {
    requireFile(hierarchy, file, option, "This needs a kernel with CONFIG_CFS_BANDWIDTH.");
    settings.push({ file, value: String(value), why, option });
  };
  if (isLimit(cpu.period)) set("cpu.cfs_period_us", cpu.period, "CPU, length of a period in microseconds");
  if (isLimit(cpu.quota)) set("cpu.cfs_quota_us", cpu.quota, "CPU, microseconds in each period");
  return settings;
}

/** A new v1 cpuset is empty and takes no process: both files are written, whichever was asked for (cpuset(7)). */
function cpusetSettings({ cpu = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  const option = cpu.cpus ? "--cpuset-cpus" : "--cpuset-mems";
  checkCpuset(cpu, hierarchy.available);
  const inherited = hierarchy.available ?? { cpus: "0", mems: "0" };
  const [cpus, mems] = [cpu.cpus || inherited.cpus, cpu.mems || inherited.mems];
  return [
    { file: "cpuset.cpus", value: cpus, why: cpu.cpus ? "CPUs to run on" : "CPUs to run on, as here", option },
    {
      file: "cpuset.mems",
      value: mems,
      why: cpu.mems ? "memory nodes to allocate from" : "memory nodes to allocate from, as here",
      option: cpu.mems ? "--cpuset-mems" : option,
    },
  ];
}

/** The shared parent of a cpuset has to hold everything that the container's group is given. */
export function sharedSettingsV1(controller: Controller, hierarchy: Hierarchy): readonly Setting[] {
  if (controller !== "cpuset") return [];
  const { cpus, mems } = hierarchy.available ?? { cpus: "0", mems: "0" };
  const why = "a new cpuset is empty: the shared parent gets all that is available";
  return [
    { file: "cpuset.cpus", value: cpus, why, option: "--cpuset-cpus" },
    { file: "cpuset.mems", value: mems, why, option: "--cpuset-mems" },
  ];
}

function pidsSettings({ pids }: Resources): Setting[] {
  if (!isLimit(pids?.limit)) return [];
  const why = "processes and threads, how many at once";
  return [{ file: "pids.max", value: String(pids.limit), why, option: "--pids-limit" }];
}

/**
 * CFQ's blkio.weight went with Linux 5.0; BFQ has one of its own. Neither lies in the root group: there BFQ shows by its
 * accounting files.
 */
function weightFile(hierarchy: Hierarchy, option: string): string {
  const { files } = hierarchy;
  if (files === undefined || files.includes("blkio.weight")) return "blkio.weight";
  if (files.some((name) => name.startsWith("blkio.bfq."))) return "blkio.bfq.weight";
  requireFile(hierarchy, "blkio.weight", option, `Load the BFQ I/O scheduler (modprobe bfq), or leave ${option} out.`);
  return "blkio.weight";
}

function weightSettings({ blockIO = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  const settings: Setting[] = [];
  if (isLimit(blockIO.weight)) {
    const option = "--blkio-weight";
    const why = "block I/O, weight under contention";
    settings.push({ file: weightFile(hierarchy, option), value: String(blockIO.weight), why, option });
  }
  for (const { major, minor, weight } of blockIO.weightDevice ?? []) {
    const option = "--blkio-weight-device";
    const why = "block I/O, weight of one device";
    const file = `${weightFile(hierarchy, option)}_device`;
    settings.push({ file, value: `${major}:${minor} ${weight}`, why, option });
  }
  return settings;
}

function throttleSettings({ blockIO = {} }: Resources, hierarchy: Hierarchy): Setting[] {
  return THROTTLES.flatMap(([field, option, , name, unit]) =>
    (blockIO[field] ?? []).map(({ major, minor, rate }) => {
      const file = `blkio.throttle.${name}`;
      requireFile(hierarchy, file, option, "This needs a kernel with CONFIG_BLK_DEV_THROTTLING.");
      return { file, value: `${major}:${minor} ${rate}`, why: `block I/O, ${unit}`, option };
    }),
  );
}
