import { describe, expect, test } from "bun:test";
import { formatError, SampanError } from "../errors/index.ts";
import { encode, type Program, ProgramBuilder, RESULT_LAYOUT, RESULT_MAGIC } from "../program/index.ts";
import { decodeOutcome, decodeReport, RESULT_SIZE } from "./index.ts";

type Field = (typeof RESULT_LAYOUT)[number][0];

const WIDTHS = { "char[8]": 8, i32: 4, u32: 4, u64: 8 } as const;

function offsets(): Readonly<Record<Field, number>> {
  let at = 0;
  const entries = RESULT_LAYOUT.map(([name, type]) => {
    const start = at;
    at += WIDTHS[type];
    return [name, start] as const;
  });
  if (at !== RESULT_SIZE) throw new Error(`the layout has ${at} bytes`);
  return Object.fromEntries(entries) as Record<Field, number>;
}

const AT = offsets();
const BIG: ReadonlySet<string> = new Set(["started_ns", "ended_ns", "user_us", "system_us", "max_rss_kib"]);

/** A result as the executor writes it: nothing failed, the command ended with 0. */
function result(fields: Partial<Record<Field, number | bigint>> = {}, data: Uint8Array = new Uint8Array()): Uint8Array {
  const bytes = new Uint8Array(RESULT_SIZE + data.length);
  bytes.set(new TextEncoder().encode(RESULT_MAGIC));
  bytes.set(data, RESULT_SIZE);
  const view = new DataView(bytes.buffer);
  for (const [name, value] of Object.entries({ failed_step: -1, cleanup_step: -1, ...fields })) {
    const at = AT[name as Field];
    if (BIG.has(name)) view.setBigUint64(at, BigInt(value), true);
    else view.setInt32(at, Number(value), true);
  }
  return bytes;
}

const EMPTY = { exitCode: 0, wallTimeNs: 0n, userTimeUs: 0, systemTimeUs: 0, maxRssBytes: 0, buffers: {} };

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof SampanError) return `${error.code} ${formatError(error)}`;
    throw error;
  }
  throw new Error("it was accepted");
}

describe("an outcome", () => {
  test("of a command that ended with a status", () => {
    expect(decodeOutcome(result({ wait_status: 42 << 8 }), [])).toEqual({ ...EMPTY, exitCode: 42 });
  });

  test("of a command that a signal ended, with or without a core dump", () => {
    expect(decodeOutcome(result({ wait_status: 9 }), [])).toEqual({ ...EMPTY, exitCode: 137, signal: 9 });
    expect(decodeOutcome(result({ wait_status: 11 | 0x80 }), [])).toEqual({ ...EMPTY, exitCode: 139, signal: 11 });
  });

  test("of a failed step, which is 125 whatever the command's status says", () => {
    expect(decodeOutcome(result({ failed_step: 7, error: 13, detail: 256, wait_status: 0 }), [])).toEqual({
      ...EMPTY,
      exitCode: 125,
      failure: { step: 7, errno: "EACCES", detail: 256 },
    });
  });

  test("of a step of the final part, which leaves the status alone", () => {
    expect(decodeOutcome(result({ cleanup_step: 9, cleanup_error: 16, wait_status: 3 << 8 }), [])).toEqual({
      ...EMPTY,
      exitCode: 3,
      cleanup: { step: 9, errno: "EBUSY", detail: 0 },
    });
  });

  test("with an error that has no name keeps its number", () => {
    expect(decodeOutcome(result({ failed_step: 0, error: 4000 }), []).failure?.errno).toBe("errno 4000");
  });

  test("with times and memory in their units, beyond 32 bits", () => {
    const fields = { started_ns: 5n, ended_ns: 10_000_000_005n, user_us: 2500, system_us: 2n ** 33n, max_rss_kib: 3 };
    expect(decodeOutcome(result(fields), [])).toEqual({
      ...EMPTY,
      wallTimeNs: 10_000_000_000n,
      userTimeUs: 2500,
      systemTimeUs: 2 ** 33,
      maxRssBytes: 3072,
    });
  });

  test("with buffers by name, each from a multiple of eight bytes on", () => {
    const buffers = [
      { name: "first", size: 3 },
      { name: "second", size: 2 },
    ];
    const data = Uint8Array.of(1, 2, 3, 0, 0, 0, 0, 0, 4, 5, 9);
    expect(decodeOutcome(result({}, data), buffers).buffers).toEqual({
      first: Uint8Array.of(1, 2, 3),
      second: Uint8Array.of(4, 5),
    });
  });

  test("that was cut off within the data has what is there", () => {
    const { buffers } = decodeOutcome(result({}, Uint8Array.of(1)), [{ name: "cut", size: 8 }]);
    expect(buffers).toEqual({ cut: Uint8Array.of(1) });
  });

  test("may lie in the middle of a larger memory", () => {
    const larger = new Uint8Array(RESULT_SIZE + 20);
    larger.set(result({ wait_status: 1 << 8 }), 7);
    expect(decodeOutcome(larger.subarray(7, 7 + RESULT_SIZE), []).exitCode).toBe(1);
  });
});

