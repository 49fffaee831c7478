import { describe, expect, test } from "bun:test";
import type { Resources } from "../oci/index.ts";
import { CONTROLLERS, failure, HYBRID, MiB, plan, V1, V2, v1 } from "./cgroup-fixtures.ts";
import { planCgroups } from "./cgroups.ts";
import type { CgroupLayout, UnifiedGroup } from "./host-facts.ts";

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
