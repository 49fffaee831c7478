/** What the native executor takes for a program, and where it runs from. */
import { expect, test } from "bun:test";
import { spawn, spawnSync } from "node:child_process";
import { closeSync, constants, openSync, readFileSync, readlinkSync } from "node:fs";
import type { Duplex } from "node:stream";
import { programArguments } from "../../src/executor/index.ts";
import { AT_FDCWD, O } from "../../src/kernel/index.ts";
import { encode, HEADER_SIZE, OP_SIZE, type Program } from "../../src/program/index.ts";
import { describeUnless, firstReason, missingRoot } from "../support/skip.ts";
import {
  bytes,
  EXECUTOR,
  missingExecutor,
  pidOf,
  programOf,
  run,
  start,
  superviseShell,
  textOf,
  until,
  vector,
  waitFor,
} from "./support.ts";

interface Said {
  readonly status: number | null;
  readonly stderr: string;
}

/** A few words about an executor that was started with these arguments. */
function said(...args: string[]): Said {
  const { status, stderr } = spawnSync(EXECUTOR, args, { encoding: "latin1", stdio: ["ignore", "ignore", "pipe"] });
  return { status, stderr };
}

function asArgument(image: Uint8Array): Said {
  return said("--program", ...programArguments(image));
}

async function overControl(image: Uint8Array): Promise<Said> {
  const child = spawn(EXECUTOR, ["--control", "3"], { stdio: ["ignore", "ignore", "pipe", "pipe"] });
  const control = child.stdio[3] as Duplex;
  control.on("error", () => undefined);
  control.end(image);
  control.resume();
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.once("exit", resolve);
  const [stderr, status] = await Promise.all([textOf(child.stderr), promise]);
  return { status, stderr };
}

const refused = (sentence: string): Said => ({
  status: 125,
  stderr: `sampan-executor: this is not a program that can be run: ${sentence}\n`,
});
const dies = (sentence: string): Said => ({ status: 125, stderr: `sampan-executor: ${sentence}\n` });

/** 0 write with a fill, 1 fork, 2 supervise, 3 exit; 4 exec, 5 exit. */
const sample: Program = programOf((b) => {
  const [pid, status, child] = [b.register("pid"), b.register("status"), b.label("child")];
  b.buffer("buffer", 8);
  b.call("write", [1, bytes(new Uint8Array(16), { at: 4, register: pid, as: "u64" }), 16], "write");
  b.fork(child, "a child", { result: pid });
  b.control("supervise", [pid, 0, -1, ""], "wait", { result: status });
  b.exit(status, "the end");
  b.place(child);
  b.control("exec", [vector("/bin/true"), vector("true"), vector()], "run");
  b.exit(127, "never");
});

type Damage = (view: DataView, bytes: Uint8Array) => void;

function damaged(damage: Damage): Uint8Array {
  const { image } = encode(sample);
  damage(new DataView(image.buffer, image.byteOffset, image.byteLength), image);
  return image;
}

const at = (step: number, field: number) => HEADER_SIZE + step * OP_SIZE + field;
const byte =
  (offset: number, value: number): Damage =>
  (view) =>
    view.setUint8(offset, value);
const word =
  (offset: number, value: number): Damage =>
  (view) =>
    view.setUint32(offset, value, true);

/** Offsets within an operation, from OP_LAYOUT. */
const F = {
  fillAt: 48,
  fillRegister: 52,
  fillAs: 53,
  fillReserved: 54,
  code: 66,
  count: 67,
  result: 68,
  condition: 69,
  conditionRegister: 70,
  fillCount: 71,
  kinds: 76,
  flags: 82,
  reserved: 83,
};

