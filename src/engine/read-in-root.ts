import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";

const MAX_LINKS = 40;
/** open(2); Node has no name for it. */
const O_PATH = 0o10000000;

/**
 * The host path of `path` as seen from inside of `root`: symbolic links are followed within it (absolute ones start at
 * `root`, `..` stops there). Undefined when it does not exist or links go in circles.
 *
 * For reading what an image says about itself before it runs; a program resolves with openat2(2) instead.
 */
export function resolveInRoot(root: string, path: string): string | undefined {
  const done = follow(root, path, false);
  return done === undefined ? undefined : join(root, ...done);
}

/** Where a path leads inside of `root`, from there (`/etc/x`), with what is missing taken as it is; undefined for circles. */
export function targetInRoot(root: string, path: string): string | undefined {
  const done = follow(root, path, true);
  return done === undefined ? undefined : `/${done.join("/")}`;
}

function follow(root: string, path: string, mayBeMissing: boolean): string[] | undefined {
  const rest = path.split("/").filter((part) => part !== "" && part !== ".");
  const done: string[] = [];
  let links = 0;
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === "..") {
      done.pop();
      continue;
    }
    const here = join(root, ...done, part);
    const stat = lstatSync(here, { throwIfNoEntry: false });
    if (stat === undefined && !mayBeMissing) return undefined;
    if (!stat?.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    const target = readlinkSync(here);
    if (target.startsWith("/")) done.length = 0;
    rest.unshift(...target.split("/").filter((piece) => piece !== "" && piece !== "."));
  }
  return done;
}

/** The text of a regular file inside of a root, or undefined: no file, another kind of file, or larger than `limitBytes`. */
export function readTextInRoot(root: string, path: string, limitBytes = 1 << 20): string | undefined {
  try {
    const real = resolveInRoot(root, path);
    if (real === undefined) return undefined;
    // Opening a device may already do something (a watchdog starts), a FIFO blocks, and what is a link by now must not
    // be followed: O_PATH only looks, and what it has found is opened through it.
    const place = openSync(real, O_PATH | constants.O_NOFOLLOW);
    try {
      const { size } = fstatSync(place);
      if (!fstatSync(place).isFile() || size > limitBytes) return undefined;
      return readStart(`/proc/self/fd/${place}`, size);
    } finally {
      closeSync(place);
    }
  } catch {
    return undefined;
  }
}

function readStart(path: string, size: number): string {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    const buffer = Buffer.alloc(size);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, size, 0));
  } finally {
    closeSync(fd);
  }
}
