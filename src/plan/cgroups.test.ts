import { describe, expect, test } from "bun:test";
import type { Resources } from "../oci/index.ts";
import { CONTROLLERS, HYBRID, MiB, plan, V1, V2, v1, written } from "./cgroup-fixtures.ts";
import { ioWeight, weightFromShares } from "./cgroup-v2.ts";
import type { CgroupLayout, UnifiedGroup } from "./host-facts.ts";

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

describe("for a report", () => {
  const measured = (layout: CgroupLayout, resources: Resources = {}) => {
    return plan(layout, resources, { measure: true }).accounting.map(({ name }) => name);
  };

  test("controllers are used that nothing limits", () => {
    expect(measured(V2)).toEqual(["cpu.stat", "memory.peak", "memory.events", "pids.peak", "io.stat"]);
    expect(measured(V1)).toEqual(["v1/memory.max_usage_in_bytes", "v1/memory.oom_control", "v1/pids.peak"]);
  });

  test("what cannot be used is left out", () => {
    const locked: CgroupLayout = { mode: "v1", v1: { memory: v1("memory", { writable: false }), pids: v1("pids") } };
    expect(measured(locked)).toEqual(["v1/pids.peak"]);
    const top: UnifiedGroup = { path: "/", controllers: CONTROLLERS, enabled: ["cpu"], occupied: true, writable: true };
    const unified = { mount: "/sys/fs/cgroup", own: "/", controllers: CONTROLLERS, groups: [top] };
    expect(measured({ ...V2, unified })).toEqual(["cpu.stat"]);
    expect(measured({ ...V2, unified }, { cpu: { quota: 1000 } })).toEqual(["cpu.stat"]);
    expect(measured({ mode: "none", v1: {} })).toEqual([]);
  });
});
