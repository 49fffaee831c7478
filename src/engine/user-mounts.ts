/** `--mount`, `-v`, `--tmpfs` and `--device` as entries of the OCI configuration. */
import { realpathSync } from "node:fs";
import { SampanError } from "../errors/index.ts";
import type { Device, Mount } from "../oci/index.ts";
import { statOfHost } from "./host-files.ts";
import type { DeviceOption, MountOption } from "./run-options.ts";

export interface BindSource {
  readonly path: string;
  readonly kind: "directory" | "file";
  /** To be made before the run (`-v`). */
  readonly missing?: boolean;
}

/** @throws SampanError MOUNT_SOURCE_NOT_FOUND */
export function bindSource({ source = "", createSource }: MountOption): BindSource {
  const stat = statOfHost(source, "MOUNT_SOURCE_NOT_FOUND");
  if (stat !== undefined) return { path: realpathSync(source), kind: stat.isDirectory() ? "directory" : "file" };
  if (!createSource) {
    throw new SampanError("MOUNT_SOURCE_NOT_FOUND", `the source of a mount, ${source}, does not exist`, {
      object: source,
      hint: "Make it first; -v makes a missing folder, --mount does not.",
    });
  }
  return { path: source, kind: "directory", missing: true };
}

/** In a folder of the host too, a device that the container has made there cannot be opened; `dev` allows it. */
function bindOptions(mount: MountOption, privileged: boolean): string[] {
  const given = mount.options ?? [];
  return [
    ...(privileged || given.includes("dev") ? [] : [mount.nonRecursive ? "nodev" : "rnodev"]),
    mount.nonRecursive ? "bind" : "rbind",
    mount.propagation ?? "rprivate",
    ...(mount.recursiveReadOnly ? ["rro"] : mount.readOnly ? ["ro"] : []),
    ...given,
  ];
}

function tmpfsOptions(mount: MountOption): string[] {
  const given = mount.options ?? [];
  // Docker's defaults give way to what was asked for: `exec` undoes `noexec`.
  const defaults = ["nosuid", "nodev", "noexec"].filter((option) => !given.includes(option.slice(2)));
  return [
    ...defaults,
    ...(mount.readOnly ? ["ro"] : []),
    ...(mount.sizeBytes === undefined ? [] : [`size=${mount.sizeBytes}`]),
    `mode=${(mount.mode ?? 0o1777).toString(8)}`,
    ...given,
  ];
}

export function userMount(mount: MountOption, privileged: boolean): Mount {
  if (mount.type === "tmpfs") {
    return { destination: mount.target, type: "tmpfs", source: "tmpfs", options: tmpfsOptions(mount) };
  }
  return {
    destination: mount.target,
    type: "bind",
    source: mount.source ?? "",
    options: bindOptions(mount, privileged),
  };
}

/** Linux's split of st_rdev (makedev(3)). */
function majorMinor(rdev: number): { major: number; minor: number } {
  const wide = BigInt(rdev);
  const major = Number(((wide >> 8n) & 0xfffn) | ((wide >> 32n) & 0xfffff000n));
  return { major, minor: Number((wide & 0xffn) | ((wide >> 12n) & 0xffffff00n)) };
}

/** @throws SampanError MOUNT_SOURCE_NOT_FOUND, INVALID_VALUE when it is no device */
export function userDevice({ source, target, access }: DeviceOption): Device {
  if (access !== "" && !["r", "w", "m"].every((letter) => access.includes(letter))) {
    throw new SampanError("INVALID_VALUE", `--device ${source}: access "${access}" cannot be enforced`, {
      object: source,
      hint: "It takes device rules, which are not there yet: leave the letters out, or set the file's mode with --user in mind.",
    });
  }
  const stat = statOfHost(source, "MOUNT_SOURCE_NOT_FOUND");
  if (stat === undefined) {
    throw new SampanError("MOUNT_SOURCE_NOT_FOUND", `the device ${source} does not exist`, { object: source });
  }
  if (!stat.isCharacterDevice() && !stat.isBlockDevice()) {
    throw new SampanError("INVALID_VALUE", `${source} is no device`, {
      object: source,
      hint: "Use -v for files and folders.",
    });
  }
  const type = stat.isBlockDevice() ? "b" : "c";
  return { type, path: target, ...majorMinor(stat.rdev), fileMode: stat.mode & 0o777 };
}

/** The numbers of a block device, for its rates. @throws SampanError */
export function deviceNumbers(path: string): { major: number; minor: number } {
  const device = userDevice({ source: path, target: path, access: "" });
  return { major: device.major ?? 0, minor: device.minor ?? 0 };
}
