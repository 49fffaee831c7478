/** A further process in a running container: all its namespaces and groups, by the pidfd of its first process. */
import { AT_FDCWD, CLONE, O, PR, SIGNALS } from "../kernel/index.ts";
import type { NamespaceType, Process, Spec } from "../oci/index.ts";
import { type Label, type Program, type Register, type Reporter, SUPERVISE_FLAGS } from "../program/index.ts";
import type { CgroupPlan } from "./cgroup-plan.ts";
import { beginJanitor, endChild, endJanitor, openChannel, startJanitor } from "./channels.ts";
import { OPEN_HOW_SIZE, PlanContext } from "./context.ts";
import { joinGroups, openUnified } from "./groups.ts";
import type { HostFacts } from "./host-facts.ts";
import type { IdMapper, PlanInput } from "./input.ts";
import { becomeRoot, NAMESPACE_FLAGS } from "./namespaces.ts";
import { becomeUser, execute, setRlimits } from "./process.ts";
import { openWorkdir } from "./rootfs.ts";
import { openSlave, restoreTerminal, saveTerminal, type Terminal, useNullInput, useTerminal } from "./terminal.ts";

export interface ExecInput {
  /** The container's first process, as this host numbers it. */
  readonly pid: number;
  readonly namespaces: readonly NamespaceType[];
  readonly groups?: Pick<CgroupPlan, "join" | "unified"> | undefined;
  readonly process: Process;
  readonly idMapper?: IdMapper | undefined;
  readonly input: boolean;
  readonly reporter?: Reporter;
}

/** The parts of a plan that are shared with `run` see the container as a configuration without mounts. */
function contextOf(input: ExecInput, host: HostFacts): PlanContext {
  const spec: Spec = {
    ociVersion: "1.2.0",
    process: input.process,
    root: { path: "/" },
    mounts: [],
    linux: { namespaces: input.namespaces.map((type) => ({ type })) },
  };
  const plan: PlanInput = {
    id: "",
    spec,
    rootfs: { kind: "none" },
    copies: [],
    bindSources: {},
    terminal: input.process.terminal ?? false,
    input: input.input,
    init: false,
    accounting: false,
    ...(input.idMapper ? { idMapper: input.idMapper } : {}),
    ...(input.reporter ? { reporter: input.reporter } : {}),
  };
  return new PlanContext(plan, host);
}

/**
 * setns(2) with a PID namespace concerns children only, so the entrance forks once more; CLONE_PARENT makes the new
 * process a child of the executor, which is outside and can wait for it.
 */
