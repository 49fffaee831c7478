/** The kernel's structures by meaning, the way strace prints them: `{flags=O_PATH|O_CLOEXEC, resolve=RESOLVE_IN_ROOT}`. */
import {
  CAPABILITIES,
  capabilityNames,
  decodeFlags,
  IOCTL,
  MOUNT_ATTR_USERNS_AT,
  MS,
  RESOLVE,
  RLIM_INFINITY,
} from "../kernel/index.ts";
import { name, quote } from "./explain-text.ts";
import { mode, mountAttributes, openFlagWords } from "./explain-words.ts";
import type { Bytes, Operation } from "./program.ts";
import type { Architecture } from "./protocol.ts";

type Field = readonly [string, string | undefined];
type Printer = (bytes: Bytes, op: Operation, architecture: Architecture) => string | undefined;

/** Above this many of the kernel's capabilities a set is shorter told by what it lacks. */
const MOST_CAPABILITIES = 30;
/** include/uapi/linux/if.h */
const IFF = { IFF_UP: 1, IFF_BROADCAST: 2, IFF_LOOPBACK: 8, IFF_RUNNING: 0x40 };
const CAPABILITY_VERSION_3 = 0x2008_0522;

function structure(fields: readonly Field[]): string {
  const shown = fields.filter(([, value]) => value !== undefined);
  return `{${shown.map(([field, value]) => `${field}=${value}`).join(", ")}}`;
}

function view({ value }: Bytes): DataView {
  return new DataView(value.buffer, value.byteOffset, value.byteLength);
}

function word64(bytes: Bytes, index: number): bigint {
  return view(bytes).getBigUint64(index * 8, true);
}

/** Fields that are zero say nothing and are left out. */
function unlessZero(value: bigint, print: (value: bigint) => string): string | undefined {
  return value === 0n ? undefined : print(value);
}

/** `struct open_how` of openat2(2). */
const openHow: Printer = (bytes, _op, architecture) =>
  bytes.value.length !== 24
    ? undefined
    : structure([
        ["flags", openFlagWords(word64(bytes, 0), architecture)],
        ["mode", unlessZero(word64(bytes, 1), mode)],
        ["resolve", unlessZero(word64(bytes, 2), (value) => decodeFlags(value, RESOLVE))],
      ]);

/** `struct mount_attr` of mount_setattr(2). */
const mountAttr: Printer = (bytes) => {
  if (bytes.value.length !== 32) return undefined;
  const userns = bytes.fills?.find((fill) => fill.at === MOUNT_ATTR_USERNS_AT);
  return structure([
    ["attr_set", unlessZero(word64(bytes, 0), mountAttributes)],
    ["attr_clr", unlessZero(word64(bytes, 1), mountAttributes)],
    ["propagation", unlessZero(word64(bytes, 2), (value) => decodeFlags(value, MS))],
    ["userns_fd", userns ? name(userns.register) : unlessZero(word64(bytes, 3), String)],
  ]);
};

function capabilitySet(mask: bigint): string {
  if (mask === 0n) return "0";
  const names = capabilityNames(mask);
  const missing = CAPABILITIES.filter((capability) => !names.includes(capability));
  const unknown = mask >> BigInt(CAPABILITIES.length);
  if (unknown === 0n && missing.length === 0) return "all";
  if (unknown === 0n && names.length >= MOST_CAPABILITIES) return `all but ${missing.join("|")}`;
  return [...names, ...(unknown === 0n ? [] : [`0x${(unknown << BigInt(CAPABILITIES.length)).toString(16)}`])].join(
    "|",
  );
}

/** `struct __user_cap_header_struct`, then `struct __user_cap_data_struct[2]`; sets that are equal are told once. */
const capset: Printer = (bytes) => {
  const words = view(bytes);
  if (bytes.value.length === 8) {
    const version = words.getUint32(0, true);
    return structure([
      ["version", version === CAPABILITY_VERSION_3 ? "3" : `0x${version.toString(16)}`],
      ["pid", String(words.getInt32(4, true))],
    ]);
  }
  if (bytes.value.length !== 24) return undefined;
  const sets = new Map<string, string[]>();
  for (const [i, field] of ["effective", "permitted", "inheritable"].entries()) {
    const mask = BigInt(words.getUint32(i * 4, true)) | (BigInt(words.getUint32(12 + i * 4, true)) << 32n);
    const text = capabilitySet(mask);
    sets.set(text, [...(sets.get(text) ?? []), field]);
  }
  return structure([...sets].map(([text, fields]) => [fields.join("="), text] as const));
};

/** `struct rlimit64` of prlimit(2). */
const rlimit: Printer = (bytes) => {
  if (bytes.value.length !== 16) return undefined;
  const [soft, hard] = [0, 1].map((i) => word64(bytes, i)).map((v) => (v === RLIM_INFINITY ? "RLIM_INFINITY" : `${v}`));
  return structure([
    ["rlim_cur", soft],
    ["rlim_max", hard],
  ]);
};

/** `struct ifreq` (netdevice(7)) or what else the request takes. */
const ioctl: Printer = (bytes, op) => {
  const request = op.arguments[1];
  const { value } = bytes;
  if (request === IOCTL.SIOCSIFFLAGS && value.length === 40) {
    const end = value.subarray(0, 16).indexOf(0);
    const device = new TextDecoder().decode(value.subarray(0, end < 0 ? 16 : end));
    const flags = decodeFlags(view(bytes).getUint16(16, true), IFF);
    return structure([
      ["ifr_name", quote(device, { full: true })],
      ["ifr_flags", flags],
    ]);
  }
  if (request === IOCTL.TIOCSWINSZ && value.length === 8) {
    const [row, column] = [view(bytes).getUint16(0, true), view(bytes).getUint16(2, true)];
    return structure([
      ["ws_row", String(row)],
      ["ws_col", String(column)],
    ]);
  }
  return value.length === 4 ? `[${view(bytes).getInt32(0, true)}]` : undefined;
};

/** `gid_t[]` of setgroups(2). */
const groups: Printer = (bytes) => {
  const { length } = bytes.value;
  if (length % 4 !== 0) return undefined;
  const gids = Array.from({ length: length / 4 }, (_, i) => view(bytes).getUint32(i * 4, true));
  return `[${gids.join(", ")}]`;
};

const PRINTERS: Readonly<Record<string, Printer>> = {
  "openat2.2": openHow,
  "mount_setattr.3": mountAttr,
  "capset.0": capset,
  "capset.1": capset,
  "prlimit64.2": rlimit,
  "ioctl.2": ioctl,
  "setgroups.1": groups,
};

/** The bytes at `index` of a call by meaning, or undefined when they have no known structure. */
export function printStructure(
  op: Operation,
  index: number,
  bytes: Bytes,
  architecture: Architecture,
): string | undefined {
  return PRINTERS[`${op.name}.${index}`]?.(bytes, op, architecture);
}
