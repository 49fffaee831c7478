/** Encoders of the kernel's structures. Each returns little-endian bytes of exactly the structure's size. */
import { capabilityMask } from "./capabilities.ts";
import { RLIM_INFINITY } from "./flags.ts";

/** Values up to 2^53 without a detour over BigInt: these are made on the way to every container. */
function words64(...values: (number | bigint)[]): Uint8Array {
  const words = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number | bigint;
    if (typeof value === "number") {
      words[i * 2] = value;
      words[i * 2 + 1] = value < 0 ? 0xffff_ffff : value / 2 ** 32;
    } else {
      const wide = BigInt.asUintN(64, value);
      words[i * 2] = Number(wide & 0xffff_ffffn);
      words[i * 2 + 1] = Number(wide >> 32n);
    }
  }
  return new Uint8Array(words.buffer);
}

function words32(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) => {
    view.setUint32(i * 4, value >>> 0, true);
  });
  return bytes;
}

/** `struct open_how`, 24 bytes (openat2(2), Linux 5.6). */
export function openHow(flags: number, mode: number, resolve: number): Uint8Array {
  return words64(flags, mode, resolve);
}

/** `struct mount_attr`, 32 bytes (mount_setattr(2), Linux 5.12). `userns` is a descriptor, at `MOUNT_ATTR_USERNS_AT`. */
export function mountAttr(set: number, clear: number, propagation: number): Uint8Array {
  return words64(set, clear, propagation, 0);
}
export const MOUNT_ATTR_USERNS_AT = 24;

/** `struct __user_cap_header_struct`, version 3, of the calling thread. */
export function capHeader(): Uint8Array {
  return words32(0x2008_0522, 0);
}

/** `struct __user_cap_data_struct[2]` (capset(2)). */
export function capData(
  effective: readonly string[],
  permitted: readonly string[],
  inheritable: readonly string[],
): Uint8Array {
  const masks = [effective, permitted, inheritable].map((set) => capabilityMask(set));
  const low = masks.map((mask) => Number(mask & 0xffff_ffffn));
  const high = masks.map((mask) => Number(mask >> 32n));
  return words32(...low, ...high);
}

/** `struct rlimit64` (prlimit(2)); `undefined` means unlimited. */
export function rlimit64(soft: bigint | undefined, hard: bigint | undefined): Uint8Array {
  return words64(soft ?? RLIM_INFINITY, hard ?? RLIM_INFINITY);
}

/** `struct ifreq` with `ifr_flags`, 40 bytes (netdevice(7)). */
export function ifreqFlags(name: string, flags: number): Uint8Array {
  const bytes = new Uint8Array(40);
  for (let i = 0; i < name.length && i < 15; i++) bytes[i] = name.charCodeAt(i);
  new DataView(bytes.buffer).setInt16(16, flags, true);
  return bytes;
}

/** `gid_t[]` for setgroups(2). */
export function gidList(gids: readonly number[]): Uint8Array {
  return words32(...gids);
}

/** makedev(3): the device number as mknod(2) takes it. */
export function deviceNumber(major: number, minor: number): number {
  return ((minor & 0xff) | ((major & 0xfff) << 8) | ((minor & 0xfff00) << 12)) >>> 0;
}