function entrancePart(
  cx: PlanContext,
  input: ExecInput,
  { pidfd, outside }: { readonly pidfd: Register; readonly outside: readonly Register[] },
  command: Label,
): void {
  const { b } = cx;
  b.call("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0], "die with the executor");
  b.call("close", [cx.syncParent], "the executor's end");
  if (cx.input.terminal) b.call("close", [cx.janitorWrite], "the executor's alone");
  // Who may trace processes in there would get out through a folder of the host that we hold (CVE-2016-9962).
  for (const fd of outside) b.call("close", [fd], "of the host: it stays outside");
  if (input.groups) joinGroups(cx, input.groups);
  b.call("prctl", [PR.PR_SET_DUMPABLE, 0, 0, 0, 0], "nobody in the container looks into this process (CVE-2016-9962)");
  const flags = input.namespaces.reduce((sum, type) => sum | NAMESPACE_FLAGS[type], 0);
  if (flags !== 0) b.call("setns", [pidfd, flags], "enter the container's namespaces");
  b.call("close", [pidfd], "it is no use inside");
  if (cx.has("user")) becomeRoot(cx);
  const process = b.register("process");
  b.fork(command, "the process inside, as a child of the executor", { flags: CLONE.CLONE_PARENT, result: process });
  const value = new Uint8Array(4);
  const pid = { kind: "bytes", value, fills: [{ at: 0, register: process, as: "u32" }], label: "<process>" } as const;
  b.control("post", [cx.syncChild], "there is one");
  b.call("write", [cx.syncChild, pid, 4], "its number, for the executor");
  b.exit(0, "the entrance is no longer needed");
}

/**
 * A pty of the container's own devpts, or of the host's where the container shares its files: there `ptmx` belongs to root
 * alone, and everybody has `/dev/ptmx`. TIOCSPTLCK fails on anything but a pty's master, and O_NONBLOCK keeps a FIFO that
 * somebody has put there from holding us.
 */
function openTerminalInside(cx: PlanContext, terminal: Terminal): void {
  const { b, mount, root } = cx;
  const how = cx.inRoot(O.O_RDWR | O.O_NOCTTY | O.O_NONBLOCK);
  const why = "a new pseudo terminal: the master's side";
  const accepts = ["EACCES", "ENOENT"] as const;
  b.call("openat2", [root, "dev/pts/ptmx", how, OPEN_HOW_SIZE], why, { result: mount, accepts });
  b.call("openat2", [root, "dev/ptmx", how, OPEN_HOW_SIZE], why, { result: mount, unless: mount });
  openSlave(cx, mount, terminal);
}

function commandPart(cx: PlanContext, terminal: Terminal | undefined): void {
  const { b, input, root } = cx;
  const { process } = cx.spec;
  b.call("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0], "die with the executor");
  b.control("wait", [cx.syncChild], "the executor knows this process");
  b.call("setsid", [], "a session of its own");
  const flags = O.O_PATH | O.O_CLOEXEC | cx.directory;
  b.call("openat", [AT_FDCWD, "/", flags, 0], "the container's root", { result: root });
  if (terminal) openTerminalInside(cx, terminal);
  else if (!input.input) useNullInput(cx);
  openWorkdir(cx, process.cwd);
  b.call("fchdir", [cx.target], "start in the working folder");
  setRlimits(cx);
  if (terminal) b.call("fchown", [terminal.slave, process.user.uid, -1], "the terminal belongs to the user");
  becomeUser(cx);
  b.control("post", [cx.syncChild], "is the executor still there?");
  if (terminal) useTerminal(cx, terminal);
  execute(cx);
}

/** The executor's side after the fork of the entrance. */
function watch(cx: PlanContext, terminal: Terminal | undefined, entrance: Register, status: Register): void {
  const { b } = cx;
  b.call("close", [cx.syncChild], "the container's end");
  const number = b.buffer("process", 8);
  b.call("wait4", [entrance, null, 0, null], "until the entrance has forked");
  b.control("wait", [cx.syncParent], "EPIPE: it could not");
  const loads = [{ buffer: number, at: 0, register: cx.child }];
  b.call("read", [cx.syncParent, number, 4], "the number of the process inside", { loads });
  b.call("pidfd_open", [cx.child, 0], "hold it", { result: cx.childPidfd });
  // The container may have ended meanwhile, and the process with it: that is its end, and no failure of ours.
  b.control("post", [cx.syncParent], "go", { accepts: ["EPIPE"] });
  const master = b.register("pty.master");
  if (terminal) b.control("recvfd", [cx.syncParent], "the terminal's other side", { result: master });
  const flags = terminal ? SUPERVISE_FLAGS.terminal | (cx.input.input ? SUPERVISE_FLAGS.input : 0) : 0;
  const args = [cx.child, flags, terminal ? master : -1, terminal?.saved.settings ?? ""] as const;
  b.control("supervise", args, "wait for its end; forward signals", { result: status });
}

function finallyPart(cx: PlanContext, terminal: Terminal | undefined, janitor: Register, status: Register): void {
  const { b } = cx;
  b.finally();
  endChild(cx);
  if (terminal) {
    restoreTerminal(cx, terminal.saved);
    endJanitor(cx, janitor);
  }
  b.exit(status, "with the status of the command");
}

/**
 * The program of `exec`.
 *
 * ```
 * executor ──fork──▶ entrance        joins the groups, enters the namespaces
 *    │                  ├──fork, CLONE_PARENT──▶ process   a child of the executor
 *    │      ◀──post─────┤                           │
 *    │      ◀──pid──────┘                           │
 *    │ ─────────post──────────────────────────────▶ wait   nothing else comes before the number
 *    │      ◀──sendfd (terminal)────────────────────┤
 *    ▼                                              ▼
 * supervise                                      execve
 * ```
 */
export function planExec(input: ExecInput, host: HostFacts): Program {
  const cx = contextOf(input, host);
  const { b } = cx;
  const terminal = input.process.terminal ? saveTerminal(cx) : undefined;
  const [pidfd, janitor, entrance, status] = ["container.pidfd", "janitor", "entrance", "status"].map((name) =>
    b.register(name),
  ) as [Register, Register, Register, Register];
  const [janitorLabel, entranceLabel, commandLabel] = ["janitor", "entrance", "container"].map((name) =>
    b.label(name),
  ) as [Label, Label, Label];
  b.call("pidfd_open", [input.pid, 0], "the container's first process, whatever its number is used for later", {
    result: pidfd,
  });
  if (terminal)
    startJanitor(cx, janitorLabel, janitor, "the janitor, which restores the terminal whatever happens to us");
  openChannel(cx);
  const cgroup = input.groups ? openUnified(cx, input.groups, "the container's group") : undefined;
  b.fork(entranceLabel, "a process that goes in", { cgroup, result: entrance });
  watch(cx, terminal, entrance, status);
  finallyPart(cx, terminal, janitor, status);
  b.place(entranceLabel);
  const own = terminal && cx.input.input ? [terminal.saved.fd] : [];
  entrancePart(cx, input, { pidfd, outside: [...(cgroup ? [cgroup] : []), ...own] }, commandLabel);
  b.place(commandLabel);
  commandPart(cx, terminal);
  if (terminal) {
    b.place(janitorLabel);
    beginJanitor(cx);
    restoreTerminal(cx, terminal.saved);
    b.exit(0, "the terminal is as it was");
  }
  return b.build(input.reporter);
}
