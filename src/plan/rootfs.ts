/**
 * The root file system. A staging tmpfs of our own, stacked on `/` of the new mount namespace, holds the copy-on-write
 * layer and the place where the new root is attached; pivot_root(2) leaves both behind, and the kernel frees them with
 * the last process. Nothing is written on the host's disk, and nothing can be left there.
 */
import {
  AT,
  AT_FDCWD,
  FCNTL,
  MNT,
  MOUNT_ATTR,
  MOUNT_ATTR_USERNS_AT,
  MOVE_MOUNT,
  MS,
  mountAttr,
  O,
  OPEN_TREE,
} from "../kernel/index.ts";
import type { Register, Text } from "../program/index.ts";
import { MOUNT_ATTR_SIZE, OPEN_HOW_SIZE, type PlanContext } from "./context.ts";
import type { FileCopy, RootEntry, RootfsPlan, Submount } from "./input.ts";
import { attach, type EarlyBind, newFilesystem, openEarlyBinds, setAttributes } from "./mounts.ts";
import { components, openTarget } from "./targets.ts";

/** overlayfs(5): a colon separates layers, a backslash escapes. */
export function escapeLowerdir(path: string): string {
  return path.replace(/[\\:]/g, "\\$&");
}

/** Keeps what is done to mounts in here from the host; binds that want to share are opened before. */
export function isolateMounts(cx: PlanContext): EarlyBind[] {
  const early = openEarlyBinds(cx);
  const why = "mounts made in here stay in here (mount_namespaces(7))";
  cx.b.call("mount", [null, "/", null, MS.MS_REC | MS.MS_PRIVATE, null], why);
  return early;
}

function size(plan: { readonly layerSizeBytes?: number }): { key: string; value: string }[] {
  return plan.layerSizeBytes === undefined ? [] : [{ key: "size", value: String(plan.layerSizeBytes) }];
}

function makeStage(cx: PlanContext, data: { key: string; value: string }[]): void {
  const { b, stage } = cx;
  const why = "a tmpfs in memory, for the new root and what is written to it";
  newFilesystem(cx, "tmpfs", [{ key: "mode", value: "0755" }, ...data], 0, stage, why);
  b.call("move_mount", [stage, "", AT_FDCWD, "/", MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH], "put it on top of the old root");
  b.call("mkdirat", [stage, "root", 0o755], "where the new root is attached");
}

/** fsconfig(2) takes 255 bytes of a value: a longer path is opened, and named by its descriptor. */
const MAX_OPTION = 255;

function lowerOption(cx: PlanContext, lower: readonly string[]): string | Text {
  const [first = ""] = lower;
  const value = lower.map(escapeLowerdir).join(":");
  if (new TextEncoder().encode(value).length <= MAX_OPTION || lower.length > 1) return value;
  const flags = O.O_PATH | O.O_CLOEXEC | cx.directory;
  cx.b.call("openat", [AT_FDCWD, first, flags, 0], "the folder, whose path is too long for an option", {
    result: cx.file,
  });
  return cx.b.text("/proc/self/fd/", cx.file);
}

/** An overlay mount of `lower` with layers `upper-NAME` and `work-NAME` in the stage, detached, in `result`. */
function overlay(cx: PlanContext, lower: readonly string[], name: string, result: Register): void {
  const { b, stage } = cx;
  b.call("mkdirat", [stage, `upper-${name}`, 0o755], "takes what is written: the copy-on-write layer");
  b.call("mkdirat", [stage, `work-${name}`, 0o700], "overlayfs needs a folder to prepare changes in");
  const data = [
    { key: "lowerdir", value: lowerOption(cx, lower) },
    { key: "upperdir", value: `upper-${name}` },
    { key: "workdir", value: `work-${name}` },
    // In a user namespace overlayfs may not write trusted.* attributes (Linux 5.11).
    ...(cx.has("user") ? [{ key: "userxattr", value: undefined }] : []),
  ];
  newFilesystem(cx, "overlay", data, 0, result, `${lower.join(", ")} below, the new layer above`);
}

function attachIn(cx: PlanContext, mount: Register, parent: Register, name: string, why: string): void {
  cx.b.call("move_mount", [mount, "", parent, name, MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH], why);
}