/** Sentences of native/verify.c that need no other length. */
const wrongInside: readonly (readonly [sentence: string, damage: Damage])[] = [
  ["it is of another version", word(8, 2)],
  ["it is for another architecture", word(12, 0xc000_0003)],
  ["its final part starts outside of it", word(32, 6)],
  ["its reporter points outside of the vector table", word(36, 100)],
  ["its reporter has an unknown condition", word(40, 4)],
  ["a reserved field is not zero", word(44, 1)],
  ["too many arguments", byte(at(0, F.count), 7)],
  ["a register number is out of range", word(at(2, 0), 192)],
  ["a data argument points outside of the data", word(at(0, 12), 1 << 20)],
  ["a vector argument points outside of the table", word(at(4, 0), 1000)],
  ["an argument has an unknown kind", byte(at(0, F.kinds), 4)],
  ["too many fills", byte(at(0, F.fillCount), 3)],
  ["a fill has an unknown kind", byte(at(0, F.fillAs), 6)],
  ["a fill names a register out of range", byte(at(0, F.fillRegister), 192)],
  ["a fill lies outside of the data", word(at(0, F.fillAt), 1 << 20)],
  ["a reserved field is not zero", byte(at(0, F.fillReserved), 1)],
  ["a fork does not lead forwards to an operation", word(at(1, 8), 1)],
  ["a fork does not lead forwards to an operation", word(at(1, 8), 6)],
  ["a fork names a register out of range", word(at(1, 24), 192)],
  ["a fork has an unknown role", word(at(1, 32), 3)],
  ["a control operation has the wrong number of arguments", byte(at(1, F.count), 4)],
  ["a control operation has an argument of the wrong kind", byte(at(4, F.kinds), 0)],
  ["a terminal's settings do not fit into the data", word(at(2, 8), 1)],
  ["an operation has an unknown code", byte(at(0, F.code), 0)],
  ["an operation has an unknown code", byte(at(0, F.code), 14)],
  ["a result register is out of range", byte(at(1, F.result), 192)],
  ["a condition is malformed", byte(at(0, F.condition), 3)],
  [
    "a condition is malformed",
    (view) => {
      view.setUint8(at(0, F.condition), 1);
      view.setUint8(at(0, F.conditionRegister), 192);
    },
  ],
  ["an operation has unknown flags", byte(at(0, F.flags), 4)],
  ["a reserved field is not zero", byte(at(0, F.reserved + 4), 1)],
  ["it does not end with an exit", byte(at(5, F.code), 1)],
  [
    "its data does not end with a zero",
    (view, image) => {
      image[image.length - view.getUint32(28, true) - 1] = 1;
    },
  ],
  [
    "the vector table does not end with a terminator",
    (view) => view.setUint32(at(6, 0) + (view.getUint32(20, true) - 1) * 4, 0, true),
  ],
  ["a vector entry points outside of the data", (view) => view.setUint32(at(6, 0), 1 << 20, true)],
];

/** Those that are about lengths, which the control socket needs to know how much there is to read. */
const wrongLength: readonly (readonly [sentence: string, damage: Damage])[] = [
  ["it does not start with the program's magic", byte(0, 0)],
  ["it has no operations, or too many", word(16, 0)],
  ["it has no operations, or too many", word(16, (1 << 16) + 1)],
  ["a section is too large", word(20, (1 << 18) + 1)],
  ["a section is too large", word(24, (1 << 26) + 1)],
  ["its length is not what its header says", word(24, 1)],
];

describeUnless(missingExecutor())("an image that is no program", () => {
  test.each(wrongInside)("is refused because %s", async (sentence, damage) => {
    const image = damaged(damage);
    expect(asArgument(image)).toEqual(refused(sentence));
    expect(await overControl(image)).toEqual(refused(sentence));
  });

  test.each(wrongLength)("is refused because %s", (sentence, damage) => {
    expect(asArgument(damaged(damage))).toEqual(refused(sentence));
  });

  test("is refused before anything is read into memory when the control socket gives too large a header", async () => {
    for (const damage of [byte(0, 0), word(16, (1 << 16) + 1), word(20, 0xffff_ffff), word(24, 0xffff_ffff)])
      expect(await overControl(damaged(damage))).toEqual(dies("what comes in is not a program"));
  });

  test("is refused when it was cut off anywhere", async () => {
    const { image } = encode(sample);
    for (let size = 0; size < image.length; size += 61) {
      const part = image.subarray(0, size);
      const sentence = size < HEADER_SIZE ? "it is shorter than a header" : "its length is not what its header says";
      if (size > 0) expect(asArgument(part)).toEqual(refused(sentence));
      expect(await overControl(part)).toEqual(dies("the program ended before its header said"));
    }
  });

  test("is refused when more comes behind it", () => {
    const { image } = encode(sample);
    expect(asArgument(Buffer.concat([image, Uint8Array.of(0)]))).toEqual(
      refused("its length is not what its header says"),
    );
  });

  test("performs nothing, not even its first steps", () => {
    const b = encode(
      programOf((builder) => {
        builder.call("write", [1, bytes("performed"), 9], "say so");
        builder.exit(0, "the end");
      }),
    ).image;
    new DataView(b.buffer).setUint8(at(1, F.reserved), 1);
    const { stdout } = spawnSync(EXECUTOR, ["--program", ...programArguments(b)], { encoding: "latin1" });
    expect(stdout).toBe("");
  });
});

