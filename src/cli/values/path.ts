import { posix } from "node:path";
import { invalid, quote } from "./invalid.ts";

/** Any path of the host, made absolute. */
export function parseHostPath(value: string, cwd: string): string {
  if (value === "") throw invalid('"" is not a path', "Write the path of a file or folder on this host.");
  return posix.resolve(cwd, value);
}

/** A path in the container: absolute, without `.`, `..` and trailing slashes. */
export function parseContainerPath(value: string): string {
  if (!value.startsWith("/")) {
    throw invalid(`${quote(value)} is not an absolute path in the container`, `Write ${quoteFree(`/${value}`)}.`);
  }
  return posix.resolve("/", value);
}

/** A place to mount on: any path in the container but its root. */
export function parseMountTarget(value: string): string {
  const target = parseContainerPath(value);
  if (target !== "/") return target;
  throw invalid('"/" cannot be mounted over', "The folder or archive named as SOURCE is the container's root.");
}

/** For hints: the path as somebody would type it. */
function quoteFree(path: string): string {
  return /^[\w./-]+$/.test(path) ? posix.resolve("/", path) : quote(path);
}
