import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import type { Resources } from "../oci/index.ts";
import { ioWeight, weightFromShares } from "./cgroup-v2.ts";
import { type CgroupRequest, planCgroups } from "./cgroups.ts";
import type { CgroupLayout, Hierarchy, UnifiedGroup } from "./host-facts.ts";

const MiB = 1024 * 1024;

const v1 = (name: string, more: Partial<Hierarchy> = {}) => ({ mount: `/sys/fs/cgroup/${name}`, own: "/", ...more });

const HYBRID: CgroupLayout = {
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

const CONTROLLERS = ["cpuset", "cpu", "io", "memory", "pids"];
const V2: CgroupLayout = {
  mode: "v2",
  v1: {},
  unified: { mount: "/sys/fs/cgroup", own: "/", controllers: CONTROLLERS },
};

const V1: CgroupLayout = { mode: "v1", v1: { memory: v1("memory"), pids: v1("pids") } };

function plan(layout: CgroupLayout, resources: Resources, more: Partial<CgroupRequest> = {}) {
  return planCgroups({ id: "c1", layout, resources, uid: 0, ...more });
}

function written(layout: CgroupLayout, resources: Resources): string[] {
  return plan(layout, resources).writes.map(({ path, value }) => `${path} ${value}`);
}

function failure(action: () => unknown): SampanError {
  try {
    action();
  } catch (error) {
    if (error instanceof SampanError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

describe("without limits", () => {
  test("root gets one unified folder, for kill, freeze and CPU times", () => {
    expect(plan(HYBRID, {})).toEqual({
      directories: [{ path: "/sys/fs/cgroup/unified/sampan-c1", shared: false }],
      writes: [],
      join: [],
      unified: "/sys/fs/cgroup/unified/sampan-c1",
      procs: "/sys/fs/cgroup/unified/sampan-c1/cgroup.procs",
      kill: "/sys/fs/cgroup/unified/sampan-c1/cgroup.kill",
      remove: ["/sys/fs/cgroup/unified/sampan-c1"],
      accounting: [{ name: "cpu.stat", path: "/sys/fs/cgroup/unified/sampan-c1/cpu.stat", size: 512 }],
    });
  });

  test("nothing is made on v1 alone, without control groups, or for another user", () => {
    const nothing = { directories: [], writes: [], join: [], remove: [], accounting: [] };
    expect(plan(V1, {})).toEqual(nothing);
    expect(plan({ mode: "none", v1: {} }, {})).toEqual(nothing);
    expect(plan(V2, {}, { uid: 1000 })).toEqual(nothing);
  });

  test("-1 and 0 are no limits", () => {
    expect(
      written(V2, { memory: { limit: -1, swap: -1, reservation: 0 }, pids: { limit: 0 }, cpu: { quota: -1 } }),
    ).toEqual([]);
  });

  test("cgroup.kill is not used before Linux 5.14", () => {
    expect(plan(V2, {}, { kernel: [5, 13] }).kill).toBeUndefined();
    expect(plan(V2, {}, { kernel: [5, 14] }).kill).toBe("/sys/fs/cgroup/sampan-c1/cgroup.kill");
  });

  test("a read-only unified hierarchy beside v1 is left alone", () => {
    const groups: UnifiedGroup[] = [{ path: "/", controllers: [], enabled: [], occupied: false, writable: false }];
    const layout: CgroupLayout = { ...V1, mode: "hybrid", unified: { mount: "/u", own: "/", controllers: [], groups } };
    expect(plan(layout, { pids: { limit: 3 } }).unified).toBeUndefined();
  });
});

describe("on v1 and hybrid hosts", () => {
  test("only the controllers that are asked for are made, at the top of each hierarchy", () => {
    const { directories, join, remove, procs } = plan(V1, { memory: { limit: MiB } });
    expect(directories).toEqual([{ path: "/sys/fs/cgroup/memory/sampan-c1", shared: false }]);
    expect(join).toEqual(["/sys/fs/cgroup/memory/sampan-c1/tasks"]);
    expect(remove).toEqual(["/sys/fs/cgroup/memory/sampan-c1"]);
    expect(procs).toBe("/sys/fs/cgroup/memory/sampan-c1/cgroup.procs");
    expect(written(HYBRID, { memory: { limit: MiB } })).toEqual([
      "/sys/fs/cgroup/memory/sampan-c1/memory.limit_in_bytes 1048576",
    ]);
  });

  test("the memory limit is written before the sum of memory and swap", () => {
    expect(written(V1, { memory: { limit: MiB, swap: 2 * MiB, reservation: 512 } })).toEqual([
      "/sys/fs/cgroup/memory/sampan-c1/memory.limit_in_bytes 1048576",
      "/sys/fs/cgroup/memory/sampan-c1/memory.memsw.limit_in_bytes 2097152",
      "/sys/fs/cgroup/memory/sampan-c1/memory.soft_limit_in_bytes 512",
    ]);
  });

  test("another user's groups lie in a folder below the own group, which can be handed over", () => {
    const { directories, join, remove, writes } = plan(HYBRID, { memory: { limit: MiB } }, { uid: 1000 });
    expect(directories).toEqual([
      { path: "/sys/fs/cgroup/memory/me/sampan", shared: true },
      { path: "/sys/fs/cgroup/memory/me/sampan/c1", shared: false },
      { path: "/sys/fs/cgroup/unified/sampan", shared: true },
      { path: "/sys/fs/cgroup/unified/sampan/c1", shared: false },
    ]);
    expect(join).toEqual(["/sys/fs/cgroup/memory/me/sampan/c1/tasks"]);
    expect(remove).toEqual(["/sys/fs/cgroup/memory/me/sampan/c1", "/sys/fs/cgroup/unified/sampan/c1"]);
    expect(writes.map(({ path }) => path)).toEqual(["/sys/fs/cgroup/memory/me/sampan/c1/memory.limit_in_bytes"]);
  });

  test("a cpuset gets both files, whichever was asked for", () => {
    expect(written(HYBRID, { cpu: { cpus: "1,3" } })).toEqual([
      "/sys/fs/cgroup/cpuset/sampan-c1/cpuset.cpus 1,3",
      "/sys/fs/cgroup/cpuset/sampan-c1/cpuset.mems 0",
    ]);
  });

  test("and so does the folder that another user's cpusets share", () => {
    const { writes } = plan(HYBRID, { cpu: { mems: "0" } }, { uid: 1000 });
    expect(writes.map(({ path, value }) => `${path} ${value}`)).toEqual([
      "/sys/fs/cgroup/cpuset/sampan/cpuset.cpus 0-3",
      "/sys/fs/cgroup/cpuset/sampan/cpuset.mems 0",
      "/sys/fs/cgroup/cpuset/sampan/c1/cpuset.cpus 0-3",
      "/sys/fs/cgroup/cpuset/sampan/c1/cpuset.mems 0",
    ]);
  });

  test("CPU shares, period and quota keep their values", () => {
    expect(written(HYBRID, { cpu: { shares: 512, quota: 50_000, period: 100_000 } })).toEqual([
      "/sys/fs/cgroup/cpu/sampan-c1/cpu.shares 512",
      "/sys/fs/cgroup/cpu/sampan-c1/cpu.cfs_period_us 100000",
      "/sys/fs/cgroup/cpu/sampan-c1/cpu.cfs_quota_us 50000",
    ]);
  });

  test("BFQ's weight takes the place of CFQ's", () => {
    const blockIO = { weight: 300, weightDevice: [{ major: 8, minor: 0, weight: 200 }] };
    const throttle = { throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 4096 }] };
    expect(written(HYBRID, { blockIO: { ...blockIO, ...throttle } })).toEqual([
      "/sys/fs/cgroup/blkio/sampan-c1/blkio.bfq.weight 300",
      "/sys/fs/cgroup/blkio/sampan-c1/blkio.bfq.weight_device 8:0 200",
      "/sys/fs/cgroup/blkio/sampan-c1/blkio.throttle.read_bps_device 8:0 4096",
    ]);
  });

  test("controllers that are mounted together share one folder, and cpuacct is read there", () => {
    const together = v1("cpu,cpuacct");
    const layout: CgroupLayout = { mode: "v1", v1: { cpu: together, cpuacct: together, pids: v1("pids") } };
    const { directories, join, accounting } = plan(layout, { cpu: { shares: 2 } });
    expect(directories).toEqual([{ path: "/sys/fs/cgroup/cpu,cpuacct/sampan-c1", shared: false }]);
    expect(join).toHaveLength(1);
    expect(accounting.map(({ name }) => name)).toEqual([
      "v1/cpu.stat",
      "v1/cpuacct.usage",
      "v1/cpuacct.usage_user",
      "v1/cpuacct.usage_sys",
    ]);
  });

  test("a controller that v1 lacks and the unified hierarchy has is used there", () => {
    const layout: CgroupLayout = {
      mode: "hybrid",
      v1: { pids: v1("pids") },
      unified: { mount: "/sys/fs/cgroup/unified", own: "/", controllers: ["memory"] },
    };
    expect(written(layout, { memory: { limit: MiB }, pids: { limit: 7 } })).toEqual([
      "/sys/fs/cgroup/pids/sampan-c1/pids.max 7",
      "/sys/fs/cgroup/unified/cgroup.subtree_control +memory",
      "/sys/fs/cgroup/unified/sampan-c1/memory.max 1048576",
    ]);
  });
});

describe("on v2 hosts", () => {
  test("everything is converted, and controllers are handed down first", () => {
    const resources: Resources = {
      memory: { limit: 64 * MiB, swap: 96 * MiB, reservation: 32 * MiB },
      cpu: { shares: 1024, quota: 25_000, period: 50_000, cpus: "0", mems: "0" },
      pids: { limit: 20 },
      blockIO: {
        weight: 100,
        throttleReadBpsDevice: [{ major: 8, minor: 0, rate: 1000 }],
        throttleWriteIOPSDevice: [{ major: 8, minor: 16, rate: 10 }],
      },
    };
    expect(written(V2, resources)).toEqual([
      "/sys/fs/cgroup/cgroup.subtree_control +memory +cpu +cpuset +pids +io",
      "/sys/fs/cgroup/sampan-c1/memory.max 67108864",
      "/sys/fs/cgroup/sampan-c1/memory.swap.max 33554432",
      "/sys/fs/cgroup/sampan-c1/memory.low 33554432",
      "/sys/fs/cgroup/sampan-c1/cpu.weight 100",
      "/sys/fs/cgroup/sampan-c1/cpu.max 25000 50000",
      "/sys/fs/cgroup/sampan-c1/cpuset.cpus 0",
      "/sys/fs/cgroup/sampan-c1/cpuset.mems 0",
      "/sys/fs/cgroup/sampan-c1/pids.max 20",
      "/sys/fs/cgroup/sampan-c1/io.weight default 910",
      "/sys/fs/cgroup/sampan-c1/io.max 8:0 rbps=1000",
      "/sys/fs/cgroup/sampan-c1/io.max 8:16 wiops=10",
    ]);
  });

  test("nothing is joined by hand: the container is born into its group", () => {
    const { join, unified, accounting } = plan(V2, { memory: { limit: MiB }, blockIO: { weight: 10 } });
    expect(join).toEqual([]);
    expect(unified).toBe("/sys/fs/cgroup/sampan-c1");
    expect(accounting.map(({ name }) => name)).toEqual(["cpu.stat", "memory.peak", "memory.events", "io.stat"]);
  });

  test("every write says why, and which option it comes from", () => {
    const { writes } = plan(V2, { cpu: { quota: 1000, period: 10_000, shares: 2 } });
    expect(writes.map(({ option, why }) => `${option}: ${why}`)).toEqual([
      "--cpus and --cpu-shares: hand a controller down to the groups below",
      "--cpu-shares: CPU, weight under contention (2 shares)",
      "--cpus: CPU, microseconds in each period, and the length of a period",
    ]);
  });

  test("a quota alone has the kernel's period, a period alone no quota", () => {
    expect(written(V2, { cpu: { quota: 5000 } }).at(-1)).toBe("/sys/fs/cgroup/sampan-c1/cpu.max 5000 100000");
    expect(written(V2, { cpu: { period: 5000 } }).at(-1)).toBe("/sys/fs/cgroup/sampan-c1/cpu.max max 5000");
  });

  test("shares become weights as runc and crun convert them", () => {
    const pairs = [2, 3, 512, 1024, 2000, 262_144, 300_000].map((shares) => [shares, weightFromShares(shares)]);
    expect(pairs).toEqual([
      [2, 1],
      [3, 2],
      [512, 59],
      [1024, 100],
      [2000, 170],
      [262_144, 10_000],
      [300_000, 10_000],
    ]);
    expect([10, 500, 1000].map(ioWeight)).toEqual([1, 4950, 10_000]);
  });

  test("io.bfq.weight is used where it is, and takes the value as it is", () => {
    const unified = {
      mount: "/sys/fs/cgroup",
      own: "/",
      controllers: CONTROLLERS,
      files: ["io.weight", "io.bfq.weight"],
    };
    expect(written({ ...V2, unified }, { blockIO: { weight: 100 } }).at(-1)).toBe(
      "/sys/fs/cgroup/sampan-c1/io.bfq.weight default 100",
    );
  });
});

describe("where the group is made on v2", () => {
  const group = (path: string, more: Partial<UnifiedGroup> = {}): UnifiedGroup => {
    return { path, controllers: CONTROLLERS, enabled: [], occupied: false, writable: true, ...more };
  };
  const layoutWith = (own: string, ...groups: UnifiedGroup[]): CgroupLayout => {
    return { mode: "v2", v1: {}, unified: { mount: "/sys/fs/cgroup", own, controllers: CONTROLLERS, groups } };
  };
  const session = "/user.slice/user-0.slice/session-1.scope";
  const memory: Resources = { memory: { limit: MiB } };

  test("root in a session takes the top of the hierarchy", () => {
    const layout = layoutWith(session, group(session, { occupied: true }), group("/"));
    expect(plan(layout, memory).unified).toBe("/sys/fs/cgroup/sampan-c1");
    expect(plan(layout, {}).unified).toBe("/sys/fs/cgroup/sampan-c1");
  });

  test("a user in a scope takes the slice above it, and only what is missing is handed down", () => {
    const scope = "/user.slice/app.slice/run-1.scope";
    const layout = layoutWith(
      scope,
      group(scope, { occupied: true }),
      group("/user.slice/app.slice", { enabled: ["memory"] }),
      group("/user.slice", { writable: false }),
      group("/", { writable: false }),
    );
    const { unified, writes } = plan(layout, memory, { uid: 1000 });
    expect(unified).toBe("/sys/fs/cgroup/user.slice/app.slice/sampan/c1");
    expect(writes.map(({ path }) => path)).toEqual([
      "/sys/fs/cgroup/user.slice/app.slice/sampan/cgroup.subtree_control",
      "/sys/fs/cgroup/user.slice/app.slice/sampan/c1/memory.max",
    ]);
  });

  test("a user without delegation is told how to get one", () => {
    const layout = layoutWith(session, group(session, { writable: false }), group("/", { writable: false }));
    const error = failure(() => plan(layout, memory, { uid: 1000 }));
    expect(error.code).toBe("CGROUP_UNAVAILABLE");
    expect(error.message).toBe(
      `cannot apply --memory: user 1000 may not make control groups above or in /sys/fs/cgroup${session}`,
    );
    expect(error.hint).toBe(
      "With systemd, start it in a scope of your own: systemd-run --user --scope sampan …. " +
        "Elsewhere let root make a group, chown it to you and move your shell into a group below it. Or run as root.",
    );
  });

  test("a controller that is not handed down is named", () => {
    const memoryOnly = { controllers: ["memory"] };
    const layout = layoutWith("/a/b", group("/a/b", { ...memoryOnly, occupied: true }), group("/a", memoryOnly));
    const error = failure(() => plan(layout, { cpu: { cpus: "0" } }, { uid: 1000 }));
    expect(error.message).toBe("cannot apply --cpuset-cpus: the controller cpuset is not delegated to /a/b");
    expect(error.hint).toContain("Delegate=cpuset");
  });

  test("a container whose top group holds processes is told to move them down", () => {
    const layout = layoutWith("/", group("/", { occupied: true }));
    const error = failure(() => plan(layout, memory));
    expect(error.message).toBe(
      "cannot apply --memory: /sys/fs/cgroup holds processes, and a control group that does cannot limit groups below it",
    );
    expect(error.hint).toStartWith("Move them down first: mkdir /sys/fs/cgroup/init; ");
    expect(plan(layoutWith("/", group("/", { occupied: true, enabled: ["memory"] })), memory).writes).toHaveLength(1);
  });

  test("a hierarchy that root cannot write is called that", () => {
    const error = failure(() => plan(layoutWith("/", group("/", { writable: false })), memory));
    expect(error.message).toBe("cannot apply --memory: /sys/fs/cgroup cannot be written");
  });
});

describe("what the host cannot honour", () => {
  const text = (layout: CgroupLayout, resources: Resources, uid = 0): string => {
    const error = failure(() => plan(layout, resources, { uid }));
    return `${error.code}: ${error.message}. ${error.hint}`;
  };

  test("a controller that is not there", () => {
    expect(text(V1, { cpu: { quota: 1000, period: 1000 } })).toBe(
      'CGROUP_UNAVAILABLE: cannot apply --cpus: there is no control group controller "cpu" here. Present are memory, pids. ' +
        "Ask for it where Sampan runs (boot without cgroup_disable=, or widen the container), or leave --cpus out.",
    );
  });

  test("no control groups at all", () => {
    expect(text({ mode: "none", v1: {} }, { pids: { limit: 1 } })).toBe(
      "CGROUP_UNAVAILABLE: cannot apply --pids-limit: no control groups are mounted. " +
        "Mount them: mount -t cgroup2 none /sys/fs/cgroup.",
    );
  });

  test("a file that this kernel lacks", () => {
    const layout: CgroupLayout = {
      mode: "v1",
      v1: { memory: v1("memory", { files: [] }), blkio: v1("blkio", { files: [] }) },
    };
    expect(text(layout, { memory: { limit: 1, swap: 1 } })).toBe(
      "CGROUP_UNAVAILABLE: cannot apply --memory-swap: this kernel has no memory.memsw.limit_in_bytes. " +
        "Boot with swapaccount=1, or leave --memory-swap out.",
    );
    expect(text(layout, { blockIO: { weight: 10 } })).toBe(
      "CGROUP_UNAVAILABLE: cannot apply --blkio-weight: this kernel has no blkio.weight. " +
        "Load the BFQ I/O scheduler (modprobe bfq), or leave --blkio-weight out.",
    );
    const unified = { mount: "/u", own: "/", controllers: ["io"], files: ["cgroup.procs"] };
    expect(text({ mode: "v2", v1: {}, unified }, { blockIO: { weight: 10 } })).toBe(
      "CGROUP_UNAVAILABLE: cannot apply --blkio-weight: this kernel has neither io.weight nor io.bfq.weight. " +
        "Load the BFQ I/O scheduler (modprobe bfq), or leave --blkio-weight out.",
    );
  });

  test("a user who may not make groups on v1", () => {
    const layout: CgroupLayout = { mode: "v1", v1: { memory: v1("memory", { writable: false }) } };
    expect(text(layout, { memory: { limit: 1 } }, 1000)).toBe(
      "CGROUP_UNAVAILABLE: cannot apply --memory: user 1000 may not make control groups in /sys/fs/cgroup/memory. " +
        "Let root hand over a folder: mkdir -p /sys/fs/cgroup/memory/sampan && chown -R 1000 /sys/fs/cgroup/memory/sampan. " +
        "Or run as root.",
    );
  });

  test("resources that contradict themselves", () => {
    expect(text(V2, { memory: { swap: MiB } })).toBe(
      "INVALID_VALUE: cannot apply --memory-swap: it limits memory and swap together, and --memory is not given. Add --memory.",
    );
    expect(text(V2, { memory: { swap: MiB, limit: 2 * MiB } })).toBe(
      "INVALID_VALUE: cannot apply --memory-swap: 1048576 bytes for memory and swap together are less than --memory 2097152. " +
        "Give at least as much; the same value means no swap at all.",
    );
    expect(text(HYBRID, { cpu: { cpus: "2-5" } })).toBe(
      "INVALID_VALUE: cannot apply --cpuset-cpus: there is no CPU 4. Available are 0-3.",
    );
    expect(text(HYBRID, { cpu: { cpus: "3-2" } })).toBe(
      'INVALID_VALUE: cannot apply --cpuset-cpus: "3-2" is not a list. Write it like 0-3,8.',
    );
  });

  test("a name that is no path component", () => {
    expect(failure(() => planCgroups({ id: "../x", layout: V2, uid: 0 })).message).toBe(
      '"../x" cannot name a control group',
    );
  });
});
