/**
 * Paths that tell too much about the host are covered, others made read-only (config-linux.md, "Masked Paths" and
 * "Readonly Paths"). What covers a file is our own /dev/null, made a moment ago in a tmpfs that nobody else has entered,
 * and paths below /proc are opened through our own mount of it (CVE-2025-31133, CVE-2025-52881).
 */
import { AT, MOUNT_ATTR, MOVE_MOUNT, O, OPEN_TREE } from "../kernel/index.ts";
import type { Register } from "../program/index.ts";
import { OPEN_HOW_SIZE, type PlanContext } from "./context.ts";
import { ATTACH, setAttributes } from "./mounts.ts";
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

/** A read-only empty folder of the stage, from which every masked folder gets a copy of the mount. */
function openEmptyFolder(cx: PlanContext): Register {
  const { b, stage } = cx;
  const empty = b.register("empty");
  b.call("mkdirat", [stage, "empty", 0o555], "an empty folder, to cover others with");
  b.call("open_tree", [stage, "empty", CLONE_FLAGS], "as a mount of its own", { result: empty });
  setAttributes(cx, empty, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, 0, "read-only");
  b.call(
    "move_mount",
    [empty, "", stage, "empty", MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH],
    "attach it, so that it can be copied",
  );
  return empty;
}

interface Places {
  readonly folder: Register;
  readonly file: Register;
  readonly empty: Register;
}

/** A straight line that works for folders, files and nothing at all. */
function maskPath(cx: PlanContext, path: string, { folder, file, empty }: Places): void {
  const { b, dev, mount } = cx;
  const { dir, path: relative } = placeOf(cx, path);
  b.call("openat2", [dir, relative, cx.inRoot(O.O_PATH | cx.directory), OPEN_HOW_SIZE], `is ${path} a folder?`, {
    result: folder,
    accepts: MAY_BE_MISSING,
  });
  b.call("openat2", [dir, relative, cx.inRoot(O.O_PATH), OPEN_HOW_SIZE], `is ${path} a file?`, {
    result: file,
    unless: folder,
    accepts: MAY_BE_MISSING,
  });
  const copy = CLONE_FLAGS | AT.AT_EMPTY_PATH;
  b.call("open_tree", [empty, "", copy], "a copy of the empty folder", { when: folder, result: mount });
  b.call("move_mount", [mount, "", folder, "", ATTACH], `cover ${path}`, { when: folder });
  b.call("open_tree", [dev, "null", CLONE_FLAGS], "a copy of /dev/null", { when: file, result: mount });
  b.call("move_mount", [mount, "", file, "", ATTACH], `cover ${path}`, { when: file });
}

const MAY_BE_MISSING = ["ENOENT", "ENOTDIR", "EACCES"] as const;

function makeReadOnly(cx: PlanContext, path: string, place: Register): void {
  const { b, mount } = cx;
  const { dir, path: relative } = placeOf(cx, path);
  b.call("openat2", [dir, relative, cx.inRoot(O.O_PATH), OPEN_HOW_SIZE], `is ${path} there?`, {
    result: place,
    accepts: ["ENOENT", "EACCES"],
  });
  const when = { when: place } as const;
  const flags = CLONE_FLAGS | OPEN_TREE.AT_RECURSIVE | AT.AT_EMPTY_PATH;
  b.call("open_tree", [place, "", flags], `a second mount of ${path}`, { ...when, result: mount });
  setAttributes(cx, mount, MOUNT_ATTR.MOUNT_ATTR_RDONLY, 0, AT.AT_RECURSIVE, "read-only, with all below it", when);
  b.call("move_mount", [mount, "", place, "", ATTACH], `put it over ${path}`, when);
  for (const fd of [mount, place]) cx.release(fd, when);
}

export function maskPaths(cx: PlanContext): void {
  const { maskedPaths = [], readonlyPaths = [] } = cx.spec.linux;
  const file = cx.b.register("masked file");
  for (const path of readonlyPaths) makeReadOnly(cx, path, file);
  if (maskedPaths.length === 0) return;
  const places = { file, folder: cx.b.register("masked folder"), empty: openEmptyFolder(cx) };
  for (const path of maskedPaths) maskPath(cx, path, places);
}
