import type { DeviceOption } from "../../engine/index.ts";
import { invalid, quote } from "./invalid.ts";
import { parseContainerPath } from "./path.ts";

const HINT =
  "Write HOST[:CONTAINER][:ACCESS], such as /dev/fuse or /dev/sda:/dev/disk:r; ACCESS is some of r, w and m.";

/** `HOST[:CONTAINER][:rwm]`; a second part that is an access says so for the same path in the container. */
export function parseDevice(value: string): DeviceOption {
  const parts = value.split(":");
  const last = parts.at(-1) ?? "";
  const access = parts.length > 1 && isAccess(last) ? parts.pop() : undefined;
  const [source = "", target = source, ...more] = parts;
  if (more.length > 0 || !source.startsWith("/") || !target.startsWith("/")) {
    throw invalid(`${quote(value)} is not a device`, HINT);
  }
  return { source: parseContainerPath(source), target: parseContainerPath(target), access: access ?? "rwm" };
}

/** Some of `rwm`, each at most once. */
function isAccess(word: string): boolean {
  return /^(?!.*(.).*\1)[rwm]+$/.test(word);
}
