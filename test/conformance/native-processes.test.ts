/** Forks, handshakes, helpers, and the programs that the native executor becomes. */
import { expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { programArguments } from "../../src/executor/index.ts";
import { AT_FDCWD, O, PR, SIGNALS } from "../../src/kernel/index.ts";
import { encode, type Program, type ProgramBuilder, type Register } from "../../src/program/index.ts";
import { describeUnless } from "../support/skip.ts";
import {
  channel,
  EXECUTOR,
  janitorOf,
  missingExecutor,
  pidOf,
  printed,
  processesWith,
  programOf,
  run,
  type Steps,
  say,
  shell,
  start,
  temporaryFolder,
  textOf,
  until,
  vector,
  waitFor,
} from "./support.ts";

/** The executor with its program on the command line, as the command line tool becomes it. */
function asArguments(program: Program): string[] {
  return ["--program", ...programArguments(encode(program).image)];
}

function forkChild(b: ProgramBuilder, parent: (pid: Register) => void, child: () => void): void {
  const [label, pid] = [b.label("child"), b.register("pid")];
  b.fork(label, "a child", { result: pid });
  parent(pid);
  b.place(label);
  child();
}

/** Waits for the child and ends as it did. */
function endAs(b: ProgramBuilder, pid: Register): void {
  const [status, buffer] = [b.register("status"), b.buffer("status", 4)];
  b.call("wait4", [pid, buffer, 0, null], "the child", { loads: [{ buffer, at: 0, register: status }] });
  b.exit(status, "as it did");
}

describeUnless(missingExecutor())("a fork", () => {
  test("lets the child go on at its label, with copies of the registers", async () => {
    const stdout = await printed((b) => {
      const value = b.register("value");
      b.call("fcntl", [2, 1030, 100], "100", { result: value });
      forkChild(
        b,
        (pid) => {
          b.call("wait4", [pid, null, 0, null], "the child is first");
          b.call("write", [1, b.text(" parent ", value), 11], "the same value");
          b.exit(0, "the end");
        },
        () => {
          b.call("write", [1, b.text("child ", value), 9], "the value");
          b.call("getpid", [], "another value", { result: value });
          b.exit(0, "done");
        },
      );
    });
    expect(stdout).toBe("child 100 parent 100");
  });

  test.each([0, 7, 255])("ends the child with %d, and exit takes its wait status from a register", async (code) => {
    const { outcome } = await run((b) => {
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => b.exit(code, "done"),
      );
    });
    expect(outcome.exitCode).toBe(code);
  });

  test("whose child was killed by a signal gives 128 and the signal", async () => {
    const { outcome } = await run((b) => {
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => shell(b, "kill -KILL $$"),
      );
    });
    expect(outcome.exitCode).toBe(137);
  });

  test("leaves a pidfd in its register", async () => {
    const { outcome } = await run((b) => {
      const [label, pid, pidfd] = [b.label("child"), b.register("pid"), b.register("pidfd")];
      b.fork(label, "a child", { result: pid, pidfd });
      b.call("pidfd_send_signal", [pidfd, SIGNALS.SIGKILL, null, 0], "end it");
      endAs(b, pid);
      b.place(label);
      shell(b, "exec sleep 1000");
    });
    expect(outcome.exitCode).toBe(137);
  });
});

