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
  return openUnified(cx, plan, "the group that the container is born into");
}

/** The folder on the unified hierarchy, into which a fork can put its child; undefined where there is none. */
export function openUnified(cx: PlanContext, plan: Pick<CgroupPlan, "unified">, why: string): Register | undefined {
  if (plan.unified === undefined) return undefined;
  const register = cx.b.register("cgroup");
  const flags = O.O_PATH | O.O_CLOEXEC | cx.directory;
  cx.b.call("openat", [AT_FDCWD, plan.unified, flags, 0], why, { result: register });
  return register;
}

/** A decimal process id with line ends behind it, which `$(cat FILE)` drops. */
export function pidText(register: Register): Bytes {
  const value = new Uint8Array(PROTOCOL.decimalWidth).fill(0x20);
  return { kind: "bytes", value, fills: [{ at: 0, register, as: "padded" }], label: `<${register.name}>` };
}

/**
 * By the container itself, before it has any power less: a thread that writes 0 into `tasks` moves itself, and the kernel
 * then skips the lock over all forks and exits of the machine, which costs an RCU grace period of 10 ms and more
 * (kernel/cgroup/cgroup.c, cgroup_procs_write_start). As it has one thread, the process moves.
 */
export function joinGroups(cx: PlanContext, plan: Pick<CgroupPlan, "join">): void {
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

/** cgroup.kill (Linux 5.14) kills all at once; a PID namespace has killed its processes with its first. */
function killAll(cx: PlanContext, kill: string): void {
  const { b, file } = cx;
  const options = { accepts: ["ENOENT"], goOn: true } as const;
  b.call("openat", [AT_FDCWD, kill, O.O_WRONLY | O.O_CLOEXEC, 0], "kill whoever is left", { ...options, result: file });
  b.call("write", [file, textBytes("1"), 1], "at once", { when: file, goOn: true });
  cx.close(file, { when: file, goOn: true });
}

/**
 * By the janitor. Mostly the group is empty and goes at once; otherwise it is emptied first, with the groups that the
 * container has made below. When that fails, the janitor ends here, and the record stays for the next command to see.
 */
export function removeGroups(cx: PlanContext, plan: CgroupPlan): void {
  const { b } = cx;
  const removed = b.register("removed");
  if (plan.kill !== undefined && !cx.has("pid")) killAll(cx, plan.kill);
  for (const path of plan.remove) {
    const remove = [AT_FDCWD, path, AT.AT_REMOVEDIR] as const;
    b.call("unlinkat", remove, "remove the group", { result: removed, accepts: ["EBUSY", "ENOENT"], goOn: true });
    b.control("killcg", [path], "somebody is in it, or in a group below", { unless: removed, goOn: true });
    b.call("unlinkat", remove, "now it is empty", { unless: removed, accepts: ["ENOENT"], retryBusy: true });
  }
}
