/** The pty of a container, from its own devpts: the master goes to the executor, the slave becomes descriptors 0 to 2. */
import { AT, AT_FDCWD, FCNTL, IOCTL, O, OPEN_TREE, S_IF } from "../kernel/index.ts";
import type { Buffer, Register } from "../program/index.ts";
import { bytes, OPEN_HOW_SIZE, type PlanContext } from "./context.ts";
import { attach } from "./mounts.ts";

/** struct termios as the kernel writes it (36 bytes), with room for the C library's longer one. */
const TERMIOS_SIZE = 64;
/** struct winsize: rows, columns and two that nobody uses. */
const WINSIZE_SIZE = 8;

export interface Terminal {
  readonly slave: Register;
  /** The user's own terminal and its settings, kept so that they can be restored whatever happens. */
  readonly saved: { readonly fd: Register; readonly settings: Buffer };
  /** Its size, when it has one: the new terminal is as large before the command can ask. */
  readonly window: { readonly known: Register; readonly size: Buffer };
}

export type SavedTerminal = Terminal["saved"];

/** In the executor, before anything else: what has to be restored at the end, by the janitor if need be. */
export function saveSettings(cx: PlanContext): SavedTerminal {
  const { b } = cx;
  const settings = b.buffer("terminal", TERMIOS_SIZE);
  const fd = b.register("terminal");
  if (cx.input.input) {
    b.call("fcntl", [0, FCNTL.F_DUPFD_CLOEXEC, 3], "keep the terminal, to restore it at the end", { result: fd });
    b.call("ioctl", [fd, IOCTL.TCGETS, settings], "its settings as they are");
  }
  return { fd, settings };
}

/** The user's terminal, and what the container's own needs to know of it. */
export function saveTerminal(cx: PlanContext): Terminal {
  const saved = saveSettings(cx);
  return { slave: cx.b.register("pty"), saved, window: readWindow(cx) };
}

function readWindow({ b }: PlanContext): Terminal["window"] {
  const size = b.buffer("window", WINSIZE_SIZE);
  const known = b.register("window");
  const options = { result: known, accepts: ["ENOTTY", "EBADF"] } as const;
  b.call("ioctl", [0, IOCTL.TIOCGWINSZ, size], "how large the user's terminal is", options);
  b.call("ioctl", [1, IOCTL.TIOCGWINSZ, size], "standard output may be one too", { ...options, unless: known });
  return { known, size };
}

/** The other side of the pty that `master` is: TIOCGPTPEER trusts no path (pty(7), Linux 4.13). */
export function openSlave(cx: PlanContext, master: Register, { slave, window }: Terminal): void {
  const { b } = cx;
  const flags = O.O_RDWR | O.O_NOCTTY | O.O_CLOEXEC;
  b.call("ioctl", [master, IOCTL.TIOCSPTLCK, bytes(new Uint8Array(4))], "unlock the slave");
  b.call("ioctl", [master, IOCTL.TIOCGPTPEER, flags], "the slave's side", { result: slave });
  b.call("ioctl", [master, IOCTL.TIOCSWINSZ, window.size], "as large as the user's", { when: window.known });
  b.control("sendfd", [cx.syncChild, master], "the master goes to the executor");
  cx.release(master);
}

export function restoreTerminal(cx: PlanContext, { fd, settings }: SavedTerminal): void {
  if (!cx.input.input) return;
  // EIO: it has hung up, and there is nobody left to mind.
  const options = { when: fd, accepts: ["EIO"], goOn: true } as const;
  cx.b.call("ioctl", [fd, IOCTL.TCSETS, settings], "the terminal as it was", options);
}

export function openTerminal(cx: PlanContext, terminal: Terminal): void {
  const { b, devpts, mount } = cx;
  const own = cx.spec.mounts.some((m) => m.type === "devpts");
  const flags = O.O_RDWR | O.O_NOCTTY | O.O_CLOEXEC;
  const [dir, name] = own ? ([devpts, "ptmx"] as const) : ([AT_FDCWD, "/dev/ptmx"] as const);
  b.call("openat", [dir, name, flags, 0], "a new pseudo terminal: the master's side", { result: mount });
  openSlave(cx, mount, terminal);
  if (own) bindConsole(cx, terminal.slave);
}

function bindConsole(cx: PlanContext, slave: Register): void {
  const { b, dev, mount, target } = cx;
  b.call("mknodat", [dev, "console", S_IF.S_IFREG | 0o620, 0], "a place for /dev/console", { accepts: ["EEXIST"] });
  b.call("openat2", [dev, "console", cx.inRoot(O.O_PATH | cx.nofollow), OPEN_HOW_SIZE], "open it", { result: target });
  const flags = OPEN_TREE.OPEN_TREE_CLONE | OPEN_TREE.OPEN_TREE_CLOEXEC | AT.AT_EMPTY_PATH;
  b.call("open_tree", [slave, "", flags], "the terminal as a mount", { result: mount });
  attach(cx, mount, target, "/dev/console is this terminal");
  cx.release(target);
  cx.release(mount);
}

/** In the session leader that becomes the command. */
export function useTerminal(cx: PlanContext, { slave }: Terminal): void {
  const { b } = cx;
  b.call("ioctl", [slave, IOCTL.TIOCSCTTY, 0], "the controlling terminal of this session: job control");
  for (const fd of [0, 1, 2]) b.call("dup3", [slave, fd, 0], `descriptor ${fd} is the terminal`);
}

/**
 * Not a terminal, and no `-i`: nothing to read. It is the container's own null device where there is one: whoever is root
 * could change the mode of the host's through `/proc/self/fd/0`.
 */
export function useNullInput(cx: PlanContext): void {
  const { b, file, dev, root } = cx;
  const why = "no input was asked for (-i)";
  const how = cx.inRoot(O.O_RDWR);
  if (cx.devIsMounted) b.call("openat2", [dev, "null", how, OPEN_HOW_SIZE], why, { result: file });
  else if (!cx.ownRoot) b.call("openat2", [root, "dev/null", how, OPEN_HOW_SIZE], why, { result: file });
  else b.call("openat", [AT_FDCWD, "/dev/null", O.O_RDWR | O.O_CLOEXEC, 0], why, { result: file });
  b.call("dup3", [file, 0, 0], "standard input is empty");
  cx.release(file);
}