function assembleEntry(cx: PlanContext, entry: RootEntry): void {
  const { b, root, mount } = cx;
  if (entry.kind === "symlink") {
    b.call("symlinkat", [entry.target, root, entry.name], `/${entry.name} is a link on this machine too`);
    return;
  }
  b.call("mkdirat", [root, entry.name, entry.kind === "directory" ? entry.mode : 0o755], `/${entry.name}`);
  if (entry.kind === "directory") return;
  if (entry.kind === "overlay") overlay(cx, [entry.source], entry.name, mount);
  else {
    const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC | OPEN_TREE.AT_RECURSIVE;
    b.call("open_tree", [AT_FDCWD, entry.source, flags], `${entry.source} has mounts below it, which come along`, {
      result: mount,
    });
    setAttributes(cx, mount, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, AT.AT_RECURSIVE, "it is the host's own: read-only");
  }
  attachIn(cx, mount, root, entry.name, `attach /${entry.name}`);
  cx.release(mount);
}

/** The folders that have to be mapped: by whom they are owned is decided by a mount, not by a change on the disk. */
function idmappedFolders(cx: PlanContext): readonly string[] {
  const { rootfs } = cx.input;
  if (rootfs.kind === "overlay" && rootfs.idmapped) return rootfs.lower;
  return rootfs.kind === "bind" && rootfs.idmapped ? [rootfs.path] : [];
}

/** In the executor, which alone has the power for it in the file system's user namespace (mount_setattr(2)). */
export function sendLowers(cx: PlanContext): void {
  const { b, mount, file, child } = cx;
  const folders = idmappedFolders(cx);
  if (folders.length === 0) return;
  b.call("openat", [AT_FDCWD, b.text("/proc/", child), O.O_PATH | O.O_CLOEXEC, 0], "the container in /proc", {
    result: file,
  });
  const userns = b.register("user namespace");
  b.call("openat", [file, "ns/user", O.O_CLOEXEC, 0], "its user namespace", { result: userns });
  cx.release(file);
  const value = mountAttr(MOUNT_ATTR.MOUNT_ATTR_IDMAP, 0, 0);
  const fills = [{ at: MOUNT_ATTR_USERNS_AT, register: userns, as: "u64" }] as const;
  for (const folder of folders) {
    const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC;
    b.call("open_tree", [AT_FDCWD, folder, flags], `a second mount of ${folder}`, { result: mount });
    const attr = { kind: "bytes", value, fills } as const;
    b.call(
      "mount_setattr",
      [mount, "", AT.AT_EMPTY_PATH, attr, MOUNT_ATTR_SIZE],
      "owners are seen through the id maps",
    );
    b.control("sendfd", [cx.syncParent, mount], "the container attaches it");
    cx.release(mount);
  }
  cx.release(userns);
}

/** In the container: what the executor sends, in its order. */
export function receiveLowers(cx: PlanContext): void {
  idmappedFolders(cx).forEach((folder, i) => {
    const register = cx.b.register(`lower ${i}`);
    cx.b.control("recvfd", [cx.syncChild], `${folder}, mapped`, { result: register });
    cx.lowers.push(register);
  });
}

/** overlayfs wants paths: the mapped mounts are attached in the stage. Returns their names. */
function attachLowers(cx: PlanContext): string[] {
  const { stage } = cx;
  return cx.lowers.map((lower, i) => {
    cx.b.call("mkdirat", [stage, `lower-${i}`, 0o755], "a place for a mapped layer");
    attachIn(cx, lower, stage, `lower-${i}`, "attach it");
    return `lower-${i}`;
  });
}

function attachSubmount(cx: PlanContext, { path, kind }: Submount, number: number): void {
  const { b, root, mount, target } = cx;
  if (kind === "overlay") overlay(cx, [path], `mount-${number}`, mount);
  else {
    const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC;
    b.call("open_tree", [AT_FDCWD, path, flags], `the mount at ${path}`, { result: mount });
    setAttributes(cx, mount, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, "it is the host's own: read-only");
  }
  b.call("openat2", [root, components(path).join("/"), cx.inRoot(O.O_PATH), OPEN_HOW_SIZE], `where ${path} is to be`, {
    result: target,
  });
  attach(cx, mount, target, `mount what the host has at ${path}`);
  for (const fd of [mount, target]) cx.release(fd);
}

