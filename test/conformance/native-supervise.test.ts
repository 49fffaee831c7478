/** How the native executor watches a process, and how it ends those that are left. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, rmdirSync } from "node:fs";
import { join } from "node:path";
import { readCgroupLayout } from "../../src/host/index.ts";
import { AT_FDCWD, O, PR, SIGNALS } from "../../src/kernel/index.ts";
import { STOP_SIGNAL_SHIFT, SUPERVISE_FLAGS } from "../../src/program/index.ts";
import { describeUnless, firstReason, missingRoot, type Reason } from "../support/skip.ts";
import {
  bytes,
  missingExecutor,
  pidOf,
  printed,
  processesWith,
  run,
  type Steps,
  shell,
  start,
  superviseShell,
  until,
  waitFor,
} from "./support.ts";

const newWord = () => `sampan-test-${crypto.randomUUID()}`;
const LOOP = "while :; do sleep 0.02; done";

describeUnless(missingExecutor())("a supervised process", () => {
  test.each([
    ["exit 0", 0, undefined],
    ["exit 9", 9, undefined],
    ["kill -TERM $$", 143, 15],
    ["kill -SEGV $$", 139, 11],
  ])("that does `%s` ends the program with %d", async (script, exitCode, signal) => {
    const { outcome } = await run((b) => superviseShell(b, script));
    expect([outcome.exitCode, outcome.signal, outcome.failure]).toEqual([exitCode, signal, undefined]);
  });

  test("that has ended before anybody watched is not missed", async () => {
    const { outcome } = await run((b) => {
      const [child, pid, status] = [b.label("child"), b.register("pid"), b.register("status")];
      b.fork(child, "a child", { result: pid });
      b.control("spawn", [{ kind: "vector", values: ["/bin/sleep", "0.1"] }], "it is over by now");
      b.control("supervise", [pid, 0, -1, ""], "wait for it", { result: status });
      b.exit(status, "as it did");
      b.place(child);
      b.exit(5, "at once");
    });
    expect(outcome.exitCode).toBe(5);
  });

  test("is measured: time on the clock and on the CPU, and its largest resident set", async () => {
    const { outcome } = await run((b) =>
      superviseShell(b, "sleep 0.1; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done"),
    );
    expect(outcome.wallTimeNs).toBeGreaterThan(100_000_000n);
    expect(outcome.userTimeUs).toBeGreaterThan(0);
    expect(outcome.maxRssBytes).toBeGreaterThan(100_000);
  });

  test.each(["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGALRM"] as const)(
    "gets the %s that the executor gets",
    async (signal) => {
      const script = `trap 'exit 42' ${signal.slice(3)}; echo ready; ${LOOP}`;
      const execution = start((b) => superviseShell(b, script));
      await waitFor(execution, "ready");
      process.kill(pidOf(execution), signal);
      expect((await execution.outcome).exitCode).toBe(42);
    },
  );

  test("gets its stop signal in place of SIGTERM, and only of that", async () => {
    const script = `trap 'exit 42' USR1; trap 'exit 1' TERM; trap 'exit 43' INT; echo ready; ${LOOP}`;
    const flags = SIGNALS.SIGUSR1 << STOP_SIGNAL_SHIFT;
    const codes = [];
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      const execution = start((b) => superviseShell(b, script, flags));
      await waitFor(execution, "ready");
      process.kill(pidOf(execution), signal);
      codes.push((await execution.outcome).exitCode);
    }
    expect(codes).toEqual([42, 43]);
  });

  test("that does not listen is killed by the third SIGINT, and not before", async () => {
    const execution = start((b) => superviseShell(b, `trap 'echo no' INT; echo ready; ${LOOP}`));
    let text = "";
    execution.stdout?.on("data", (chunk: Uint8Array) => {
      text += Buffer.from(chunk).toString("latin1");
    });
    expect(await until(() => text.includes("ready"))).toBe(true);
    for (const count of [1, 2]) {
      process.kill(pidOf(execution), "SIGINT");
      expect(await until(() => text.split("no\n").length === count + 1)).toBe(true);
    }
    process.kill(pidOf(execution), "SIGINT");
    const { exitCode, signal } = await execution.outcome;
    expect([exitCode, signal]).toEqual([137, 9]);
  });

  test("is killed when the program is aborted", async () => {
    const controller = new AbortController();
    const execution = start((b) => superviseShell(b, `trap '' TERM INT HUP; echo ready; ${LOOP}`), {
      signal: controller.signal,
    });
    await waitFor(execution, "ready");
    controller.abort();
    const { exitCode, signal, failure } = await execution.outcome;
    expect([exitCode, signal, failure]).toEqual([137, 9, undefined]);
  });
});

describeUnless(missingExecutor())("orphans", () => {
  /** Leaves three behind that end at once, and says how many zombies the executor has. */
  const countZombies = `
    for i in 1 2 3; do (true & exec sleep 0.01 &) ; done
    sleep 0.3
    cat /proc/[0-9]*/stat 2>/dev/null | grep -c ") Z $PPID "
    exit 0`;

  const asSubreaper =
    (flags: number, script: string, ...env: string[]): Steps =>
    (b) => {
      b.call("prctl", [PR.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0], "orphans come to us");
      superviseShell(b, script, flags, ...env);
    };

  test("are reaped at once by an init", async () => {
    expect(await printed(asSubreaper(SUPERVISE_FLAGS.init, countZombies))).toBe("0\n");
  });

  test("wait for the end where there is no init", async () => {
    expect(Number(await printed(asSubreaper(0, countZombies)))).toBeGreaterThan(0);
  });

  test("do not end a program that has an init; its command does", async () => {
    const { outcome } = await run(asSubreaper(SUPERVISE_FLAGS.init, "(exit 3 &); sleep 0.1; exit 4"));
    expect(outcome.exitCode).toBe(4);
  });

  test("are killed at the end when the program says so, in sessions of their own, too", async () => {
    const word = newWord();
    const script = "(trap '' TERM HUP INT; setsid sleep 1000 & sleep 1000 &) ; exit 6";
    const { outcome } = await run(asSubreaper(SUPERVISE_FLAGS.killOrphans, script, `WORD=${word}`), {
      stdout: "ignore",
      stderr: "ignore",
    });
    expect(outcome.exitCode).toBe(6);
    expect(processesWith(word)).toEqual([]);
  });

  test("are left alone when it does not", async () => {
    const word = newWord();
    const script = "(setsid sleep 1000 &) ; sleep 0.1; exit 0";
    await run(asSubreaper(0, script, `WORD=${word}`), { stdout: "ignore", stderr: "ignore" });
    const left = processesWith(word);
    expect(left).toHaveLength(1);
    for (const pid of left) process.kill(pid, "SIGKILL");
  });
});