describeUnless(missingExecutor())("a command line", () => {
  const usage = dies("usage: sampan-executor --control FD | --program BASE64URL...");
  const noControl = dies("--control takes the number of an open descriptor");
  const noBase64 = dies("the program on the command line is not base64url");

  test.each<readonly [title: string, args: readonly string[], Said]>([
    ["without arguments", [], usage],
    ["that asks for help", ["--help"], usage],
    ["without a program", ["--program"], usage],
    ["without a descriptor", ["--control"], usage],
    ["with an argument too many", ["--control", "3", "4"], usage],
    ["with a word for a descriptor", ["--control", "x"], noControl],
    ["with nothing for a descriptor", ["--control", ""], noControl],
    ["with standard error for a descriptor", ["--control", "2"], noControl],
    ["with a negative descriptor", ["--control", "-1"], noControl],
    ["with a descriptor that is not open", ["--control", "99"], noControl],
    ["with a descriptor beyond 64 bits", ["--control", "99999999999999999999"], noControl],
    ["with other characters than base64url's", ["--program", "not base64!"], noBase64],
    ["with padding", ["--program", "AAAA", "====", "AAAA"], noBase64],
    ["with bytes beyond ASCII", ["--program", "\u00ff\u00fe"], noBase64],
    ["with an empty program", ["--program", ""], refused("it is shorter than a header")],
    ["with less than a byte", ["--program", "", "A", ""], refused("it is shorter than a header")],
    ["with zeroes", ["--program", "A".repeat(100_000)], refused("it does not start with the program's magic")],
  ])("%s is refused", (_title, args, expected) => {
    expect(said(...args)).toEqual(expected);
  });

  test("may hold a program in several pieces of 128 KiB, and is not shown by ps", async () => {
    const long = "x".repeat(60_000);
    const program = programOf((b) => {
      const words = Array.from({ length: 8 }, (_, i) => `${i}${long}`);
      const [child, pid, status] = [b.label("child"), b.register("pid"), b.register("status")];
      b.fork(child, "count", { result: pid });
      b.control("supervise", [pid, 0, -1, ""], "wait", { result: status });
      b.exit(status, "as it did");
      b.place(child);
      const script = "cat /proc/$PPID/cmdline | tr -d '\\0'; echo; cat | wc -c; for w; do printf %s $w | wc -c; done";
      b.control(
        "exec",
        [vector("/bin/sh"), vector("sh", "-c", script, "sh", ...words), vector("PATH=/bin:/usr/bin")],
        "",
      );
      b.exit(127, "never");
    });
    const pieces = programArguments(encode(program).image);
    expect(pieces.length).toBeGreaterThan(4);
    const { stdout, status, stderr } = spawnSync(EXECUTOR, ["--program", ...pieces], { encoding: "latin1", input: "" });
    expect({ stdout, status, stderr }).toEqual({
      stdout: `${EXECUTOR}\n0\n${"60001\n".repeat(8)}`,
      status: 0,
      stderr: "",
    });
  });

  test("may hold pieces that end anywhere", () => {
    const { image } = encode(
      programOf((b) => {
        b.call("write", [1, bytes("whole"), 5], "say so");
        b.exit(0, "the end");
      }),
    );
    const text = programArguments(image).join("");
    const pieces = text.match(/.{1,7}/g) ?? [];
    expect(spawnSync(EXECUTOR, ["--program", ...pieces], { encoding: "latin1" }).stdout).toBe("whole");
  });
});

describeUnless(missingExecutor())("a large program", () => {
  test("comes whole over the control socket", async () => {
    const text = "y".repeat(3_000_000);
    const { stdout } = await run((b) => {
      b.call("write", [1, bytes(text), text.length], "all of it");
      b.exit(0, "the end");
    });
    expect(stdout.length).toBe(text.length);
  });

  test("may have as many steps as the protocol allows", async () => {
    const { outcome } = await run((b) => {
      for (let i = 0; i < 65_535; i++) b.call("getpid", [], "");
      b.exit(11, "the end");
    });
    expect(outcome.exitCode).toBe(11);
  });

  test("gives back large buffers", async () => {
    const { outcome } = await run((b) => {
      const [buffer, fd] = [b.buffer("zero", 5_000_000), b.register("fd")];
      b.call("openat", [AT_FDCWD, "/dev/zero", O.O_CLOEXEC, 0], "zeroes", { result: fd });
      b.call("read", [fd, buffer, 5_000_000], "many");
      b.exit(0, "the end");
    });
    expect(outcome.buffers["zero"]?.length).toBe(5_000_000);
  });
});

