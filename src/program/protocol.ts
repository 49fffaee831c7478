/**
 * The binary protocol between TypeScript and the executor, written once. `scripts/generate-protocol.ts` turns this
 * table into `native/protocol.h`; a test fails when the two drift apart. All integers are little-endian.
 *
 * ```
 * header | op_count × op | vector_count × u32 | data | notes
 * ```
 *
 * - *data* holds strings and structures; it is writable, and calls store their results in it.
 * - *vectors* are lists of data offsets that end with `VECTOR_END`: `argv`, `envp`, candidate paths.
 * - *notes* (JSON) say what every operation is for; the executor carries them and never reads them.
 */

export const PROTOCOL = {
  magic: "SAMPANPR",
  version: 1,
  registers: 192,
  arguments: 6,
  fills: 2,
  accepted: 4,
  none: 0xff,
  vectorEnd: 0xffff_ffff,
  decimalWidth: 11,
  maxOps: 1 << 16,
  maxVectors: 1 << 18,
  maxData: 1 << 26,
} as const;

/** Operation codes. `syscall` is a system call; the others are control operations, see `CONTROL_OPERATIONS`. */
export const OPERATION_CODES = {
  syscall: 1,
  fork: 2,
  exit: 3,
  post: 4,
  wait: 5,
  sendfd: 6,
  recvfd: 7,
  exec: 8,
  spawn: 9,
  supervise: 10,
  janitor: 11,
  killcg: 12,
  copy: 13,
} as const;

export type OperationName = keyof typeof OPERATION_CODES;
export type ControlName = Exclude<OperationName, "syscall">;

/**
 * Shape of an argument of a control operation. `value` is a number or a register; the others are exact.
 */
export type Shape = "number" | "value" | "data" | "vector";

export interface ControlOperation {
  readonly arguments: readonly { readonly name: string; readonly shape: Shape }[];
  readonly does: string;
}

export const CONTROL_OPERATIONS: Readonly<Record<ControlName, ControlOperation>> = {
  fork: {
    arguments: [
      { name: "flags", shape: "number" },
      { name: "child", shape: "number" },
      { name: "cgroup", shape: "value" },
      { name: "pidfd", shape: "number" },
      { name: "role", shape: "number" },
    ],
    does: "clone3(2): the child goes on at step `child`; `pidfd` is the register for its pidfd, or none; role 2 is the janitor",
  },
  exit: {
    arguments: [{ name: "status", shape: "value" }],
    does: "ends this process; a register holds a wait status, a number is the exit code itself",
  },
  post: { arguments: [{ name: "fd", shape: "value" }], does: "writes one byte: this side is ready" },
  wait: {
    arguments: [{ name: "fd", shape: "value" }],
    does: "reads one byte; end of file means that the other side failed or died",
  },
  sendfd: {
    arguments: [
      { name: "socket", shape: "value" },
      { name: "fd", shape: "value" },
    ],
    does: "sendmsg(2) with SCM_RIGHTS: passes one descriptor",
  },
  recvfd: {
    arguments: [{ name: "socket", shape: "value" }],
    does: "recvmsg(2) with SCM_RIGHTS: the result is the descriptor",
  },
  exec: {
    arguments: [
      { name: "paths", shape: "vector" },
      { name: "argv", shape: "vector" },
      { name: "envp", shape: "vector" },
    ],
    does: "resets signals, then execve(2) of the first candidate that can be executed, as execvp(3) searches",
  },
  spawn: {
    arguments: [{ name: "argv", shape: "vector" }],
    does: "runs a helper program in this environment and waits; anything but exit code 0 is a failure",
  },
  supervise: {
    arguments: [
      { name: "pid", shape: "value" },
      { name: "flags", shape: "number" },
      { name: "master", shape: "value" },
      { name: "termios", shape: "data" },
    ],
    does: "waits for a process: forwards signals, relays a terminal, reaps orphans; the result is its wait status",
  },
  janitor: {
    arguments: [{ name: "fd", shape: "value" }],
    does: "becomes a process that nothing but SIGKILL disturbs, and waits for the end of file: its parent has gone",
  },
  killcg: {
    arguments: [{ name: "group", shape: "data" }],
    does: "kills every process in a control group and the groups below it until none is left, and removes those groups",
  },
  copy: {
    arguments: [
      { name: "from", shape: "value" },
      { name: "to", shape: "value" },
    ],
    does: "copies one descriptor's contents into another until the end of file",
  },
};

