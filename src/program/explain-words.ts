/** Numbers by their meaning: which word of which table stands for the argument of a call. */
import {
  AT,
  AT_FDCWD,
  CAPABILITIES,
  decodeEnumeration,
  decodeFlags,
  MOUNT_ATTR,
  MOUNT_ATTR_ATIME,
  O,
  OPEN_TREE,
  openFlags,
  PR,
  PR_CAP_AMBIENT_OPERATION,
  RLIMITS,
  S_IF,
  SIGNALS,
  SOCK,
} from "../kernel/index.ts";
import type { Argument, Operation } from "./program.ts";
import type { Architecture } from "./protocol.ts";
import { type ArgumentType, ENUM_TABLES, FLAG_TABLES } from "./signatures.ts";

type Table = Readonly<Record<string, number>>;
type Number = number | bigint;

const FILE_TYPE = 0o170000;
const SOCK_TYPE = 0xf;
const UNSET = 0xffff_ffff;

/** include/uapi/asm-generic/fcntl.h: flock(2) */
const LOCK = { LOCK_SH: 1, LOCK_EX: 2, LOCK_NB: 4, LOCK_UN: 8 };
/** include/uapi/linux/fs.h: renameat2(2) */
const RENAME = { RENAME_NOREPLACE: 1, RENAME_EXCHANGE: 2, RENAME_WHITEOUT: 4 };
/** include/uapi/linux/wait.h */
const WAIT = { WNOHANG: 1, WUNTRACED: 2, WCONTINUED: 8, __WALL: 0x4000_0000 };
/** unistd.h: faccessat(2) */
const ACCESS = { R_OK: 4, W_OK: 2, X_OK: 1 };
/** include/uapi/linux/xattr.h */
const XATTR = { XATTR_CREATE: 1, XATTR_REPLACE: 2 };
/** include/uapi/linux/keyctl.h */
const KEYCTL = { KEYCTL_JOIN_SESSION_KEYRING: 1 };
/** include/uapi/linux/securebits.h */
const SECBIT = {
  SECBIT_NOROOT: 1,
  SECBIT_NOROOT_LOCKED: 2,
  SECBIT_NO_SETUID_FIXUP: 4,
  SECBIT_NO_SETUID_FIXUP_LOCKED: 8,
  SECBIT_KEEP_CAPS: 16,
  SECBIT_KEEP_CAPS_LOCKED: 32,
  SECBIT_NO_CAP_AMBIENT_RAISE: 64,
  SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED: 128,
};
/** The mask that clears every access-time bit has a name of its own, which goes first. */
const ATTRIBUTES = { MOUNT_ATTR__ATIME: MOUNT_ATTR_ATIME, ...MOUNT_ATTR };
const OPEN_TREE_FLAGS = { ...OPEN_TREE, AT_EMPTY_PATH: AT.AT_EMPTY_PATH, AT_SYMLINK_NOFOLLOW: AT.AT_SYMLINK_NOFOLLOW };

export function mountAttributes(value: Number): string {
  return decodeFlags(value, ATTRIBUTES);
}

/** open(2) flags as this architecture numbers them; opening without an access mode is reading, unless O_PATH. */
export function openFlagWords(value: Number, architecture: Architecture): string {
  const { directory, nofollow } = openFlags(architecture);
  const words = decodeFlags(value, { ...O, O_DIRECTORY: directory, O_NOFOLLOW: nofollow });
  const reads = (BigInt(value) & 3n) === 0n && (BigInt(value) & BigInt(O.O_PATH)) === 0n;
  if (!reads) return words;
  return words === "0" ? "O_RDONLY" : `O_RDONLY|${words}`;
}

/** A file mode in octal, with the kind of file when one is named: `S_IFCHR|0666`. */
export function mode(value: Number): string {
  const kind = Number(value) & FILE_TYPE;
  const bits = Number(value) & ~FILE_TYPE;
  const octal = bits === 0 ? "0" : `0${bits.toString(8)}`;
  return kind === 0 ? octal : `${decodeEnumeration(kind, S_IF)}|${octal}`;
}

/** makedev(3) the other way round. */
function device(value: Number): string {
  const number = BigInt(value);
  if (number === 0n) return "0";
  const major = (number >> 8n) & 0xfffn;
  return `makedev(${major}, ${(number & 0xffn) | ((number >> 12n) & 0xfff00n)})`;
}

