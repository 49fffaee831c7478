import { closeSync, constants, fstatSync, lstatSync, openSync, readlinkSync, readSync } from "node:fs";
import { join } from "node:path";

const MAX_LINKS = 40;

/**
 * The host path of `path` as seen from inside of `root`: symbolic links are followed within it (absolute ones start at
 * `root`, `..` stops there). Undefined when it does not exist or links go in circles.
 *
 * For reading what an image says about itself before it runs; a program resolves with openat2(2) instead.
 */
export function resolveInRoot(root: string, path: string): string | undefined {
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
    if (stat === undefined) return undefined;
    if (!stat.isSymbolicLink()) {
      done.push(part);
      continue;
    }
    if (++links > MAX_LINKS) return undefined;
    const target = readlinkSync(here);
    if (target.startsWith("/")) done.length = 0;
    rest.unshift(...target.split("/").filter((piece) => piece !== "" && piece !== "."));
  }
  return join(root, ...done);
}

/** The text of a regular file inside of a root, or undefined: no file, another kind of file, or larger than `limitBytes`. */
export function readTextInRoot(root: string, path: string, limitBytes = 1 << 20): string | undefined {
  try {
    const real = resolveInRoot(root, path);
    if (real === undefined) return undefined;
    // A FIFO must not block, and what is a link by now must not be followed.
    const fd = openSync(real, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    try {
      const stat = fstatSync(fd);
      if (!stat.isFile() || stat.size > limitBytes) return undefined;
      const buffer = Buffer.alloc(stat.size);
      return buffer.toString("utf8", 0, readSync(fd, buffer, 0, stat.size, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return undefined;
  }
}