/** Flags of `supervise`. */
export const SUPERVISE_FLAGS = {
  /** Relay between the user's terminal (descriptors 0 and 1) and the pty master. */
  terminal: 1,
  /** Read the user's input (`-i`). */
  input: 2,
  /** After the process has ended, kill and reap what it left behind (no PID namespace does it for us). */
  killOrphans: 4,
  /** This is PID 1 inside of a PID namespace (`--init`). */
  init: 8,
} as const;

/** From this bit on the flags of `supervise` hold the signal that is sent on when SIGTERM comes; 0 for SIGTERM itself. */
export const STOP_SIGNAL_SHIFT = 8;

export const SHAPE_CODES = { number: 1, value: 2, data: 3, vector: 4 } as const satisfies Record<Shape, number>;
export const ARGUMENT_KINDS = { number: 0, register: 1, data: 2, vector: 3 } as const;
export const CONDITIONS = { always: 0, when: 1, unless: 2 } as const;
export const FORK_ROLES = { child: 1, janitor: 2 } as const;

/**
 * A fill connects a register with a place in the data: before the call a register's value is written there
 * (`u32`, `u64`, `text` = decimal digits and a zero, `padded` = decimal digits and line ends), or, for `load`, the 32-bit
 * result that the call left there is read into the register afterwards (pipe2, socketpair).
 */
export const FILL_KINDS = { u32: 1, u64: 2, text: 3, padded: 4, load: 5 } as const;
export type FillKind = keyof typeof FILL_KINDS;

/** Flags of an operation. */
export const OPERATION_FLAGS = {
  /** Do not stop at a failure; remember the first one and go on (final parts, where everything must be tried). */
  goOn: 1,
  /** Repeat while the call fails with EBUSY, for up to two seconds (rmdir of a control group that is being emptied). */
  retryBusy: 2,
} as const;

/** When the reporter is executed at the end; it always is after a failure. */
export const REPORT_WHEN = { failed: 0, always: 1, killed: 2, unsuccessful: 3 } as const;

/** Byte layout of the fixed structures; the generator emits C structures and static assertions from it. */
export const HEADER_LAYOUT = [
  ["magic", "char[8]"],
  ["version", "u32"],
  ["architecture", "u32"],
  ["op_count", "u32"],
  ["vector_count", "u32"],
  ["data_size", "u32"],
  ["notes_size", "u32"],
  ["finally_step", "u32"],
  ["reporter_vector", "u32"],
  ["report_when", "u32"],
  ["reserved", "u32"],
] as const;

export const FILL_LAYOUT = [
  ["at", "u32"],
  ["reg", "u8"],
  ["as", "u8"],
  ["reserved", "u16"],
] as const;

export const OP_LAYOUT = [
  ["arguments", "u64[6]"],
  ["fills", "fill[2]"],
  ["nr", "u16"],
  ["op", "u8"],
  ["argument_count", "u8"],
  ["result", "u8"],
  ["condition", "u8"],
  ["condition_register", "u8"],
  ["fill_count", "u8"],
  ["accepted", "u8[4]"],
  ["kinds", "u8[6]"],
  ["flags", "u8"],
  ["reserved", "u8[5]"],
] as const;

/** What the executor says at the end: a record, followed by the data section as the first process left it. */
export const RESULT_LAYOUT = [
  ["magic", "char[8]"],
  ["failed_step", "i32"],
  ["error", "i32"],
  ["detail", "i32"],
  ["cleanup_step", "i32"],
  ["cleanup_error", "i32"],
  ["wait_status", "i32"],
  ["supervised", "u32"],
  ["data_size", "u32"],
  ["started_ns", "u64"],
  ["ended_ns", "u64"],
  ["user_us", "u64"],
  ["system_us", "u64"],
  ["max_rss_kib", "u64"],
] as const;

export const RESULT_MAGIC = "SAMPANRS";

/** `AUDIT_ARCH_*`, include/uapi/linux/audit.h. */
export const ARCHITECTURES = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
export type Architecture = keyof typeof ARCHITECTURES;