describeUnless(missingExecutor())("post and wait", () => {
  test("let one side wait for the other", async () => {
    const stdout = await printed((b) => {
      const { left, right } = channel(b);
      forkChild(
        b,
        () => {
          b.control("wait", [left], "until the child is ready");
          say(b, "second");
          b.exit(0, "the end");
        },
        () => {
          b.control("spawn", [vector("/bin/sleep", "0.1")], "take a while");
          say(b, "first ");
          b.control("post", [right], "ready");
          b.exit(0, "done");
        },
      );
    });
    expect(stdout).toBe("first second");
  });

  test("fail with EPIPE when the other side has gone", async () => {
    const waits: Steps = (b) => {
      const { left, right } = channel(b);
      b.call("close", [right], "nobody is there");
      b.control("wait", [left], "for nobody");
      b.exit(0, "the end");
    };
    const posts: Steps = (b) => {
      const { left, right } = channel(b);
      b.call("close", [right], "nobody is there");
      b.control("post", [left], "to nobody");
      b.exit(0, "the end");
    };
    expect((await run(waits)).outcome.failure).toEqual({ step: 2, errno: "EPIPE", detail: 0 });
    expect((await run(posts)).outcome.failure).toEqual({ step: 2, errno: "EPIPE", detail: 0 });
  });
});

describeUnless(missingExecutor())("a failure of a child", () => {
  test("is the cause, and what its parent meets afterwards the consequence", async () => {
    const { outcome } = await run((b) => {
      const { left, right } = channel(b);
      forkChild(
        b,
        () => {
          b.call("close", [right], "the child's end");
          b.control("wait", [left], "for a child that fails");
          b.exit(0, "the end");
        },
        () => {
          b.call("close", [left], "the parent's end");
          b.call("chdir", ["/etc/passwd"], "fails"); // step 6
          b.exit(0, "done");
        },
      );
    });
    expect(outcome.failure).toEqual({ step: 6, errno: "ENOTDIR", detail: 0 });
    expect(outcome.exitCode).toBe(125);
  });

  test("of a child's child is told, too", async () => {
    const { outcome } = await run((b) => {
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () =>
          forkChild(
            b,
            (pid) => endAs(b, pid),
            () => {
              b.call("chdir", ["/nowhere"], "fails");
              b.exit(0, "done");
            },
          ),
      );
    });
    expect(outcome.failure).toMatchObject({ errno: "ENOENT" });
  });

  test("ends it with 125, and `goOn` lets it go on", async () => {
    const child = (goOn: boolean) => (b: ProgramBuilder) =>
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => {
          b.call("chdir", ["/nowhere"], "fails", { goOn });
          say(b, "still here");
          b.exit(0, "done");
        },
      );
    expect((await run(child(false))).stdout).toBe("");
    expect((await run(child(true))).stdout).toBe("still here");
  });
});

describeUnless(missingExecutor())("sendfd and recvfd", () => {
  test("pass a descriptor from one process to another", async () => {
    const stdout = await printed((b) => {
      const { left, right } = channel(b);
      forkChild(
        b,
        () => {
          const [fd, buffer] = [b.register("fd"), b.buffer("text", 16)];
          b.control("recvfd", [left], "the file that the child has opened", { result: fd });
          b.call("read", [fd, buffer, 5], "the child could, so we can");
          b.call("write", [1, buffer, 5], "show it");
          b.exit(0, "the end");
        },
        () => {
          const fd = b.register("opened");
          b.call("openat", [AT_FDCWD, "/etc/passwd", O.O_CLOEXEC, 0], "a file", { result: fd });
          b.control("sendfd", [right, fd], "here you are");
          b.exit(0, "done");
        },
      );
    });
    expect(stdout).toBe(readFileSync("/etc/passwd", "latin1").slice(0, 5));
  });

  test("say when there comes something else, or nothing any more", async () => {
    const steps =
      (post: boolean): Steps =>
      (b) => {
        const { left, right } = channel(b);
        if (post) b.control("post", [right], "a byte alone");
        b.call("close", [right], "the end of it");
        b.control("recvfd", [left], "a descriptor");
        b.exit(0, "the end");
      };
    expect((await run(steps(true))).outcome.failure).toEqual({ step: 3, errno: "EBADMSG", detail: 0 });
    expect((await run(steps(false))).outcome.failure).toEqual({ step: 2, errno: "EPIPE", detail: 0 });
  });

  test("say when the descriptor is none", async () => {
    const { outcome } = await run((b) => {
      const { left } = channel(b);
      b.control("sendfd", [left, 1000], "not open");
      b.exit(0, "the end");
    });
    expect(outcome.failure).toEqual({ step: 1, errno: "EBADF", detail: 0 });
  });
});

