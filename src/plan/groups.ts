/** Control groups in the program: made and limited by the executor, joined before the container goes on. */
import { AT, AT_FDCWD, CLONE, O } from "../kernel/index.ts";
import { type Buffer, type Bytes, PROTOCOL, type Register } from "../program/index.ts";
import type { CgroupPlan } from "./cgroup-plan.ts";
import { type PlanContext, textBytes } from "./context.ts";

/** Makes the groups and writes their limits. Returns the register of the unified folder, for CLONE_INTO_CGROUP. */
export function makeGroups(cx: PlanContext, plan: CgroupPlan): Register | undefined {
  const { b } = cx;
  for (const { path, shared } of plan.directories) {
    const accepts = shared ? (["EEXIST"] as const) : undefined;
    b.call("mkdirat", [AT_FDCWD, path, 0o755], shared ? "groups of all containers" : "this container's group", {
      accepts,
    });
  }
  for (const { path, value, why, option } of plan.writes) {
    cx.writeFile(path, textBytes(value), option ? `${option}: ${why}` : why, { flags: O.O_WRONLY | O.O_TRUNC });
  }
  if (plan.unified === undefined) return undefined;
  const unified = b.register("cgroup");
  const flags = O.O_PATH | O.O_CLOEXEC | cx.directory;
  b.call("openat", [AT_FDCWD, plan.unified, flags, 0], "the group that the container is born into", {
    result: unified,
  });
  return unified;
}

/** A decimal process id with spaces behind it, which cgroup.procs and JSON both allow. */
export function pidText(register: Register): Bytes {
  const value = new Uint8Array(PROTOCOL.decimalWidth).fill(0x20);
  return { kind: "bytes", value, fills: [{ at: 0, register, as: "padded" }], label: `<${register.name}>` };
}

/**
 * By the container itself, before it has any power less: a thread that writes 0 into `tasks` moves itself, and the kernel
 * then skips the lock over all forks and exits of the machine, which costs an RCU grace period of 10 ms and more
 * (kernel/cgroup/cgroup.c, cgroup_procs_write_start). As it has one thread, the process moves.
 */
export function joinGroups(cx: PlanContext, plan: CgroupPlan): void {
  for (const path of plan.join) cx.writeFile(path, textBytes("0"), "limited from here on, with all that it starts");
}

export function makeCgroupNamespace(cx: PlanContext): void {
  cx.b.call("unshare", [CLONE.CLONE_NEWCGROUP], "its groups are the roots that it sees (cgroup_namespaces(7))");
}

/** Files about use are read while the groups still exist; each lands in a buffer named after it. */
export function readAccounting(cx: PlanContext, plan: CgroupPlan): void {
  const { b, file } = cx;
  for (const { name, path, size } of plan.accounting) {
    const buffer: Buffer = b.buffer(name, size);
    const accepts = ["ENOENT"] as const;
    b.call("openat", [AT_FDCWD, path, O.O_CLOEXEC, 0], `for the report: ${name}`, { result: file, accepts });
    b.call("read", [file, buffer, size - 1], "read it", { when: file, accepts: ["EOPNOTSUPP"] });
    cx.close(file, { when: file });
  }
}

/** By the janitor: nobody is left in the groups, and then the groups are gone. */
export function removeGroups(cx: PlanContext, plan: CgroupPlan): void {
  const { b } = cx;
  if (plan.kill !== undefined) {
    cx.b.call("openat", [AT_FDCWD, plan.kill, O.O_WRONLY | O.O_CLOEXEC, 0], "kill whoever is left (Linux 5.14)", {
      result: cx.file,
      accepts: ["ENOENT"],
      goOn: true,
    });
    const one = textBytes("1");
    b.call("write", [cx.file, one, 1], "at once", { when: cx.file, goOn: true });
    cx.close(cx.file, { when: cx.file, goOn: true });
  }
  if (plan.procs !== undefined) b.control("killcg", [plan.procs], "wait until the group is empty", { goOn: true });
  for (const path of plan.remove) {
    b.call("unlinkat", [AT_FDCWD, path, AT.AT_REMOVEDIR], "remove the group", {
      accepts: ["ENOENT"],
      goOn: true,
      retryBusy: true,
    });
  }
}
