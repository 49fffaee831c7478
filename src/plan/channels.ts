/** What the processes of one program are connected by, and how the executor ends what it has started. */
import { AF, O, SIGNALS, SOCK } from "../kernel/index.ts";
import type { Label, Register } from "../program/index.ts";
import type { PlanContext } from "./context.ts";

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

/** Starts the janitor: it notices the executor's end, whatever brought it, since only the executor keeps the pipe open. */
export function startJanitor(cx: PlanContext, label: Label, janitor: Register, why: string): void {
  openPair(cx, "pipe", cx.janitorRead, cx.janitorWrite, "as long as we live, one end of this pipe is open");
  cx.b.fork(label, why, { janitor: true, result: janitor });
}

/** After the janitor is started: a copy of an end that it held would hide the death of the other side. */
export function openChannel(cx: PlanContext): void {
  openPair(cx, "socketpair", cx.syncParent, cx.syncChild, "the channel between the executor and the container");
}

/** The janitor's first steps. */
export function beginJanitor(cx: PlanContext): void {
  cx.b.call("close", [cx.janitorWrite], "only the executor holds the other end");
  cx.b.control("janitor", [cx.janitorRead], "wait until the executor ends, or is killed");
}

const GONE = { accepts: ["ESRCH", "ECHILD"], goOn: true } as const;

/** In the executor's final part: a process that still runs is none of a run that has failed. */
export function endChild(cx: PlanContext): void {
  const kill = [cx.childPidfd, SIGNALS.SIGKILL, null, 0] as const;
  cx.b.call("pidfd_send_signal", kill, "end the container's process if it still runs", {
    ...GONE,
    when: cx.childPidfd,
  });
  cx.b.call("wait4", [cx.child, null, 0, null], "and reap it", { ...GONE, when: cx.child });
}

/** In the executor's final part: the janitor does its work, and the executor waits for it. */
export function endJanitor(cx: PlanContext, janitor: Register): void {
  cx.b.call("close", [cx.janitorWrite], "now the janitor cleans up", { when: cx.janitorWrite, goOn: true });
  cx.b.call("wait4", [janitor, null, 0, null], "until nothing is left", { ...GONE, when: janitor });
}
