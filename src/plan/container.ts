/** The container's own part of a program: from its first instruction to execve(2). */
import { MOUNT_ATTR, PR, SIGNALS } from "../kernel/index.ts";
import { SUPERVISE_FLAGS } from "../program/index.ts";
import type { PlanContext } from "./context.ts";
import { fillDev } from "./devices.ts";
import { joinGroups, makeCgroupNamespace } from "./groups.ts";
import { maskPaths } from "./masks.ts";
import { parseMountOptions } from "./mount-options.ts";
import { type EarlyBind, isCgroupMount, mountEntry, setAttributes } from "./mounts.ts";
import { becomeRoot, makeTimeNamespace, raiseLoopback, setNames, setSysctls } from "./namespaces.ts";
import { becomeUser, execute, setOomScore, setRlimits } from "./process.ts";
import {
  copyFile,
  enterRoot,
  isolateMounts,
  keepRoot,
  makeRoot,
  openWorkdir,
  receiveLowers,
  sealRoot,
} from "./rootfs.ts";
import { openTerminal, type Terminal, useNullInput, useTerminal } from "./terminal.ts";

function begin(cx: PlanContext): void {
  const { b } = cx;
  b.call("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0], "die with the executor");
  cx.close(cx.syncParent);
  cx.close(cx.janitorWrite);
  b.call("setsid", [], "a session of its own: the user's terminal cannot be written into (TIOCSTI)");
  if (cx.input.cgroups) joinGroups(cx, cx.input.cgroups);
  b.call("umask", [0], "modes of what is made in here are as written");
  if (!cx.has("user")) return;
  b.control("wait", [cx.syncChild], "the executor has written the id maps");
  becomeRoot(cx);
}

/** A /dev that asks for `ro`, and one that holds no other devices than ours, get their flags when it is complete. */
function sealDev(cx: PlanContext): void {
  for (const mount of cx.spec.mounts) {
    if (mount.destination !== "/dev" || mount.type !== "tmpfs") continue;
    const ro = parseMountOptions(mount.options ?? []).set & MOUNT_ATTR.MOUNT_ATTR_RDONLY;
    const flags = ro | (cx.input.plannedDevicesOnly ? MOUNT_ATTR.MOUNT_ATTR_NODEV : 0);
    if (flags) setAttributes(cx, cx.dev, flags, 0, 0, "/dev is complete");
  }
}

function mountAll(cx: PlanContext, early: readonly EarlyBind[]): void {
  const { mounts } = cx.spec;
  for (const mount of mounts) {
    if (isCgroupMount(mount)) continue;
    mountEntry(cx, mount, early);
    if (mount.destination === "/dev" && mount.type === "tmpfs") {
      cx.devIsMounted = true;
      fillDev(cx);
    }
  }
}

/** Everything in the mount namespace but what has to wait for the control groups. */
function buildFileSystems(cx: PlanContext): readonly EarlyBind[] {
  if (!cx.has("mount")) {
    keepRoot(cx);
    return [];
  }
  receiveLowers(cx);
  const early = isolateMounts(cx);
  const { rootfs } = cx.input;
  if (rootfs.kind === "none") keepRoot(cx);
  else makeRoot(cx, rootfs);
  for (const copy of cx.input.copies) copyFile(cx, copy);
  mountAll(cx, early);
  return early;
}

/** What shows the groups that this process is in. */
function buildLate(cx: PlanContext, early: readonly EarlyBind[]): void {
  if (cx.has("cgroup")) makeCgroupNamespace(cx);
  if (!cx.has("mount")) return;
  for (const mount of cx.spec.mounts) if (isCgroupMount(mount)) mountEntry(cx, mount, early);
  setSysctls(cx);
  maskPaths(cx);
}

/** The working folder is opened in the new root, which then becomes the root, and is entered last. */
function enterFileSystems(cx: PlanContext): void {
  sealDev(cx);
  openWorkdir(cx, cx.spec.process.cwd);
  if (cx.ownRoot) {
    sealRoot(cx);
    enterRoot(cx);
  }
  cx.b.call("fchdir", [cx.target], "start in the working folder");
}

/** The command as a child of Sampan's own init, which reaps and forwards signals as PID 1. */
function runUnderInit(cx: PlanContext, terminal: Terminal | undefined): void {
  const { b } = cx;
  const command = b.label("command");
  const pid = b.register("command");
  const status = b.register("command.status");
  if (!cx.has("pid")) b.call("prctl", [PR.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0], "orphans come to this process");
  b.fork(command, "the command, as a child of this init", { result: pid });
  b.call("close_range", [3, 0xffff_ffff, 0], "init keeps no descriptor");
  b.control("supervise", [pid, SUPERVISE_FLAGS.init, -1, ""], "reap orphans, forward signals", { result: status });
  b.exit(status, "end as the command did");
  b.place(command);
  b.call("setsid", [], "a session of its own");
  if (terminal) useTerminal(cx, terminal);
  execute(cx);
}

export function planContainer(cx: PlanContext, terminal: Terminal | undefined): void {
  const { b, input } = cx;
  begin(cx);
  if (cx.has("time")) makeTimeNamespace(cx);
  setNames(cx);
  if (cx.has("network")) raiseLoopback(cx);
  setOomScore(cx);
  const early = buildFileSystems(cx);
  b.control("wait", [cx.syncChild], "the executor has written the record");
  buildLate(cx, early);
  if (terminal) openTerminal(cx, terminal);
  else if (!input.input) useNullInput(cx);
  enterFileSystems(cx);
  setRlimits(cx);
  if (terminal) b.call("fchown", [terminal.slave, cx.spec.process.user.uid, -1], "the terminal belongs to the user");
  becomeUser(cx);
  b.control("post", [cx.syncChild], "is the executor still there? Nobody else would notice its death now");
  if (input.init) runUnderInit(cx, terminal);
  else {
    if (terminal) useTerminal(cx, terminal);
    execute(cx);
  }
}