describe("no outcome", () => {
  const message =
    "INTERNAL sampan: the executor ended without a result. It may have been killed; nothing of the container runs any more.";

  test.each([
    ["nothing", new Uint8Array()],
    ["the magic alone", new TextEncoder().encode(RESULT_MAGIC)],
    ["a record that is one byte short", result().subarray(0, RESULT_SIZE - 1)],
    ["a record with another magic", result().fill(0, 0, 1)],
    ["zeroes", new Uint8Array(200)],
  ])("is %s", (_title, bytes) => {
    expect(refusal(() => decodeOutcome(bytes, []))).toBe(message);
  });
});

function program(): Program {
  const b = new ProgramBuilder("x64");
  const [fd, buffer] = [b.register("file"), b.buffer("text", 5)];
  b.call("openat", [-100, "/srv/x", 0, 0], "open it", { result: fd });
  b.call("read", [fd, buffer, 5], "read it");
  b.exit(0, "the end");
  return b.build({ argv: ["/usr/bin/sampan", "internal-report"], when: "always" });
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

describe("a report", () => {
  test("is the outcome and the program, with the data as they were at the end", () => {
    const { image } = encode(program());
    const decoded = decodeReport(joined(result({ failed_step: 1, error: 5 }), image));
    expect(decoded.program).toEqual(program());
    expect(decoded.outcome.failure).toEqual({ step: 1, errno: "EIO", detail: 0 });
    expect(decoded.outcome.buffers).toEqual({ text: new Uint8Array(5) });
  });

  test("shows what a run has left in the buffers", () => {
    const { image, bufferOffsets } = encode(program());
    const changed = image.slice();
    const view = new DataView(changed.buffer);
    const dataAt = 48 + view.getUint32(16, true) * 88 + view.getUint32(20, true) * 4;
    changed.set(new TextEncoder().encode("hello"), dataAt + (bufferOffsets[0] ?? 0));
    const { buffers } = decodeReport(joined(result(), changed)).outcome;
    expect(buffers).toEqual({ text: new TextEncoder().encode("hello") });
  });

  test("is refused when the program is none", () => {
    expect(refusal(() => decodeReport(result()))).toBe(
      "PROGRAM_INVALID sampan: this is not a program: it is shorter than a header.",
    );
    expect(refusal(() => decodeReport(joined(result(), new Uint8Array(500))))).toBe(
      "PROGRAM_INVALID sampan: this is not a program: it does not start with the program's magic.",
    );
  });

  test("is refused when the record is none", () => {
    expect(refusal(() => decodeReport(joined(new Uint8Array(RESULT_SIZE), encode(program()).image)))).toBe(
      "INTERNAL sampan: the executor ended without a result. It may have been killed; nothing of the container runs any more.",
    );
  });

  test("is refused when it was cut off anywhere", () => {
    const whole = joined(result(), encode(program()).image);
    for (let size = 0; size < whole.length; size++) {
      expect(refusal(() => decodeReport(whole.subarray(0, size)))).toMatch(/^(PROGRAM_INVALID|INTERNAL) /);
    }
  });
});
