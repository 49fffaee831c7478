/** The controllers that OCI resources need, and what they have in common on both versions of control groups. */
import { type ErrorDetails, SampanError } from "../errors/index.ts";
import type { Resources } from "../oci/index.ts";
import type { Hierarchy } from "./host-facts.ts";

/** In the words of cgroup v2; v1 calls `io` `blkio`. */
export const CONTROLLERS = ["memory", "cpu", "cpuset", "pids", "io"] as const;
export type Controller = (typeof CONTROLLERS)[number];

/** One file of a group: what a `CgroupWrite` is before it is known where the group lies. */
export interface Setting {
  readonly file: string;
  readonly value: string;
  readonly why: string;
  readonly option: string;
}

/** -1 is "unlimited" and 0 "unset" in every engine's words; a new group is both already. */
export function isLimit(value: number | undefined): value is number {
  return value !== undefined && value > 0;
}

/** `--cpus` arrives as quota and period together; each of them alone comes from its own option. */
export function quotaOption(cpu: NonNullable<Resources["cpu"]>): string {
  if (isLimit(cpu.quota) && isLimit(cpu.period)) return "--cpus";
  return isLimit(cpu.quota) ? "--cpu-quota" : "--cpu-period";
}

/** The controllers that are needed, each with the options that ask for it. */
export function wantedControllers(resources: Resources): ReadonlyMap<Controller, readonly string[]> {
  const wanted = new Map<Controller, readonly string[]>();
  const options = { memory: memoryOptions, cpu: cpuOptions, cpuset: cpusetOptions, pids: pidsOptions, io: ioOptions };
  for (const controller of CONTROLLERS) {
    const list = options[controller](resources);
    if (list.length > 0) wanted.set(controller, list);
  }
  return wanted;
}

function chosen(table: Readonly<Record<string, boolean>>): string[] {
  return Object.keys(table).filter((option) => table[option]);
}

function memoryOptions({ memory = {} }: Resources): string[] {
  return chosen({
    "--memory": isLimit(memory.limit),
    "--memory-reservation": isLimit(memory.reservation),
    "--memory-swap": isLimit(memory.swap),
  });
}

function cpuOptions({ cpu = {} }: Resources): string[] {
  const options = chosen({ "--cpu-shares": isLimit(cpu.shares) });
  return isLimit(cpu.quota) || isLimit(cpu.period) ? [quotaOption(cpu), ...options] : options;
}

function cpusetOptions({ cpu = {} }: Resources): string[] {
  return chosen({ "--cpuset-cpus": Boolean(cpu.cpus), "--cpuset-mems": Boolean(cpu.mems) });
}

function pidsOptions({ pids }: Resources): string[] {
  return chosen({ "--pids-limit": isLimit(pids?.limit) });
}

/** Of the throttles: the resource's field, the option, and io.max's key on v2. */
export const THROTTLES = [
  ["throttleReadBpsDevice", "--device-read-bps", "rbps", "read_bps_device", "bytes read per second"],
  ["throttleWriteBpsDevice", "--device-write-bps", "wbps", "write_bps_device", "bytes written per second"],
  ["throttleReadIOPSDevice", "--device-read-iops", "riops", "read_iops_device", "reads per second"],
  ["throttleWriteIOPSDevice", "--device-write-iops", "wiops", "write_iops_device", "writes per second"],
] as const;

function ioOptions({ blockIO = {} }: Resources): string[] {
  const options = chosen({
    "--blkio-weight": isLimit(blockIO.weight),
    "--blkio-weight-device": (blockIO.weightDevice?.length ?? 0) > 0,
  });
  for (const [field, option] of THROTTLES) if ((blockIO[field]?.length ?? 0) > 0) options.push(option);
  return options;
}

export function unavailable(option: string, reason: string, hint: string, details: ErrorDetails = {}): SampanError {
  return new SampanError("CGROUP_UNAVAILABLE", `cannot apply ${option}: ${reason}`, {
    operation: `apply ${option}`,
    hint,
    ...details,
  });
}

/** Refuses a setting whose file this kernel does not have. */
export function requireFile(hierarchy: Hierarchy, file: string, option: string, hint: string): void {
  if (hierarchy.files === undefined || hierarchy.files.includes(file)) return;
  throw unavailable(option, `this kernel has no ${file}`, hint, { object: file });
}
