/** Mounts of the configuration, in order, each prepared as a descriptor and then moved to its place. */
import {
  AT,
  AT_FDCWD,
  FSCONFIG,
  FSMOUNT,
  FSOPEN,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  mountAttr,
  OPEN_TREE,
} from "../kernel/index.ts";
import type { Mount } from "../oci/index.ts";
import type { OperationOptions, Register, Text } from "../program/index.ts";
import { bytes, MOUNT_ATTR_SIZE, type PlanContext } from "./context.ts";
import { type MountOptions, parseMountOptions } from "./mount-options.ts";
import { components, openTarget } from "./targets.ts";

/** move_mount(2) from one descriptor to another. */
export const ATTACH = MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT.MOVE_MOUNT_T_EMPTY_PATH;

/** fsopen(2) to fsmount(2): a new file system as a detached mount in `result`. */
export function newFilesystem(
  cx: PlanContext,
  type: string,
  data: readonly { readonly key: string; readonly value: string | Text | undefined }[],
  attributes: number,
  result: Register,
  why: string,
): void {
  const { b, filesystem: fs } = cx;
  b.call("fsopen", [type, FSOPEN.FSOPEN_CLOEXEC], why, { result: fs });
  for (const { key, value } of data) {
    if (value === undefined)
      b.call("fsconfig", [fs, FSCONFIG.FSCONFIG_SET_FLAG, key, null, 0], `${type} option ${key}`);
    else b.call("fsconfig", [fs, FSCONFIG.FSCONFIG_SET_STRING, key, value, 0], `${type} option ${key}`);
  }
  b.call("fsconfig", [fs, FSCONFIG.FSCONFIG_CMD_CREATE, null, null, 0], `make the ${type}`);
  b.call("fsmount", [fs, FSMOUNT.FSMOUNT_CLOEXEC, attributes], `a mount of it, attached to nothing yet`, { result });
  cx.release(fs);
}

/** Attaches a detached mount on the folder or file that a descriptor stands for. */
export function attach(cx: PlanContext, mount: Register, target: Register, why: string): void {
  cx.b.call("move_mount", [mount, "", target, "", ATTACH], why);
}

export function setAttributes(
  cx: PlanContext,
  mount: Register,
  set: number,
  clear: number,
  flags: number,
  why: string,
  options: OperationOptions = {},
): void {
  const at = AT.AT_EMPTY_PATH | flags;
  cx.b.call("mount_setattr", [mount, "", at, bytes(mountAttr(set, clear, 0)), MOUNT_ATTR_SIZE], why, options);
}

function setPropagation(
  cx: PlanContext,
  mount: Register,
  { flag, recursive }: NonNullable<MountOptions["propagation"]>,
): void {
  const at = AT.AT_EMPTY_PATH | (recursive ? AT.AT_RECURSIVE : 0);
  const attr = bytes(mountAttr(0, 0, flag));
  cx.b.call("mount_setattr", [mount, "", at, attr, MOUNT_ATTR_SIZE], "how mounts made later travel in and out");
}

/** A bind whose propagation has to survive: it is cloned while the host's mounts are still shared with it. */
export interface EarlyBind {
  readonly mount: Mount;
  readonly register: Register;
}

function isShared(options: MountOptions): boolean {
  return options.propagation !== undefined && (options.propagation.flag & (MS.MS_SHARED | MS.MS_SLAVE)) !== 0;
}

/**
 * Opens binds that cannot wait. Those that want shared or slave propagation come before the mount namespace is made
 * private, because a clone is a peer of its source only as long as the source has peers (mount_namespaces(7)); the root
 * comes before the stage lies on top of it.
 */
export function openEarlyBinds(cx: PlanContext): EarlyBind[] {
  const early: EarlyBind[] = [];
  for (const mount of cx.spec.mounts) {
    const options = parseMountOptions(mount.options ?? []);
    if (!options.bind || !(isShared(options) || mount.source === "/")) continue;
    const register = cx.b.register(`bind ${mount.destination}`);
    cloneSource(cx, mount, options, register);
    early.push({ mount, register });
  }
  return early;
}