describeUnless(missingExecutor())("spawn", () => {
  test("runs a helper with its output on standard error, nothing to read, and the executor's environment", async () => {
    const steps: Steps = (b) => {
      b.control("spawn", [vector("/bin/sh", "-c", "echo $WORD; cat; exit 0")], "a helper");
      say(b, "done");
      b.exit(0, "the end");
    };
    const { stdout, stderr, outcome } = await run(steps, { env: { WORD: "ahoy", PATH: "/bin:/usr/bin" } });
    expect({ stdout, stderr, failure: outcome.failure }).toEqual({
      stdout: "done",
      stderr: "ahoy\n",
      failure: undefined,
    });
  });

  test.each([
    ["ended with 3", vector("/bin/sh", "-c", "exit 3"), 3 << 8],
    ["was killed", vector("/bin/sh", "-c", "kill -TERM $$"), 15],
    ["is not there", vector("/nowhere/helper"), 127 << 8],
  ])("fails when the helper %s, with its wait status", async (_how, argv, detail) => {
    const { outcome } = await run((b) => {
      b.control("spawn", [argv], "a helper");
      b.exit(0, "the end");
    });
    expect(outcome.failure).toEqual({ step: 0, errno: "EPROTO", detail });
  });

  test("gives the helper its signals back", async () => {
    const { stderr } = await run((b) => {
      b.control("spawn", [vector("/bin/grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status")], "a helper");
      b.exit(0, "the end");
    });
    expect(stderr).toBe("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
  });
});

describeUnless(missingExecutor())("exec", () => {
  /** A folder with files that can be executed, and some that cannot. */
  function files(folder: string) {
    const make = (name: string, text: string, mode: number) => {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), mode);
      return join(folder, name);
    };
    return {
      hello: make("hello", "#!/bin/sh\necho hello $1\n", 0o755),
      other: make("other", "#!/bin/sh\necho other\n", 0o755),
      closed: make("closed", "#!/bin/sh\necho closed\n", 0o644),
      garbage: make("garbage", "\x7fELF and nothing else", 0o755),
      orphan: make("orphan", "#!/nowhere/interpreter\n", 0o755),
      missing: join(folder, "missing"),
      beyond: join(folder, "hello", "beyond"),
    };
  }
  type Name = keyof ReturnType<typeof files>;

  const cases: readonly (readonly [title: string, candidates: readonly Name[], expected: string])[] = [
    ["runs the first candidate that can be executed", ["hello", "other"], "hello there\n"],
    ["goes on after one that is missing or below a file", ["missing", "beyond", "hello"], "hello there\n"],
    ["goes on after one that may not be executed", ["closed", "other"], "other\n"],
    ["says ENOENT when none is there", ["missing", "beyond"], "ENOENT"],
    ["says EACCES when one was there and could not be executed", ["closed", "missing"], "EACCES"],
    ["says ENOEXEC at once, and looks no further", ["garbage", "hello"], "ENOEXEC"],
    ["says ENOENT when the interpreter of a script is missing", ["orphan"], "ENOENT"],
    ["says ENOENT when there is nothing to try", [], "ENOENT"],
  ];
  test.each(cases)("%s", async (_title, names, expected) => {
    using folder = temporaryFolder();
    const paths = files(folder.path);
    const program = programOf((b) => {
      b.control("exec", [vector(...names.map((name) => paths[name])), vector("x", "there"), vector()], "run it");
      b.exit(127, "never");
    });
    const { outcome, stdout } = await run((b) => {
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => {
          const [op] = program.operations;
          b.control("exec", op?.arguments ?? [], "run it");
          b.exit(127, "never");
        },
      );
    });
    expect(outcome.failure?.errno ?? stdout).toBe(expected);
  });

  test("passes exactly this environment on", async () => {
    const stdout = await printed((b) => {
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => {
          b.control("exec", [vector("/usr/bin/env"), vector("env"), vector("A=1", "B=")], "show it");
          b.exit(127, "never");
        },
      );
    });
    expect(stdout).toBe("A=1\nB=\n");
  });

  test("fills registers into arguments", async () => {
    const stdout = await printed((b) => {
      const fd = b.register("fd");
      b.call("fcntl", [2, 1030, 100], "100", { result: fd });
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => {
          b.control("exec", [vector("/bin/echo"), vector("echo", b.text("fd=", fd)), vector()], "show it");
          b.exit(127, "never");
        },
      );
    });
    expect(stdout).toBe("fd=100\n");
  });

  test("starts the program with an empty signal mask and nothing ignored or caught, whatever the caller ignores", () => {
    const program = programOf((b) => {
      b.control("exec", [vector("/bin/cat"), vector("cat", "/proc/self/status"), vector()], "show signals");
      b.exit(127, "never");
    });
    const script = 'trap "" HUP INT PIPE USR1 TERM CHLD 34 63; exec "$@"';
    const { stdout, stderr } = spawnSync("/bin/sh", ["-c", script, "sh", EXECUTOR, ...asArguments(program)], {
      encoding: "utf8",
    });
    const lines = (stderr + stdout).split("\n").filter((line) => /^(Sig(Pnd|Blk|Ign|Cgt)|ShdPnd):/.test(line));
    const none = "0000000000000000";
    expect(lines).toEqual(["SigPnd", "ShdPnd", "SigBlk", "SigIgn", "SigCgt"].map((name) => `${name}:\t${none}`));
  });

  /** ls shows the descriptor that it reads the folder with, too. */
  const listDescriptors = (close: boolean) =>
    programOf((b) => {
      b.call("openat", [AT_FDCWD, "/", O.O_CLOEXEC, 0], "a descriptor of the program's own");
      forkChild(
        b,
        (pid) => endAs(b, pid),
        () => {
          if (close) b.call("close_range", [3, 0xffff_ffff, 4], "nothing goes along (CVE-2024-21626)");
          b.control("exec", [vector("/bin/ls"), vector("ls", "/proc/self/fd"), vector()], "show descriptors");
          b.exit(127, "never");
        },
      );
    });

  test("leaks no descriptor of the executor's own: not the control socket, the pipe for failures, nor its memory", async () => {
    expect((await run(listDescriptors(false))).stdout).toBe("0\n1\n2\n3\n");
  });

  test("leaks none that the caller left open when the program closes them", async () => {
    const child = spawn(EXECUTOR, asArguments(listDescriptors(true)), {
      stdio: ["ignore", "pipe", "inherit", "pipe", "pipe", "pipe"],
    });
    expect(await textOf(child.stdout)).toBe("0\n1\n2\n3\n");
  });
});

