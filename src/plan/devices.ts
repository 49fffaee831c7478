/** /dev: a tmpfs with only what belongs there (config-linux.md, "Default Devices"). */
import { AT_FDCWD, deviceNumber, FCNTL, MOVE_MOUNT, O, OPEN_TREE, S_IF } from "../kernel/index.ts";
import type { Device } from "../oci/index.ts";
import type { Register } from "../program/index.ts";
import { OPEN_HOW_SIZE, type PlanContext } from "./context.ts";
import { attach } from "./mounts.ts";
import { components, openTarget } from "./targets.ts";

export const DEFAULT_DEVICES: readonly Device[] = [
  { type: "c", path: "/dev/null", major: 1, minor: 3, fileMode: 0o666 },
  { type: "c", path: "/dev/zero", major: 1, minor: 5, fileMode: 0o666 },
  { type: "c", path: "/dev/full", major: 1, minor: 7, fileMode: 0o666 },
  { type: "c", path: "/dev/random", major: 1, minor: 8, fileMode: 0o666 },
  { type: "c", path: "/dev/urandom", major: 1, minor: 9, fileMode: 0o666 },
  { type: "c", path: "/dev/tty", major: 5, minor: 0, fileMode: 0o666 },
];

const LINKS: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["ptmx", "pts/ptmx"],
];

const FILE_TYPES = { c: S_IF.S_IFCHR, u: S_IF.S_IFCHR, b: S_IF.S_IFBLK, p: S_IF.S_IFIFO } as const;

/** The host's node, cloned as a mount: a user namespace may not make nodes (user_namespaces(7)). */
function bindDevice(cx: PlanContext, device: Device, dir: Register, name: string): void {
  const { b, target, mount } = cx;
  const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC;
  const source = cx.input.deviceSources?.[device.path] ?? device.path;
  b.call("open_tree", [AT_FDCWD, source, flags], `the host's ${source}`, { result: mount });
  b.call("mknodat", [dir, name, S_IF.S_IFREG | 0o666, 0], `a place for ${device.path}`, { accepts: ["EEXIST"] });
  const how = cx.inRoot(O.O_PATH | cx.nofollow);
  b.call("openat2", [dir, name, how, OPEN_HOW_SIZE], `open it`, { result: target });
  attach(cx, mount, target, `show the host's ${source} there`);
  cx.release(target);
  cx.release(mount);
}

function makeDevice(cx: PlanContext, device: Device, dir: Register, name: string): void {
  const { b } = cx;
  const mode = device.fileMode ?? 0o666;
  const number = deviceNumber(device.major ?? 0, device.minor ?? 0);
  b.call("mknodat", [dir, name, FILE_TYPES[device.type] | mode, number], `the device ${device.path}`);
  if (device.uid || device.gid) b.call("fchownat", [dir, name, device.uid ?? 0, device.gid ?? 0, 0], `its owner`);
  if (cx.input.plannedDevicesOnly) exempt(cx, device, dir, name);
}

/** The node mounted over itself keeps working when the mount around it becomes `nodev`. It was made a call ago. */
function exempt(cx: PlanContext, device: Device, dir: Register, name: string): void {
  const { b, mount } = cx;
  const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC;
  b.call("open_tree", [dir, name, flags], `${device.path} as a mount of its own`, { result: mount });
  const why = `let ${device.path} be opened, and no other device`;
  b.call("move_mount", [mount, "", dir, name, MOVE_MOUNT.MOVE_MOUNT_F_EMPTY_PATH], why);
  cx.release(mount);
}

/** A device below /dev/sub or elsewhere: its folder is made first. */
function placeDevice(cx: PlanContext, device: Device): void {
  const parts = components(device.path);
  const name = parts.at(-1) ?? "";
  const make = cx.has("user") ? bindDevice : makeDevice;
  if (parts.length === 2 && parts[0] === "dev") {
    make(cx, device, cx.dev, name);
    return;
  }
  openTarget(cx, parts.slice(0, -1).join("/"), { kind: "directory", why: `the folder of ${device.path}` });
  cx.b.call("fcntl", [cx.target, FCNTL.F_DUPFD_CLOEXEC, 3], "keep it", { result: cx.parent });
  cx.release(cx.target);
  make(cx, device, cx.parent, name);
  cx.release(cx.parent);
}

/** Fills the fresh /dev. Its mode is 0755, so that O_CREAT on a device is no EACCES (fs.protected_regular). */
export function fillDev(cx: PlanContext): void {
  const { b, dev } = cx;
  for (const device of cx.spec.linux.devices ?? []) placeDevice(cx, device);
  for (const [name, target] of LINKS) {
    b.call("symlinkat", [target, dev, name], `/dev/${name}`, { accepts: ["EEXIST"] });
  }
}