function cloneSource(cx: PlanContext, mount: Mount, options: MountOptions, result: Register): void {
  const source = mount.source ?? "";
  const flags =
    OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC | (options.recursive ? OPEN_TREE.AT_RECURSIVE : 0);
  cx.b.call("open_tree", [AT_FDCWD, source, flags], `a copy of the mount at ${source}, for ${mount.destination}`, {
    result,
  });
}

function configureBind(cx: PlanContext, mount: Register, options: MountOptions): void {
  const { set, clear, recursiveSet, recursiveClear, propagation } = options;
  const shared = isShared(options);
  if (!shared) setPropagation(cx, mount, propagation ?? { flag: MS.MS_PRIVATE, recursive: true });
  else if (propagation && (propagation.flag & MS.MS_SHARED) === 0) setPropagation(cx, mount, propagation);
  if (set | clear) setAttributes(cx, mount, set, clear & ~set, 0, "flags of this mount");
  if (recursiveSet | recursiveClear) {
    setAttributes(
      cx,
      mount,
      recursiveSet,
      recursiveClear & ~recursiveSet,
      AT.AT_RECURSIVE,
      "flags of this mount and those below",
    );
  }
}

function mountBind(cx: PlanContext, mount: Mount, options: MountOptions, early: readonly EarlyBind[]): void {
  const opened = early.find((candidate) => candidate.mount === mount)?.register;
  if (opened === undefined) cloneSource(cx, mount, options, cx.mount);
  const fd = opened ?? cx.mount;
  configureBind(cx, fd, options);
  const kind = cx.input.bindSources[mount.source ?? ""] ?? "directory";
  openTarget(cx, mount.destination, { kind, why: `where ${mount.destination} is to be` });
  attach(cx, fd, cx.target, `mount ${mount.source} on ${mount.destination}`);
  cx.release(cx.target);
  cx.release(fd);
}

/** The register that keeps a mount of our own for later steps, by destination. */
function keeper(cx: PlanContext, mount: Mount): Register | undefined {
  const at = `/${components(mount.destination).join("/")}`;
  if (mount.type === "proc" && at === "/proc") return cx.proc;
  if (mount.type === "tmpfs" && at === "/dev") return cx.dev;
  return mount.type === "devpts" && at === "/dev/pts" ? cx.devpts : undefined;
}

function mountFilesystem(cx: PlanContext, mount: Mount, options: MountOptions): void {
  const type = mount.type ?? "none";
  const kept = keeper(cx, mount);
  const fd = kept ?? cx.mount;
  // Its own folders and nodes are made after it is in place: read-only comes at the very end (see sealDev).
  const attributes = options.set & ~(kept ? MOUNT_ATTR.MOUNT_ATTR_RDONLY : 0);
  const source = mount.source === undefined ? [] : [{ key: "source", value: mount.source }];
  const data = [...source, ...options.data];
  newFilesystem(cx, type, data, attributes, fd, `a new ${type} for ${mount.destination}`);
  if (options.propagation) setPropagation(cx, fd, options.propagation);
  openTarget(cx, mount.destination, { kind: "directory", why: `where ${mount.destination} is to be` });
  attach(cx, fd, cx.target, `mount ${type} on ${mount.destination}`);
  cx.release(cx.target);
  if (kept === undefined) cx.release(fd);
}

/** Mounts one entry. Control-group file systems come later, from inside the new cgroup namespace. */
export function mountEntry(cx: PlanContext, mount: Mount, early: readonly EarlyBind[]): void {
  const options = parseMountOptions(mount.options ?? []);
  if (options.bind) mountBind(cx, mount, options, early);
  else mountFilesystem(cx, mount, options);
}

export function isCgroupMount(mount: Mount): boolean {
  return mount.type === "cgroup" || mount.type === "cgroup2";
}
