/**
 * Paths that tell too much about the host are covered, others made read-only (config-linux.md, "Masked Paths" and
 * "Readonly Paths"). What covers a file is our own /dev/null, made a moment ago in a tmpfs that nobody else has entered,
 * and paths below /proc are opened through our own mount of it (CVE-2025-31133, CVE-2025-52881).
 */
import { AT, AT_FDCWD, FSCONFIG, FSMOUNT, FSOPEN, MOUNT_ATTR, mountAttr, O, OPEN_TREE } from "../kernel/index.ts";
import type { Register } from "../program/index.ts";
import { bytes, inRoot, MOUNT_ATTR_SIZE, OPEN_HOW_SIZE, type PlanContext } from "./context.ts";
import { ATTACH } from "./mounts.ts";
import { components } from "./targets.ts";

interface Place {
  readonly dir: Register;
  readonly path: string;
}

/** Below /proc the start is our own proc mount, wherever the image says that /proc is. */
function placeOf(cx: PlanContext, path: string): Place {
  const parts = components(path);
  const ownProc = cx.spec.mounts.some((mount) => mount.type === "proc");
  if (parts[0] === "proc" && ownProc && parts.length > 1) return { dir: cx.proc, path: parts.slice(1).join("/") };
  return { dir: cx.root, path: parts.join("/") || "." };
}

const CLONE_FLAGS = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC;

function maskFolder(cx: PlanContext, path: string, folder: Register): void {
  const { b, mount, filesystem: fs } = cx;
  const when = { when: folder } as const;
  b.call("fsopen", ["tmpfs", FSOPEN.FSOPEN_CLOEXEC], `${path} is a folder: cover it with an empty one`, {
    ...when,
    result: fs,
  });
  b.call("fsconfig", [fs, FSCONFIG.FSCONFIG_CMD_CREATE, null, null, 0], "make the tmpfs", when);
  b.call("fsmount", [fs, FSMOUNT.FSMOUNT_CLOEXEC, MOUNT_ATTR.MOUNT_ATTR_RDONLY], "read-only", {
    ...when,
    result: mount,
  });
  b.call("move_mount", [mount, "", folder, "", ATTACH], `cover ${path}`, when);
  for (const fd of [mount, fs, folder]) cx.close(fd, when);
}

function maskFile(cx: PlanContext, path: string, file: Register): void {
  const { b, mount } = cx;
  const when = { when: file } as const;
  const source = cx.spec.mounts.some((m) => m.destination === "/dev") ? cx.dev : AT_FDCWD;
  const name = source === AT_FDCWD ? "/dev/null" : "null";
  b.call("open_tree", [source, name, CLONE_FLAGS], `${path} is a file: cover it with /dev/null`, {
    ...when,
    result: mount,
  });
  b.call("move_mount", [mount, "", file, "", ATTACH], `cover ${path}`, when);
  for (const fd of [mount, file]) cx.close(fd, when);
}

/** A straight line that works for folders, files and nothing at all. */
function maskPath(cx: PlanContext, path: string, folder: Register, file: Register): void {
  const { b } = cx;
  const { dir, path: relative } = placeOf(cx, path);
  b.call("openat2", [dir, relative, inRoot(O.O_PATH | cx.directory), OPEN_HOW_SIZE], `is ${path} a folder?`, {
    result: folder,
    accepts: ["ENOENT", "ENOTDIR", "EACCES"],
  });
  b.call("openat2", [dir, relative, inRoot(O.O_PATH), OPEN_HOW_SIZE], `is ${path} there at all?`, {
    result: file,
    unless: folder,
    accepts: ["ENOENT", "ENOTDIR", "EACCES"],
  });
  maskFile(cx, path, file);
  maskFolder(cx, path, folder);
}

function makeReadOnly(cx: PlanContext, path: string, place: Register): void {
  const { b, mount } = cx;
  const { dir, path: relative } = placeOf(cx, path);
  b.call("openat2", [dir, relative, inRoot(O.O_PATH), OPEN_HOW_SIZE], `is ${path} there?`, {
    result: place,
    accepts: ["ENOENT", "EACCES"],
  });
  const when = { when: place } as const;
  const flags = CLONE_FLAGS | OPEN_TREE.AT_RECURSIVE | AT.AT_EMPTY_PATH;
  b.call("open_tree", [place, "", flags], `a second mount of ${path}`, { ...when, result: mount });
  const attr = bytes(mountAttr(MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0));
  const at = AT.AT_EMPTY_PATH | AT.AT_RECURSIVE;
  b.call("mount_setattr", [mount, "", at, attr, MOUNT_ATTR_SIZE], "read-only, with all below it", when);
  b.call("move_mount", [mount, "", place, "", ATTACH], `put it over ${path}`, when);
  for (const fd of [mount, place]) cx.close(fd, when);
}

export function maskPaths(cx: PlanContext): void {
  const folder = cx.b.register("folder");
  const file = cx.b.register("masked");
  for (const path of cx.spec.linux.readonlyPaths ?? []) makeReadOnly(cx, path, file);
  for (const path of cx.spec.linux.maskedPaths ?? []) maskPath(cx, path, folder, file);
}
