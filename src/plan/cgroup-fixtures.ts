/** Layouts of hosts, and plans on them; for the tests of control groups. */
import { SampanError } from "../errors/index.ts";
import type { Resources } from "../oci/index.ts";
import { type CgroupRequest, planCgroups } from "./cgroups.ts";
import type { CgroupLayout, Hierarchy } from "./host-facts.ts";

export const MiB = 1024 * 1024;

export const v1 = (name: string, more: Partial<Hierarchy> = {}) => ({
  mount: `/sys/fs/cgroup/${name}`,
  own: "/",
  ...more,
});

export const HYBRID: CgroupLayout = {
  mode: "hybrid",
  v1: {
    memory: v1("memory", { own: "/me" }),
    cpu: v1("cpu"),
    cpuset: v1("cpuset", { available: { cpus: "0-3", mems: "0" } }),
    pids: v1("pids"),
    blkio: v1("blkio", { files: ["blkio.bfq.io_serviced", "blkio.throttle.read_bps_device"] }),
    "name=systemd": v1("systemd"),
  },
  unified: { mount: "/sys/fs/cgroup/unified", own: "/", controllers: [] },
};

export const CONTROLLERS = ["cpuset", "cpu", "io", "memory", "pids"];
export const V2: CgroupLayout = {
  mode: "v2",
  v1: {},
  unified: { mount: "/sys/fs/cgroup", own: "/", controllers: CONTROLLERS },
};

export const V1: CgroupLayout = { mode: "v1", v1: { memory: v1("memory"), pids: v1("pids") } };

export function plan(layout: CgroupLayout, resources: Resources, more: Partial<CgroupRequest> = {}) {
  return planCgroups({ id: "c1", layout, resources, uid: 0, ...more });
}

export function written(layout: CgroupLayout, resources: Resources): string[] {
  return plan(layout, resources).writes.map(({ path, value }) => `${path} ${value}`);
}

export function failure(action: () => unknown): SampanError {
  try {
    action();
  } catch (error) {
    if (error instanceof SampanError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
