/** How the native executor performs one step. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { AT, AT_FDCWD, CLONE, MNT, MS, O } from "../../src/kernel/index.ts";
import type { ProgramBuilder, Register } from "../../src/program/index.ts";
import { describeUnless, firstReason, missingRoot, testUnless } from "../support/skip.ts";
import {
  bytes,
  channel,
  inChild,
  known,
  missingExecutor,
  printed,
  run,
  type Steps,
  say,
  temporaryFolder,
  vector,
} from "./support.ts";

/** Writes the 32 bits of a register, and says them as a signed number. */
async function register(steps: (b: ProgramBuilder) => Register): Promise<number> {
  const stdout = await printed((b) => {
    b.call("write", [1, bytes(new Uint8Array(4), { at: 0, register: steps(b), as: "u32" }), 4], "the register");
    b.exit(0, "the end");
  });
  return Buffer.from(stdout, "latin1").readInt32LE();
}

describeUnless(missingExecutor())("a step of the native executor", () => {
  test("leaves its result in its register", async () => {
    expect(await register((b) => known(b, 100))).toBe(100);
  });

  test("starts with registers at -1", async () => {
    expect(await register((b) => b.register("nothing"))).toBe(-1);
  });

  test("is performed with `when` only when the register holds a result", async () => {
    const steps: Steps = (b) => {
      const [full, empty] = [known(b, 100), b.register("empty")];
      say(b, "full", { when: full });
      say(b, "empty", { when: empty });
      b.exit(0, "the end");
    };
    expect(await printed(steps)).toBe("full");
  });

  test("is performed with `unless` only when the register holds none", async () => {
    const steps: Steps = (b) => {
      const [full, empty] = [known(b, 100), b.register("empty")];
      say(b, "full", { unless: full });
      say(b, "empty", { unless: empty });
      b.exit(0, "the end");
    };
    expect(await printed(steps)).toBe("empty");
  });

  test("that is not performed empties its result register", async () => {
    const value = await register((b) => {
      const [result, empty] = [known(b, 100), b.register("empty")];
      b.call("getpid", [], "not performed", { when: empty, result });
      return result;
    });
    expect(value).toBe(-1);
  });

  test("that is not performed keeps the register of its own condition", async () => {
    const value = await register((b) => {
      const result = known(b, 100);
      b.call("getpid", [], "not performed", { unless: result, result });
      return result;
    });
    expect(value).toBe(100);
  });

  test("whose error is accepted leaves it in the register as a negative number, and a condition takes it for empty", async () => {
    const open = (b: ProgramBuilder) => {
      const fd = b.register("fd");
      const options = { result: fd, accepts: ["EACCES", "ENOENT"] } as const;
      b.call("openat", [AT_FDCWD, "/nowhere/at/all", 0, 0], "a file that is not there", options);
      return fd;
    };
    expect(await register(open)).toBe(-2);
    expect(
      await printed((b) => {
        const fd = open(b);
        say(b, "there", { when: fd });
        say(b, "missing", { unless: fd });
        b.exit(0, "the end");
      }),
    ).toBe("missing");
  });

  test("fails with an error that it does not accept", async () => {
    const { outcome } = await run((b) => {
      const fd = b.register("fd");
      const options = { result: fd, accepts: ["EACCES", "EEXIST", "ENOTDIR", "EPERM"] } as const;
      b.call("openat", [AT_FDCWD, "/nowhere/at/all", 0, 0], "a file that is not there", options);
      b.exit(0, "the end");
    });
    expect(outcome.failure).toEqual({ step: 0, errno: "ENOENT", detail: 0 });
    expect(outcome.exitCode).toBe(125);
  });

  test("has registers filled in as 32 and as 64 bits, with their sign", async () => {
    const stdout = await printed((b) => {
      const [full, empty] = [known(b, 258), b.register("empty")];
      const fills = [
        { at: 1, register: full, as: "u32" },
        { at: 6, register: empty, as: "u64" },
      ] as const;
      b.call("write", [1, bytes(new Uint8Array(15), ...fills), 15], "both");
      b.exit(0, "the end");
    });
    expect(Buffer.from(stdout, "latin1").toString("hex")).toBe(`000201000000${"ff".repeat(8)}00`);
  });

  test("has registers filled in as decimal digits, with a zero or with line ends behind them", async () => {
    const stdout = await printed((b) => {
      const [full, empty] = [known(b, 100), b.register("empty")];
      b.call("write", [1, b.text("fd ", full), 8], "digits");
      b.call("write", [1, b.text("", empty), 2], "no digits");
      b.call("write", [1, bytes("[...........]", { at: 1, register: full, as: "padded" }), 13], "padded");
      b.exit(0, "the end");
    });
    expect(stdout).toBe("fd 100\0\x000\0[100\n\n\n\n\n\n\n\n]");
  });

  test("loads what a call has left in memory", async () => {
    const { outcome, stdout } = await run((b) => {
      const [read, write, pair, text] = [b.register("r"), b.register("w"), b.buffer("pair", 8), b.buffer("text", 8)];
      const loads = [
        { buffer: pair, at: 0, register: read },
        { buffer: pair, at: 4, register: write },
      ];
      b.call("pipe2", [pair, O.O_CLOEXEC], "a pipe", { loads });
      b.call("write", [write, bytes("hello"), 5], "into it");
      b.call("read", [read, text, 8], "out of it");
      b.call("write", [1, text, 5], "show it");
      b.exit(0, "the end");
    });
    expect(stdout).toBe("hello");
    expect(Buffer.from(outcome.buffers["text"] ?? []).toString("latin1")).toBe("hello\0\0\0");
  });

  test("does not load anything when its call failed", async () => {
    const value = await register((b) => {
      const [loaded, buffer] = [known(b, 100), b.buffer("pair", 8)];
      const loads = [{ buffer, at: 0, register: loaded }];
      b.call("pipe2", [buffer, 1], "with a flag that there is not", { loads, accepts: ["EINVAL"] });
      return loaded;
    });
    expect(value).toBe(100);
  });

  test("with `goOn` is remembered when it fails, and the next one is performed all the same", async () => {
    const { outcome, stdout } = await run((b) => {
      b.call("chdir", ["/nowhere"], "fails", { goOn: true });
      b.call("chdir", ["/etc/passwd"], "fails, too", { goOn: true });
      say(b, "still here");
      b.exit(0, "the end");
    });
    expect(stdout).toBe("still here");
    expect(outcome.failure).toEqual({ step: 0, errno: "ENOENT", detail: 0 });
  });

  test("of the final part is performed whatever failed before it, and whatever the others do", async () => {
    const { outcome, stdout } = await run((b) => {
      b.call("getpid", [], "well");
      b.call("chdir", ["/nowhere"], "fails");
      say(b, "not reached ");
      b.finally();
      say(b, "first ");
      b.call("chdir", ["/etc/passwd"], "fails in the final part, without goOn");
      say(b, "second");
      b.exit(3, "the end");
    });
    expect(stdout).toBe("first second");
    expect(outcome.failure).toEqual({ step: 1, errno: "ENOENT", detail: 0 });
    expect(outcome.exitCode).toBe(125);
  });

  test("of the final part that fails is a failure when nothing failed before", async () => {
    const { outcome } = await run((b) => {
      b.finally();
      b.call("chdir", ["/etc/passwd"], "fails");
      b.exit(0, "the end");
    });
    expect(outcome.failure).toEqual({ step: 0, errno: "ENOTDIR", detail: 0 });
  });
});