/** The mount point of a hierarchy where groups can be made. */
function hierarchy(): string | undefined {
  const { v1, unified } = readCgroupLayout();
  const candidates = [unified?.mount, ...Object.values(v1).map(({ mount }) => mount)];
  return candidates.find((mount) => mount !== undefined && canMakeGroups(mount));
}

function canMakeGroups(mount: string): boolean {
  const probe = join(mount, `sampan-test-${process.pid}`);
  try {
    mkdirSync(probe);
    rmdirSync(probe);
    return true;
  } catch {
    return false;
  }
}

const mount = process.getuid?.() === 0 ? hierarchy() : undefined;
const missingGroups: Reason = mount === undefined ? "control groups cannot be made here" : undefined;

describeUnless(firstReason(missingExecutor(), missingRoot(), missingGroups))("killcg", () => {
  const folder = join(mount ?? "", `sampan-test-killcg-${process.pid}`);

  test("kills everybody in a group and in the groups below, and removes those", async () => {
    const word = newWord();
    const below = join(folder, "below");
    mkdirSync(below, { recursive: true });
    const sleepers = [folder, below].map((group) =>
      start((b) => {
        const [child, pid, status] = [b.label("child"), b.register("pid"), b.register("status")];
        b.fork(child, "somebody in the group", { result: pid });
        b.control("supervise", [pid, 0, -1, ""], "wait", { result: status });
        b.exit(status, "as it did");
        b.place(child);
        const fd = b.register("procs");
        b.call("openat", [AT_FDCWD, join(group, "cgroup.procs"), O.O_WRONLY, 0], "the group", { result: fd });
        b.call("write", [fd, bytes("0"), 1], "go in");
        shell(b, "trap '' TERM; echo ready; exec sleep 1000", `WORD=${word}`);
      }),
    );
    await Promise.all(sleepers.map((execution) => waitFor(execution, "ready")));
    const { outcome } = await run((b) => {
      b.control("killcg", [folder], "kill them");
      b.exit(0, "the end");
    });
    expect(outcome.failure).toBeUndefined();
    const ends = await Promise.all(sleepers.map((execution) => execution.outcome));
    expect(ends.map(({ signal }) => signal)).toEqual([9, 9]);
    expect(existsSync(below)).toBe(false);
    rmdirSync(folder);
  });

  test("is content with a group that is empty, or not there", async () => {
    mkdirSync(folder);
    const steps: Steps = (b) => {
      b.control("killcg", [folder], "nobody");
      b.exit(0, "the end");
    };
    expect((await run(steps)).outcome.failure).toBeUndefined();
    rmdirSync(folder);
    expect((await run(steps)).outcome.failure).toBeUndefined();
  });
});
