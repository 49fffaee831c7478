import { PR } from "../kernel/index.ts";
import { type Label, type Program, type Register, STOP_SIGNAL_SHIFT, SUPERVISE_FLAGS } from "../program/index.ts";
import { beginJanitor, endChild, endJanitor, openChannel, startJanitor } from "./channels.ts";
import { planContainer } from "./container.ts";
import { PlanContext } from "./context.ts";
import { makeGroups, readAccounting, removeGroups } from "./groups.ts";
import type { HostFacts } from "./host-facts.ts";
import type { PlanInput } from "./input.ts";
import { forkFlags, writeIdMaps } from "./namespaces.ts";
import { completeRecord, makeRecord, removeRecord, takeName, writeIdFiles } from "./record.ts";
import { sendLowers } from "./rootfs.ts";
import { restoreTerminal, type SavedTerminal, saveSettings, saveTerminal, type Terminal } from "./terminal.ts";

function takeCharge(cx: PlanContext): void {
  if (cx.input.record) takeName(cx, cx.input.record);
  if (cx.has("pid")) return;
  cx.b.call("prctl", [PR.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0], "without a PID namespace, orphans come to us");
}

function startContainer(cx: PlanContext, label: Label): void {
  const { b, input } = cx;
  if (input.record) makeRecord(cx, input.record);
  openChannel(cx);
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
  if (input.record) completeRecord(cx, input.record);
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
function finallyPart(cx: PlanContext, saved: SavedTerminal | undefined, janitor: Register, status: Register): void {
  const { b } = cx;
  b.finally();
  endChild(cx);
  if (saved) restoreTerminal(cx, saved);
  endJanitor(cx, janitor);
  b.exit(status, "with the status of the command");
}

function janitorPart(cx: PlanContext, saved: SavedTerminal | undefined): void {
  const { b, input } = cx;
  beginJanitor(cx);
  if (saved) restoreTerminal(cx, saved);
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
  const saved = terminal?.saved ?? (input.lendsTerminal ? saveSettings(cx) : undefined);
  const janitor = b.register("janitor");
  const status = b.register("status");
  const janitorLabel = b.label("janitor");
  const containerLabel = b.label("container");
  takeCharge(cx);
  startJanitor(cx, janitorLabel, janitor, "the janitor, which cleans up whatever happens to us");
  startContainer(cx, containerLabel);
  watchContainer(cx, terminal, status);
  finallyPart(cx, saved, janitor, status);
  b.place(containerLabel);
  planContainer(cx, terminal);
  b.place(janitorLabel);
  janitorPart(cx, saved);
  return b.build(input.reporter);
}