describeUnless(missingExecutor())("copy", () => {
  const copy =
    (from: string, to: string): Steps =>
    (b) => {
      const [source, target] = [b.register("source"), b.register("target")];
      b.call("openat", [AT_FDCWD, from, O.O_CLOEXEC, 0], "read", { result: source });
      b.call("openat", [AT_FDCWD, to, O.O_WRONLY | O.O_CREAT | O.O_CLOEXEC, 0o600], "write", { result: target });
      b.control("copy", [source, target], "copy");
      b.exit(0, "the end");
    };

  test.each([0, 1, 16_384, 100_001])("copies %d bytes", async (size) => {
    using folder = temporaryFolder();
    const [from, to] = [join(folder.path, "from"), join(folder.path, "to")];
    writeFileSync(
      from,
      Uint8Array.from({ length: size }, (_, i) => i % 251),
    );
    expect((await run(copy(from, to))).outcome.failure).toBeUndefined();
    expect(readFileSync(to).equals(readFileSync(from))).toBe(true);
  });

  test("says when the source cannot be read", async () => {
    using folder = temporaryFolder();
    const { outcome } = await run(copy("/etc", join(folder.path, "to")));
    expect(outcome.failure).toEqual({ step: 2, errno: "EISDIR", detail: 0 });
  });

  testUnless(existsSync("/dev/full") ? undefined : "/dev/full is missing")(
    "says when nothing can be written",
    async () => {
      const { outcome } = await run(copy("/etc/passwd", "/dev/full"));
      expect(outcome.failure).toEqual({ step: 2, errno: "ENOSPC", detail: 0 });
    },
  );
});

describeUnless(firstReason(missingExecutor(), missingRoot()))("a folder that is busy", () => {
  /** A mount point cannot be removed; the child waits a while and takes the mount away. */
  const remove =
    (folder: string, retryBusy: boolean): Steps =>
    (b) => {
      const { left, right } = channel(b);
      const [child, pid] = [b.label("child"), b.register("pid")];
      b.call("unshare", [CLONE.CLONE_NEWNS], "mounts of our own");
      b.call("mount", [null, "/", null, MS.MS_REC | MS.MS_PRIVATE, null], "and of nobody else");
      b.call("mount", ["none", folder, "tmpfs", 0, null], "busy");
      b.fork(child, "who ends it", { result: pid });
      b.control("wait", [left], "until the child is there");
      b.call("unlinkat", [AT_FDCWD, folder, AT.AT_REMOVEDIR], "remove it", { retryBusy });
      b.finally();
      b.call("wait4", [pid, null, 0, null], "the child", { when: pid });
      b.exit(0, "the end");
      inChild(b, child, () => {
        b.control("post", [right], "go");
        b.control("spawn", [vector("/bin/sleep", "0.2")], "a while");
        b.call("umount2", [folder, MNT.MNT_DETACH], "no longer busy");
        b.exit(0, "done");
      });
    };

  test("is tried again until it is not", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "busy");
    mkdirSync(path);
    expect((await run(remove(path, true))).outcome.failure).toBeUndefined();
    expect(existsSync(path)).toBe(false);
  });

  test("is a failure where nobody asked for patience", async () => {
    using folder = temporaryFolder();
    const path = join(folder.path, "busy");
    mkdirSync(path);
    expect((await run(remove(path, false))).outcome.failure).toMatchObject({ errno: "EBUSY" });
    expect(existsSync(path)).toBe(true);
  });
});