/** Makes the new root and attaches it in the stage; `cx.root` is its mount from here on. */
export function makeRoot(cx: PlanContext, plan: Exclude<RootfsPlan, { kind: "none" }>): void {
  const { b, root, stage } = cx;
  makeStage(cx, plan.kind === "bind" ? [] : size(plan));
  b.call("fchdir", [stage], "names of layers are relative to it");
  if (plan.kind === "overlay") {
    const lower = plan.idmapped ? attachLowers(cx) : plan.lower;
    overlay(cx, lower, "root", root);
  } else if (plan.kind === "bind" && plan.idmapped) {
    b.call("fcntl", [cx.lowers[0] ?? -1, FCNTL.F_DUPFD_CLOEXEC, 3], `the folder ${plan.path} is the root`, {
      result: root,
    });
  } else if (plan.kind === "bind") {
    const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC | OPEN_TREE.AT_RECURSIVE;
    b.call("open_tree", [AT_FDCWD, plan.path, flags], `the folder ${plan.path} itself is the root`, { result: root });
  } else
    newFilesystem(cx, "tmpfs", [{ key: "mode", value: "0755" }, ...size(plan)], 0, root, "an empty root in memory");
  attachIn(cx, root, stage, "root", "attach the new root");
  const submounts = plan.kind === "overlay" ? (plan.submounts ?? []) : [];
  for (const [i, submount] of submounts.entries()) attachSubmount(cx, submount, i);
  if (plan.kind === "assembled") for (const entry of plan.entries) assembleEntry(cx, entry);
}

/** `--copy`: the file's content in a new file of the root. */
export function copyFile(cx: PlanContext, { source, target, mode }: FileCopy): void {
  const { b } = cx;
  const parts = components(target);
  const parent = parts.slice(0, -1).join("/");
  openTarget(cx, parent, { kind: "directory", why: `the folder of ${target}` });
  b.call("openat", [AT_FDCWD, source, O.O_CLOEXEC, 0], `read ${source}`, { result: cx.file });
  // A FIFO would block, a device would be written to, and a link leads elsewhere: whatever is there is not opened.
  const name = parts.at(-1) ?? "";
  b.call("unlinkat", [cx.target, name, 0], `--copy to ${target}: what is there gives way`, { accepts: ["ENOENT"] });
  const flags = O.O_WRONLY | O.O_CREAT | O.O_EXCL | O.O_CLOEXEC;
  b.call("openat", [cx.target, name, flags, mode], `--copy to ${target}: a new file`, { result: cx.mount });
  b.control("copy", [cx.file, cx.mount], `copy ${source} to ${target}`);
  b.call("fchmodat", [cx.target, name, mode], `its mode`);
  cx.close(cx.mount); // a program that is open for writing cannot be executed: ETXTBSY
  for (const fd of [cx.file, cx.target]) cx.release(fd);
}

/**
 * pivot_root(2), "pivot_root(".", ".")": the old root ends up on top of the new one, with the stage on top of it, and
 * both are detached from there. Each umount2 takes the topmost.
 */
export function enterRoot(cx: PlanContext): void {
  const { b, root } = cx;
  b.call("fchdir", [root], "go to the new root");
  b.call("pivot_root", [".", "."], "make it the root of this mount namespace; the old one lies on top of it");
  b.call("umount2", [".", MNT.MNT_DETACH], "let go of the stage");
  b.call("umount2", [".", MNT.MNT_DETACH], "let go of the old root: nothing of the host can be reached from here");
  b.call("chdir", ["/"], "the new root");
}

/** Flags of the root's own mount, now that it is complete; mounts below it keep theirs. */
export function sealRoot(cx: PlanContext): void {
  if (cx.input.plannedDevicesOnly) {
    setAttributes(cx, cx.root, MOUNT_ATTR.MOUNT_ATTR_NODEV, 0, 0, "no device can be opened outside of /dev");
  }
  if (!cx.spec.root.readonly) return;
  setAttributes(cx, cx.root, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, "--read-only: the root file system cannot be written");
}

/** The host's root as `cx.root`, for mounts without a root file system of our own. */
export function keepRoot(cx: PlanContext): void {
  const flags = O.O_PATH | O.O_CLOEXEC | cx.directory;
  cx.b.call("openat", [AT_FDCWD, "/", flags, 0], "this machine's root file system", { result: cx.root });
}

/** The working folder, resolved in the root without magic links (CVE-2024-21626), and made when it is missing; in `target`. */
export function openWorkdir(cx: PlanContext, path: string): void {
  const { b, target, root } = cx;
  if (cx.ownRoot) openTarget(cx, path, { kind: "directory", why: `the working folder ${path}` });
  else {
    const flags = cx.inRoot(O.O_PATH | cx.directory);
    const relative = components(path).join("/") || ".";
    b.call("openat2", [root, relative, flags, OPEN_HOW_SIZE], `the working folder ${path}`, { result: target });
  }
}
