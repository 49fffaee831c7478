/** The options of an OCI mount (config.md, "Linux mount options") as what the new mount API takes. */

import { SampanError } from "../errors/index.ts";
import { MOUNT_ATTR, MOUNT_ATTR_ATIME, MS } from "../kernel/index.ts";

export interface MountOptions {
  /** For the topmost mount. */
  set: number;
  clear: number;
  /** For the mount and all below it (`rro`, `rnosuid`, …). */
  recursiveSet: number;
  recursiveClear: number;
  propagation: { readonly flag: number; readonly recursive: boolean } | undefined;
  bind: boolean;
  recursive: boolean;
  /** What remains is the file system's own: `size=64k`, or a flag such as `newinstance`. */
  readonly data: { readonly key: string; readonly value: string | undefined }[];
}

const A = MOUNT_ATTR;

const ATTRIBUTES: Readonly<Record<string, { readonly set?: number; readonly clear?: number }>> = {
  ro: { set: A.MOUNT_ATTR_RDONLY },
  rw: { clear: A.MOUNT_ATTR_RDONLY },
  nosuid: { set: A.MOUNT_ATTR_NOSUID },
  suid: { clear: A.MOUNT_ATTR_NOSUID },
  nodev: { set: A.MOUNT_ATTR_NODEV },
  dev: { clear: A.MOUNT_ATTR_NODEV },
  noexec: { set: A.MOUNT_ATTR_NOEXEC },
  exec: { clear: A.MOUNT_ATTR_NOEXEC },
  noatime: { set: A.MOUNT_ATTR_NOATIME, clear: MOUNT_ATTR_ATIME },
  relatime: { clear: MOUNT_ATTR_ATIME },
  strictatime: { set: A.MOUNT_ATTR_STRICTATIME, clear: MOUNT_ATTR_ATIME },
  nodiratime: { set: A.MOUNT_ATTR_NODIRATIME },
  diratime: { clear: A.MOUNT_ATTR_NODIRATIME },
  nosymfollow: { set: A.MOUNT_ATTR_NOSYMFOLLOW },
  symfollow: { clear: A.MOUNT_ATTR_NOSYMFOLLOW },
};

const PROPAGATIONS: Readonly<Record<string, number>> = {
  private: MS.MS_PRIVATE,
  shared: MS.MS_SHARED,
  slave: MS.MS_SLAVE,
  unbindable: MS.MS_UNBINDABLE,
};

function applyAttribute(options: MountOptions, name: string): boolean {
  const own = ATTRIBUTES[name];
  if (own !== undefined) {
    options.clear |= own.clear ?? 0;
    options.set = (options.set & ~(own.clear ?? 0)) | (own.set ?? 0);
    return true;
  }
  const recursive = name.startsWith("r") ? ATTRIBUTES[name.slice(1)] : undefined;
  if (recursive === undefined) return false;
  options.recursiveSet |= recursive.set ?? 0;
  options.recursiveClear |= recursive.clear ?? 0;
  return true;
}

function applyPropagation(options: MountOptions, name: string): boolean {
  const own = PROPAGATIONS[name];
  const flag = own ?? (name.startsWith("r") ? PROPAGATIONS[name.slice(1)] : undefined);
  if (flag === undefined) return false;
  options.propagation = { flag, recursive: own === undefined };
  return true;
}

function applyData(options: MountOptions, option: string): void {
  const equals = option.indexOf("=");
  const key = equals < 0 ? option : option.slice(0, equals);
  if (key === "") throw new SampanError("INVALID_VALUE", `the mount option "${option}" has no name`);
  options.data.push({ key, value: equals < 0 ? undefined : option.slice(equals + 1) });
}

/** @throws SampanError INVALID_VALUE for an option without a name */
export function parseMountOptions(list: readonly string[]): MountOptions {
  const options: MountOptions = {
    set: 0,
    clear: 0,
    recursiveSet: 0,
    recursiveClear: 0,
    propagation: undefined,
    bind: false,
    recursive: false,
    data: [],
  };
  for (const option of list) {
    if (option === "bind" || option === "rbind") {
      options.bind = true;
      options.recursive = option === "rbind";
    } else if (option !== "defaults" && !applyAttribute(options, option) && !applyPropagation(options, option)) {
      applyData(options, option);
    }
  }
  return options;
}
