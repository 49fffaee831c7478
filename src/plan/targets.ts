/**
 * Paths inside of a root file system are hostile: an image can plant symlinks anywhere. Every path is resolved by
 * openat2(2) with RESOLVE_IN_ROOT relative to the root's descriptor, and what is missing is made with *at calls on
 * descriptors (CVE-2019-5736's siblings CVE-2021-30465 and CVE-2025-31133 came from bare paths).
 */
import { O, S_IF } from "../kernel/index.ts";
import type { Register } from "../program/index.ts";
import { OPEN_HOW_SIZE, type PlanContext } from "./context.ts";

/** `/a//b/./c` as ["a", "b", "c"]; `..` cannot climb over the root, as in the kernel's own resolution. */
export function components(path: string): string[] {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return parts;
}

export interface TargetOptions {
  readonly kind: "directory" | "file";
  readonly why: string;
}

/** Opens a path in the root into `cx.target`, making it (and its parents) when nothing is there. */
export function openTarget(cx: PlanContext, path: string, { kind, why }: TargetOptions): void {
  const { b, root, target } = cx;
  const parts = components(path);
  if (kind === "directory" && isOwnDev(cx, parts)) {
    openInDev(cx, parts[1] ?? "", why);
    return;
  }
  const flags = kind === "directory" ? O.O_PATH | cx.directory : O.O_PATH;
  const whole = parts.join("/") || ".";
  b.call("openat2", [root, whole, cx.inRoot(flags), OPEN_HOW_SIZE], why, { result: target, accepts: ["ENOENT"] });
  if (parts.length === 0) return;
  makeMissing(cx, parts, kind);
  b.call("openat2", [root, whole, cx.inRoot(flags), OPEN_HOW_SIZE], `${why}, now that it was made`, {
    result: target,
    unless: target,
  });
}

/** Directly below our own fresh /dev, where nobody else has planted anything. */
function isOwnDev(cx: PlanContext, parts: readonly string[]): boolean {
  return cx.devIsMounted && parts.length === 2 && parts[0] === "dev";
}

function openInDev(cx: PlanContext, name: string, why: string): void {
  const { b, dev, target } = cx;
  b.call("mkdirat", [dev, name, 0o755], `make /dev/${name}`, { accepts: ["EEXIST"] });
  const how = cx.inRoot(O.O_PATH | cx.directory);
  b.call("openat2", [dev, name, how, OPEN_HOW_SIZE], why, { result: target });
}

/** Every step happens only when the target was not found; a component that exists is left as it is. */
function makeMissing(cx: PlanContext, parts: readonly string[], kind: TargetOptions["kind"]): void {
  const { b, root, target, parent } = cx;
  let at: Register = root;
  parts.forEach((name, i) => {
    const last = i === parts.length - 1;
    const path = parts.slice(0, i + 1).join("/");
    const options = { unless: target, accepts: ["EEXIST"] } as const;
    if (last && kind === "file") b.call("mknodat", [at, name, S_IF.S_IFREG | 0o644, 0], `make /${path}`, options);
    else b.call("mkdirat", [at, name, 0o755], `make /${path}`, options);
    if (last) return;
    const how = cx.inRoot(O.O_PATH | cx.directory);
    b.call("openat2", [root, path, how, OPEN_HOW_SIZE], `open /${path}`, { unless: target, result: parent });
    at = parent;
  });
}