describeUnless(missingExecutor())("the janitor", () => {
  /** A janitor that removes a file when the executor has ended, and a child that sleeps until it is killed. */
  const withJanitor =
    (file: string, word: string, options: { readonly fails?: boolean } = {}): Steps =>
    (b) => {
      const [read, write, pair] = [b.register("janitor's end"), b.register("our end"), b.buffer("pipe", 8)];
      const [janitor, child] = [b.label("janitor"), b.label("child")];
      const [pid, childPid, status] = [b.register("janitor"), b.register("child"), b.register("status")];
      const loads = [
        { buffer: pair, at: 0, register: read },
        { buffer: pair, at: 4, register: write },
      ];
      b.call("pipe2", [pair, O.O_CLOEXEC], "open as long as we live", { loads });
      b.fork(janitor, "the janitor", { janitor: true, result: pid });
      b.fork(child, "the child", { result: childPid });
      b.control("supervise", [childPid, 0, -1, ""], "wait for it", { result: status });
      b.finally();
      b.call("close", [write], "the janitor can go", { goOn: true });
      b.call("wait4", [pid, null, 0, null], "until it is done", { goOn: true });
      b.exit(status, "the end");
      b.place(janitor);
      b.call("close", [write], "the executor's end");
      b.control("janitor", [read], "wait for its end");
      if (options.fails) b.call("unlinkat", [AT_FDCWD, `${file}/below`, 0], "fails", { goOn: true });
      b.call("unlinkat", [AT_FDCWD, file, 0], "clean up", { goOn: true });
      b.exit(0, "nothing is left");
      b.place(child);
      b.call("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0], "die with the executor");
      b.call("close", [write], "the executor's end");
      shell(b, "echo ready; exec sleep 1000", `WORD=${word}`);
    };

  function place() {
    const folder = temporaryFolder();
    const file = join(folder.path, "file");
    writeFileSync(file, "");
    return { file, word: `sampan-test-${crypto.randomUUID()}`, [Symbol.dispose]: () => folder[Symbol.dispose]() };
  }

  test("cleans up when the executor was killed, whose child is gone by then", async () => {
    using here = place();
    const execution = start(withJanitor(here.file, here.word));
    await waitFor(execution, "ready");
    process.kill(pidOf(execution), "SIGKILL");
    const error = await execution.outcome.catch((reason: unknown) => reason);
    expect(String(error)).toBe("SampanError: the executor ended without a result");
    expect(await until(() => !existsSync(here.file))).toBe(true);
    expect(await until(() => processesWith(here.word).length === 0)).toBe(true);
  });

  test("cleans up when the program was aborted, before the outcome is told", async () => {
    using here = place();
    const controller = new AbortController();
    const execution = start(withJanitor(here.file, here.word), { signal: controller.signal });
    await waitFor(execution, "ready");
    controller.abort();
    const outcome = await execution.outcome;
    expect([outcome.exitCode, outcome.signal, outcome.failure]).toEqual([137, 9, undefined]);
    expect(existsSync(here.file)).toBe(false);
    expect(processesWith(here.word)).toEqual([]);
  });

  test("is disturbed by no signal, has no terminal, and is called sampan-janitor", async () => {
    using here = place();
    const execution = start(withJanitor(here.file, here.word));
    await waitFor(execution, "ready");
    const janitor = await janitorOf(execution);
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGPIPE", 34, 64] as const)
      process.kill(janitor, signal);
    const stat = readFileSync(`/proc/${janitor}/stat`, "latin1").split(") ")[1]?.split(" ") ?? [];
    expect([stat[3], stat[4]]).toEqual([String(janitor), "0"]); // session, terminal
    expect(existsSync(here.file)).toBe(true);
    process.kill(pidOf(execution), "SIGKILL");
    await execution.outcome.catch(() => undefined);
    expect(await until(() => !existsSync(here.file))).toBe(true);
  });

  test("goes on after a failure, which is told as one of the cleaning up", async () => {
    using here = place();
    const controller = new AbortController();
    const execution = start(withJanitor(here.file, here.word, { fails: true }), { signal: controller.signal });
    await waitFor(execution, "ready");
    controller.abort();
    const outcome = await execution.outcome;
    expect(outcome.failure).toBeUndefined();
    expect(outcome.cleanup).toMatchObject({ errno: "ENOTDIR" });
    expect(existsSync(here.file)).toBe(false);
  });
});

describeUnless(missingExecutor())("what a program gets to read", () => {
  const cat: Steps = (b) =>
    forkChild(
      b,
      (pid) => endAs(b, pid),
      () => shell(b, "cat"),
    );

  test("are the bytes that it was given", async () => {
    const stdin = new Uint8Array(200_000).fill(0x61);
    expect((await run(cat, { stdin })).stdout).toBe("a".repeat(200_000));
  });

  test("is nothing when it is ignored", async () => {
    expect((await run(cat)).stdout).toBe("");
  });
});
