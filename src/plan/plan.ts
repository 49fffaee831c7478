import { AF, O, PR, SIGNALS, SOCK } from "../kernel/index.ts";
import { type Program, type Register, STOP_SIGNAL_SHIFT, SUPERVISE_FLAGS } from "../program/index.ts";
import { planContainer } from "./container.ts";
import { PlanContext } from "./context.ts";
import { makeGroups, readAccounting, removeGroups } from "./groups.ts";
import type { HostFacts } from "./host-facts.ts";
import type { PlanInput } from "./input.ts";
import { forkFlags, writeIdMaps } from "./namespaces.ts";
import { makeRecord, removeRecord, takeName, writeIdFiles } from "./record.ts";
import { sendLowers } from "./rootfs.ts";
import { restoreTerminal, saveTerminal, type Terminal } from "./terminal.ts";

/** pipe2 and socketpair leave two descriptors in memory. */
function openPair(cx: PlanContext, name: "pipe" | "socketpair", first: Register, second: Register, why: string): void {
  const buffer = cx.b.buffer(name, 8);
  const loads = [
    { buffer, at: 0, register: first },
    { buffer, at: 4, register: second },
  ];
  if (name === "pipe") cx.b.call("pipe2", [buffer, O.O_CLOEXEC], why, { loads });
  else cx.b.call("socketpair", [AF.AF_UNIX, SOCK.SOCK_STREAM | SOCK.SOCK_CLOEXEC, 0, buffer], why, { loads });
}

function prepare(cx: PlanContext): void {
  const { b, input } = cx;
  if (input.record) takeName(cx, input.record);
  openPair(cx, "pipe", cx.janitorRead, cx.janitorWrite, "as long as we live, one end of this pipe is open");
  if (!cx.has("pid"))
    b.call("prctl", [PR.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0], "without a PID namespace, orphans come to us");
}

function startContainer(cx: PlanContext, label: ReturnType<PlanContext["b"]["label"]>): void {
  const { b, input } = cx;
  // After the janitor: a copy of an end that it held would hide the death of the other side.
  openPair(cx, "socketpair", cx.syncParent, cx.syncChild, "the channel between the executor and the container");
  // Opened when the janitor is there already: a copy of an end in its hands would keep the other side waiting forever.
  const cgroup = input.cgroups ? makeGroups(cx, input.cgroups) : undefined;
  b.fork(label, "the container, in its new namespaces", {
    flags: forkFlags(cx),
    cgroup,
    pidfd: cx.childPidfd,
    result: cx.child,
  });
  cx.close(cx.syncChild);
  if (cx.has("user")) {
    writeIdMaps(cx);
    b.control("post", [cx.syncParent], "the id maps are written");
    sendLowers(cx);
  }
  if (input.record) makeRecord(cx, input.record);
  writeIdFiles(cx);
  b.control("post", [cx.syncParent], "the record is written: go");
}

function superviseFlags(cx: PlanContext): number {
  const { input } = cx;
  const terminal = input.terminal ? SUPERVISE_FLAGS.terminal | (input.input ? SUPERVISE_FLAGS.input : 0) : 0;
  const stop = (input.stopSignal ?? 0) << STOP_SIGNAL_SHIFT;
  return terminal | stop | (cx.has("pid") ? 0 : SUPERVISE_FLAGS.killOrphans);
}

function watchContainer(cx: PlanContext, terminal: Terminal | undefined, status: Register): void {
  const { b, input } = cx;
  const master = b.register("pty.master");
  if (terminal)
    b.control("recvfd", [cx.syncParent], "the terminal's other side, from the container", { result: master });
  const args = [cx.child, superviseFlags(cx), terminal ? master : -1, terminal?.saved.settings ?? ""] as const;
  b.control("supervise", args, "wait for its end; forward signals", { result: status });
  if (input.accounting && input.cgroups) readAccounting(cx, input.cgroups);
}

/** Runs after success and failure alike. The janitor does what has to be done even when this process is killed. */
function finallyPart(cx: PlanContext, terminal: Terminal | undefined, janitor: Register, status: Register): void {
  const { b } = cx;
  b.finally();
  const gone = { accepts: ["ESRCH", "ECHILD"], goOn: true } as const;
  b.call("pidfd_send_signal", [cx.childPidfd, SIGNALS.SIGKILL, null, 0], "end the container if it still runs", {
    ...gone,
    when: cx.childPidfd,
  });
  b.call("wait4", [cx.child, null, 0, null], "and reap it", { ...gone, when: cx.child });
  if (terminal) restoreTerminal(cx, terminal);
  b.call("close", [cx.janitorWrite], "now the janitor cleans up", { when: cx.janitorWrite, goOn: true });
  b.call("wait4", [janitor, null, 0, null], "until nothing is left", { ...gone, when: janitor });
  b.exit(status, "with the status of the command");
}

function janitorPart(cx: PlanContext, terminal: Terminal | undefined): void {
  const { b, input } = cx;
  b.call("close", [cx.janitorWrite], "only the executor holds the other end");
  b.control("janitor", [cx.janitorRead], "wait until the executor ends, or is killed");
  if (terminal) restoreTerminal(cx, terminal);
  if (input.cgroups) removeGroups(cx, input.cgroups);
  if (input.record) removeRecord(cx, input.record);
  b.exit(0, "nothing is left");
}

/**
 * Turns what is wanted into the program of system calls that does it. Pure: the same input gives the same program.
 *
 * ```
 * executor ──fork──▶ janitor      waits for the executor's end, then removes groups and record
 *    │
 *    ├──fork──▶ container         its namespaces are new
 *    │ maps ───post──▶ wait       only with a user namespace
 *    │ record ─post──▶ wait       who looks for the container finds it before the command runs
 *    │            ◀──sendfd       only with a terminal
 *    │            ◀──post         EPIPE: the executor has died
 *    ▼            ▼
 * supervise     execve
 * ```
 *
 * @throws SampanError INVALID_VALUE for mount options without a name
 * @throws RangeError when the plan needs more registers than the protocol has
 */
export function plan(input: PlanInput, host: HostFacts): Program {
  const cx = new PlanContext(input, host);
  const { b } = cx;
  const terminal = input.terminal ? saveTerminal(cx) : undefined;
  const janitor = b.register("janitor");
  const status = b.register("status");
  const janitorLabel = b.label("janitor");
  const containerLabel = b.label("container");
  prepare(cx);
  b.fork(janitorLabel, "the janitor, which cleans up whatever happens to us", { janitor: true, result: janitor });
  startContainer(cx, containerLabel);
  watchContainer(cx, terminal, status);
  finallyPart(cx, terminal, janitor, status);
  b.place(containerLabel);
  planContainer(cx, terminal);
  b.place(janitorLabel);
  janitorPart(cx, terminal);
  return b.build(input.reporter);
}
