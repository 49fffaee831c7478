/** Which files tell what a container has used. `cgroup/accounting.ts` decodes their texts. */
import type { CgroupPlan } from "./cgroup-plan.ts";
import type { Controller } from "./cgroup-settings.ts";

type AccountingFile = CgroupPlan["accounting"][number];
type FileSizes = Readonly<Record<string, number>>;

/** Buffer sizes in bytes: one number, a few lines, or some lines per block device. */
const NUMBER = 32;
const LINES = 512;
const DEVICES = 4096;

/** v1 reports CPU time in cpuacct, which is often mounted together with cpu: those files are then in the same folder. */
const V1_FILES: Readonly<Record<Controller, FileSizes>> = {
  memory: { "memory.max_usage_in_bytes": NUMBER, "memory.oom_control": LINES },
  cpu: { "cpu.stat": LINES },
  cpuset: {},
  pids: { "pids.peak": NUMBER },
  io: { "blkio.throttle.io_service_bytes_recursive": DEVICES },
};

const CPUACCT_FILES: FileSizes = { "cpuacct.usage": NUMBER, "cpuacct.usage_user": NUMBER, "cpuacct.usage_sys": NUMBER };

/** memory.peak came with Linux 5.19, pids.peak with 6.1: a file may be missing, and the figure then is. */
const V2_FILES: Readonly<Record<Controller, FileSizes>> = {
  memory: { "memory.peak": NUMBER, "memory.events": LINES },
  cpu: {},
  cpuset: {},
  pids: { "pids.peak": NUMBER },
  io: { "io.stat": DEVICES },
};

/** Every group of the unified hierarchy has cpu.stat, with CPU times, even without any controller (cgroup-v2.rst, "CPU"). */
const V2_BASE: FileSizes = { "cpu.stat": LINES };

/** Names of v1 files carry this prefix, because a hybrid host has two files called cpu.stat. */
export const V1_PREFIX = "v1/";

function listed(prefix: string, directory: string, files: FileSizes): AccountingFile[] {
  return Object.entries(files).map(([name, size]) => ({ name: prefix + name, path: `${directory}/${name}`, size }));
}

export function accountingV1(controller: Controller, directory: string, withCpuacct: boolean): AccountingFile[] {
  const files = withCpuacct ? { ...V1_FILES[controller], ...CPUACCT_FILES } : V1_FILES[controller];
  return listed(V1_PREFIX, directory, files);
}

export function accountingV2(controllers: readonly Controller[], directory: string): AccountingFile[] {
  return [V2_BASE, ...controllers.map((name) => V2_FILES[name])].flatMap((files) => listed("", directory, files));
}
