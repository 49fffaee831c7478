/**
 * The system calls that programs are made of: the type of every argument, from the manual pages. The builder's types
 * come from this table, and `explain` and errors print arguments by it. A call is added here before a plan may use it.
 */
import {
  AF,
  AT,
  CLONE,
  CLOSE_RANGE,
  FCNTL,
  FSCONFIG,
  FSMOUNT,
  FSOPEN,
  IOCTL,
  MNT,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  O,
  OPEN_TREE,
  PR,
  S_IF,
  SIGNALS,
  SOCK,
  type SyscallName,
} from "../kernel/index.ts";

/** How an argument is printed; the key before the dot decides the argument's type in the builder. */
export type ArgumentType =
  | "fd"
  | "path"
  | "pointer"
  | "number"
  | "mode"
  | "size"
  | "pid"
  | "id"
  | "device"
  | `flags.${keyof typeof FLAG_TABLES}`
  | `enum.${keyof typeof ENUM_TABLES}`;

export const FLAG_TABLES = {
  AT,
  CLONE,
  CLOSE_RANGE,
  FSMOUNT,
  FSOPEN,
  MNT,
  MOUNT_ATTR,
  MOVE_MOUNT,
  MS,
  O,
  OPEN_TREE,
  SOCK,
};
export const ENUM_TABLES = { AF, FCNTL, FSCONFIG, IOCTL, PR, S_IF, SIGNALS };

// biome-ignore format: a table
export const SIGNATURES = {
  capset: ["pointer", "pointer"],
  chdir: ["path"],
  chroot: ["path"],
  close: ["fd"],
  close_range: ["number", "number", "flags.CLOSE_RANGE"],
  dup3: ["fd", "number", "flags.O"],
  faccessat: ["fd", "path", "number"],
  fchdir: ["fd"],
  fchmodat: ["fd", "path", "mode"],
  fchown: ["fd", "id", "id"],
  fchownat: ["fd", "path", "id", "id", "flags.AT"],
  fcntl: ["fd", "enum.FCNTL", "number"],
  flock: ["fd", "number"],
  fsconfig: ["fd", "enum.FSCONFIG", "path", "path", "number"],
  fsmount: ["fd", "flags.FSMOUNT", "flags.MOUNT_ATTR"],
  fsopen: ["path", "flags.FSOPEN"],
  getpid: [],
  ioctl: ["fd", "enum.IOCTL", "pointer"],
  keyctl: ["number", "pointer"],
  kill: ["pid", "enum.SIGNALS"],
  linkat: ["fd", "path", "fd", "path", "flags.AT"],
  lsetxattr: ["path", "path", "pointer", "size", "number"],
  mkdirat: ["fd", "path", "mode"],
  mknodat: ["fd", "path", "mode", "device"],
  mount: ["path", "path", "path", "flags.MS", "path"],
  mount_setattr: ["fd", "path", "flags.AT", "pointer", "size"],
  move_mount: ["fd", "path", "fd", "path", "flags.MOVE_MOUNT"],
  open_tree: ["fd", "path", "flags.OPEN_TREE"],
  openat: ["fd", "path", "flags.O", "mode"],
  openat2: ["fd", "path", "pointer", "size"],
  pidfd_open: ["pid", "number"],
  pidfd_send_signal: ["fd", "enum.SIGNALS", "pointer", "number"],
  pipe2: ["pointer", "flags.O"],
  pivot_root: ["path", "path"],
  prctl: ["enum.PR", "pointer", "number", "number", "number"],
  prlimit64: ["pid", "number", "pointer", "pointer"],
  read: ["fd", "pointer", "size"],
  renameat2: ["fd", "path", "fd", "path", "number"],
  sethostname: ["path", "size"],
  setdomainname: ["path", "size"],
  setgroups: ["size", "pointer"],
  setns: ["fd", "flags.CLONE"],
  setresgid: ["id", "id", "id"],
  setresuid: ["id", "id", "id"],
  setsid: [],
  socket: ["enum.AF", "flags.SOCK", "number"],
  socketpair: ["enum.AF", "flags.SOCK", "number", "pointer"],
  symlinkat: ["path", "fd", "path"],
  umask: ["mode"],
  umount2: ["path", "flags.MNT"],
  unlinkat: ["fd", "path", "flags.AT"],
  unshare: ["flags.CLONE"],
  wait4: ["pid", "pointer", "number", "pointer"],
  write: ["fd", "pointer", "size"],
} as const satisfies { readonly [name in SyscallName]?: readonly ArgumentType[] };

export type CallName = keyof typeof SIGNATURES;