const F_GET_SEALS = 1034;
const ALL_SEALS = 0xf; // seal, shrink, grow, write

describeUnless(missingExecutor())("the executable (CVE-2019-5736)", () => {
  async function whileRunning(check: (pid: number) => void | Promise<void>): Promise<void> {
    const controller = new AbortController();
    const execution = start((b) => superviseShell(b, "echo ready; exec sleep 1000"), { signal: controller.signal });
    await waitFor(execution, "ready");
    try {
      await check(pidOf(execution));
    } finally {
      controller.abort();
      await execution.outcome;
    }
  }

  test("is a copy in memory", async () => {
    await whileRunning((pid) => {
      expect(readlinkSync(`/proc/${pid}/exe`)).toBe("/memfd:sampan-executor (deleted)");
    });
  });

  test("is sealed against writing, growing, shrinking and other seals", async () => {
    await whileRunning(async (pid) => {
      const { outcome, stdout } = await run((b) => {
        const [fd, seals] = [b.register("fd"), b.register("seals")];
        b.call("openat", [AT_FDCWD, `/proc/${pid}/exe`, O.O_CLOEXEC, 0], "it", { result: fd });
        b.call("fcntl", [fd, F_GET_SEALS, 0], "its seals", { result: seals });
        b.call("write", [1, bytes("....", { at: 0, register: seals, as: "u32" }), 4], "show them");
        b.exit(0, "the end");
      });
      expect(outcome.failure).toBeUndefined();
      expect(Buffer.from(stdout, "latin1").readUInt32LE()).toBe(ALL_SEALS);
    });
  });

  test("is the same for the processes that a program forks", async () => {
    const { stdout } = await run((b) => {
      const [child, pid, fd] = [b.label("child"), b.register("pid"), b.register("fd")];
      b.fork(child, "a child", { result: pid });
      b.call("wait4", [pid, null, 0, null], "the child");
      b.exit(0, "the end");
      b.place(child);
      b.call("openat", [AT_FDCWD, "/proc/self/exe", O.O_CLOEXEC, 0], "it", { result: fd });
      const seals = b.register("seals");
      b.call("fcntl", [fd, F_GET_SEALS, 0], "its seals", { result: seals });
      b.call("write", [1, bytes("....", { at: 0, register: seals, as: "u32" }), 4], "show them");
      b.exit(0, "done");
    });
    expect(Buffer.from(stdout, "latin1").readUInt32LE()).toBe(ALL_SEALS);
  });

  describeUnless(firstReason(missingRoot()))("for root, too,", () => {
    test("cannot be opened for writing while it runs", async () => {
      await whileRunning((pid) => {
        for (const flags of [constants.O_WRONLY, constants.O_RDWR, constants.O_RDWR | constants.O_TRUNC])
          expect(() => openSync(`/proc/${pid}/exe`, flags)).toThrow(/ETXTBSY|EPERM/);
      });
    });

    test("cannot be written when it does not run any more, by whoever has kept it open", async () => {
      const before = readFileSync(EXECUTOR);
      let fd = -1;
      await whileRunning((pid) => {
        fd = openSync(`/proc/${pid}/exe`, constants.O_RDONLY);
      });
      const opened = () => {
        try {
          closeSync(openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY));
          return true;
        } catch {
          return false; // ETXTBSY: the last process that executes it takes a moment to go
        }
      };
      expect(await until(opened)).toBe(true);
      const { outcome } = await run((b) => {
        const file = b.register("file");
        const path = `/proc/${process.pid}/fd/${fd}`;
        b.call("openat", [AT_FDCWD, path, O.O_WRONLY | O.O_CLOEXEC, 0], "open it", { result: file });
        b.call("write", [file, bytes("#!/bin/sh\n"), 10], "write it");
        b.exit(0, "the end");
      });
      closeSync(fd);
      expect(outcome.failure).toEqual({ step: 1, errno: "EPERM", detail: 0 });
      expect(readFileSync(EXECUTOR).equals(before)).toBe(true);
    });
  });
});