function socketType(value: Number): string {
  const kind = Number(value) & SOCK_TYPE;
  const { SOCK_CLOEXEC } = SOCK;
  const flags = decodeFlags(Number(value) & ~SOCK_TYPE, { SOCK_CLOEXEC, SOCK_NONBLOCK: O.O_NONBLOCK });
  const word = decodeEnumeration(kind, SOCK);
  return flags === "0" ? word : `${word}|${flags}`;
}

function flagWords(value: Number, key: keyof typeof FLAG_TABLES, call: string, architecture: Architecture): string {
  if (key === "O")
    return call === "openat" ? openFlagWords(value, architecture) : decodeFlags(value, FLAG_TABLES.O as Table);
  if (key === "SOCK") return socketType(value);
  if (key === "MOUNT_ATTR") return mountAttributes(value);
  return decodeFlags(value, key === "OPEN_TREE" ? OPEN_TREE_FLAGS : FLAG_TABLES[key]);
}

function access(value: Number): string {
  return BigInt(value) === 0n ? "F_OK" : decodeFlags(value, ACCESS);
}

function limit(value: Number): string {
  return `RLIMIT_${decodeEnumeration(value, RLIMITS).toUpperCase()}`;
}

function capability(value: Number): string {
  return CAPABILITIES[Number(value)] ?? String(value);
}

/** What is a plain number in the signatures and has a name all the same: by call and position. */
const SPECIAL: Readonly<Record<string, (value: Number) => string>> = {
  "close_range.1": (value) => (BigInt(value) === BigInt(UNSET) ? "~0" : String(value)),
  "faccessat.2": access,
  "flock.1": (value) => decodeFlags(value, LOCK),
  "keyctl.0": (value) => decodeEnumeration(value, KEYCTL),
  "lsetxattr.4": (value) => decodeFlags(value, XATTR),
  "prlimit64.1": limit,
  "renameat2.4": (value) => decodeFlags(value, RENAME),
  "wait4.2": (value) => decodeFlags(value, WAIT),
};

/** The second and third argument of prctl(2), by its first. */
function prctlWord(first: Argument | undefined, index: number, value: Number): string | undefined {
  if (first === PR.PR_SET_PDEATHSIG && index === 1) return decodeEnumeration(value, SIGNALS);
  if (first === PR.PR_CAPBSET_DROP && index === 1) return capability(value);
  if (first === PR.PR_SET_SECUREBITS && index === 1) return decodeFlags(value, SECBIT);
  if (first !== PR.PR_CAP_AMBIENT) return undefined;
  if (index === 1) return decodeEnumeration(value, PR_CAP_AMBIENT_OPERATION);
  return index === 2 ? capability(value) : undefined;
}

function bySubcommand(op: Operation, index: number, value: Number, architecture: Architecture): string | undefined {
  const args = op.arguments;
  if (op.name === "prctl") return prctlWord(args[0], index, value);
  if (op.name === "fcntl" && index === 2 && args[1] === ENUM_TABLES.FCNTL.F_SETFD)
    return decodeFlags(value, { FD_CLOEXEC: 1 });
  if (op.name === "ioctl" && index === 2 && args[1] === ENUM_TABLES.IOCTL.TIOCGPTPEER)
    return openFlagWords(value, architecture);
  return SPECIAL[`${op.name}.${index}`]?.(value);
}

/** The number at `index` of a system call, in the words of its manual page. */
export function word(
  op: Operation,
  index: number,
  value: Number,
  type: ArgumentType,
  architecture: Architecture,
): string {
  const special = bySubcommand(op, index, value, architecture);
  if (special !== undefined) return special;
  const [kind, table] = type.split(".") as [string, string | undefined];
  if (kind === "flags") return flagWords(value, table as keyof typeof FLAG_TABLES, op.name, architecture);
  if (kind === "enum") return decodeEnumeration(value, ENUM_TABLES[table as keyof typeof ENUM_TABLES]);
  if (kind === "mode") return mode(value);
  if (kind === "device") return device(value);
  if (kind === "fd" && Number(value) === AT_FDCWD) return "AT_FDCWD";
  return String(value);
}
