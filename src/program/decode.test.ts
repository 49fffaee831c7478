import { describe, expect, test } from "bun:test";
import { mutate } from "../../test/support/mutate.ts";
import { Random } from "../../test/support/random.ts";
import { randomProgram } from "../../test/support/random-program.ts";
import { SampanError } from "../errors/index.ts";
import { decode, encode, HEADER_SIZE, OP_SIZE, type Program, ProgramBuilder, verify } from "./index.ts";

/** Every kind of argument, fill, condition and option. */
function sample(): Program {
  const b = new ProgramBuilder("x64");
  const [pid, read, write, status] = ["container", "read", "write", "status"].map((name) => b.register(name)) as [
    ReturnType<typeof b.register>,
    ReturnType<typeof b.register>,
    ReturnType<typeof b.register>,
    ReturnType<typeof b.register>,
  ];
  const pair = b.buffer("pair", 8);
  const child = b.label("container");
  const loads = [
    { buffer: pair, at: 0, register: read },
    { buffer: pair, at: 4, register: write },
  ];
  b.call("pipe2", [pair, 0o2000000], "a pipe", { loads });
  b.fork(child, "the container", { flags: 0x2_0000, result: pid });
  b.call("openat", [-100, b.text("/proc/", pid), 0, 0], "its folder", { accepts: ["ENOENT"], when: pid });
  b.call(
    "write",
    [write, { kind: "bytes", value: new Uint8Array(16), fills: [{ at: 4, register: pid, as: "u64" }] }, 16],
    "",
  );
  b.call("prlimit64", [0, 7, { kind: "bytes", value: new Uint8Array(16).fill(255) }, null], "limits", { goOn: true });
  b.control("supervise", [pid, 0, -1, ""], "wait", { result: status });
  b.finally();
  b.exit(status, "the end");
  b.place(child);
  const vector = { kind: "vector", values: ["sh", b.text("fd ", read)] } as const;
  b.control("exec", [vector, vector, { kind: "vector", values: [] }], "run");
  b.exit(127, "not reached");
  return b.build({ argv: ["/usr/bin/sampan", "report"], when: "always" });
}

/** The reason that a damaged image is refused for. */
function refusal(damage: (view: DataView, image: Uint8Array) => Uint8Array | undefined): string {
  const { image } = encode(sample());
  const damaged = damage(new DataView(image.buffer), image) ?? image;
  try {
    decode(damaged);
  } catch (error) {
    if (error instanceof SampanError && error.code === "PROGRAM_INVALID") return error.message;
    throw error;
  }
  throw new Error("the image was accepted");
}

const op = (step: number, field: number) => HEADER_SIZE + step * OP_SIZE + field;

function vectorsAt(view: DataView): number {
  return HEADER_SIZE + view.getUint32(16, true) * OP_SIZE;
}

function dataAt(view: DataView): number {
  return vectorsAt(view) + view.getUint32(20, true) * 4;
}

/** The image with other notes. */
function withNotes(view: DataView, image: Uint8Array, notes: string | Uint8Array): Uint8Array {
  const bytes = typeof notes === "string" ? new TextEncoder().encode(notes) : notes;
  const start = image.length - view.getUint32(28, true);
  const changed = new Uint8Array(start + bytes.length);
  changed.set(image.subarray(0, start));
  changed.set(bytes, start);
  new DataView(changed.buffer).setUint32(28, bytes.length, true);
  return changed;
}

function notesOf(view: DataView, image: Uint8Array): Record<string, unknown> {
  return JSON.parse(new TextDecoder().decode(image.subarray(image.length - view.getUint32(28, true))));
}

describe("a round trip", () => {
  test("gives back the program with its names, sections, buffers and sentences", () => {
    expect(decode(encode(sample()).image)).toEqual(sample());
  });

  test("gives back random programs, which verify accepts", () => {
    const random = new Random(42);
    for (let i = 0; i < 300; i++) {
      const program = randomProgram(random);
      verify(program);
      expect(decode(encode(program).image)).toEqual(program);
    }
  });

  test("works on a part of a larger memory", () => {
    const { image } = encode(sample());
    const larger = new Uint8Array(image.length + 20);
    larger.set(image, 7);
    expect(decode(larger.subarray(7, 7 + image.length))).toEqual(sample());
  });

  test("finds the prefix of a string again after the digits of a register were written behind it", () => {
    const program = sample();
    const { image } = encode(program);
    const view = new DataView(image.buffer);
    const digits = dataAt(view) + view.getUint32(op(2, 48), true);
    image.set(new TextEncoder().encode("1234"), digits);
    expect(decode(image).operations[2]).toEqual(program.operations[2] as (typeof program.operations)[number]);
  });

  test("loses labels of bytes", () => {
    const b = new ProgramBuilder("x64");
    b.call("write", [1, { kind: "bytes", value: Uint8Array.of(1), label: "one" }, 1], "");
    b.exit(0, "");
    expect(decode(encode(b.build()).image).operations[0]?.arguments[1]).toEqual({
      kind: "bytes",
      value: Uint8Array.of(1),
    });
  });

  test("turns small bigints into numbers, and zero where an address is wanted into null", () => {
    const b = new ProgramBuilder("x64");
    b.call("wait4", [5n, 0, 2n ** 63n, 0], "");
    b.call("prctl", [38, 0, 0, 0, 0], "");
    b.exit(0, "");
    const { operations } = decode(encode(b.build()).image);
    expect(operations[0]?.arguments).toEqual([5, null, 2n ** 63n, null]);
    expect(operations[1]?.arguments).toEqual([38, 0, 0, 0, 0]);
  });

  test("keeps an empty structure apart from the string that follows it", () => {
    const b = new ProgramBuilder("x64");
    const empty = { kind: "bytes", value: new Uint8Array(0) } as const;
    b.call("setgroups", [0, empty], "");
    b.call("write", [1, empty, 0], "");
    b.call("chdir", ["/next"], "");
    b.exit(0, "");
    const { operations } = decode(encode(b.build()).image);
    expect(operations.slice(0, 3).map((operation) => operation.arguments)).toEqual([
      [0, empty],
      [1, empty, 0],
      ["/next"],
    ]);
  });
});

describe("the header of an image that is refused", () => {
  const cases: readonly [string, (view: DataView, image: Uint8Array) => Uint8Array | undefined][] = [
    ["it is shorter than a header", (_view, image) => image.subarray(0, 47)],
    ["it does not start with the program's magic", (view) => void view.setUint8(0, 0)],
    ["it is of another version", (view) => void view.setUint32(8, 2, true)],
    ["it is for another architecture", (view) => void view.setUint32(12, 1, true)],
    ["it has no operations, or too many", (view) => void view.setUint32(16, 0, true)],
    ["it has no operations, or too many", (view) => void view.setUint32(16, 65537, true)],
    ["a section is too large", (view) => void view.setUint32(20, (1 << 18) + 1, true)],
    ["a section is too large", (view) => void view.setUint32(24, 0xffff_ffff, true)],
    ["a section is too large", (view) => void view.setUint32(28, (1 << 26) + 1, true)],
    ["its length is not what its header says", (_view, image) => image.subarray(0, image.length - 1)],
    ["its final part starts outside of it", (view) => void view.setUint32(32, 99, true)],
    ["its reporter points outside of the vector table", (view) => void view.setUint32(36, 99, true)],
    ["its reporter has an unknown condition", (view) => void view.setUint32(40, 4, true)],
    ["a reserved field is not zero", (view) => void view.setUint32(44, 1, true)],
  ];
  for (const [reason, damage] of cases)
    test(`is the cause: ${reason}`, () => {
      expect(refusal(damage)).toBe(`this is not a program: ${reason}`);
    });
});

describe("the tables of an image that is refused", () => {
  const cases: readonly [string, (view: DataView, image: Uint8Array) => Uint8Array | undefined][] = [
    ["the vector table does not end with a terminator", (view) => void view.setUint32(dataAt(view) - 4, 0, true)],
    ["a vector entry points outside of the data", (view) => void view.setUint32(vectorsAt(view), 0xffff_fffe, true)],
    ["its data does not end with a zero", (view) => void view.setUint8(dataAt(view) + view.getUint32(24, true) - 1, 1)],
    ["it does not end with an exit", (view) => void view.setUint8(op(8, 69), 1)],
    [
      "a string is not UTF-8",
      (view) => void view.setUint8(dataAt(view) + view.getUint32(vectorsAt(view) + 28, true), 255),
    ],
  ];
  for (const [reason, damage] of cases)
    test(`are the cause: ${reason}`, () => {
      expect(refusal(damage)).toBe(`this is not a program: ${reason}`);
    });
});

describe("an operation that is refused", () => {
  const byte = (step: number, field: number, value: number) => (view: DataView) =>
    void view.setUint8(op(step, field), value);
  const word = (step: number, field: number, value: number) => (view: DataView) =>
    void view.setUint32(op(step, field), value, true);
  const cases: readonly [string, number, (view: DataView) => undefined][] = [
    ["an operation has an unknown code", 0, byte(0, 66, 14)],
    ["an operation has an unknown code", 0, byte(0, 66, 0)],
    ["a result register is out of range", 0, byte(0, 68, 192)],
    ["register 100 has no name", 0, byte(0, 68, 100)],
    ["a condition is malformed", 0, byte(0, 69, 3)],
    ["a condition is malformed", 2, byte(2, 70, 192)],
    ["an operation has unknown flags", 0, byte(0, 82, 4)],
    ["a reserved field is not zero", 0, byte(0, 87, 1)],
    ["a reserved field is not zero", 0, byte(0, 54, 1)],
    ["too many arguments", 0, byte(0, 67, 7)],
    ["an argument has an unknown kind", 0, byte(0, 76, 4)],
    ["a register number is out of range", 3, word(3, 0, 192)],
    ["a register number is out of range", 3, word(3, 4, 1)],
    ["a data argument points outside of the data", 0, word(0, 0, 0x7fff_ffff)],
    ["a data argument points outside of the data", 0, word(0, 4, 0x7fff_ffff)],
    ["a vector argument points outside of the table", 7, word(7, 0, 99)],
    ["too many fills", 0, byte(0, 71, 3)],
    ["a fill has an unknown kind", 0, byte(0, 53, 6)],
    ["a fill names a register out of range", 0, byte(0, 52, 192)],
    ["a fill lies outside of the data", 0, word(0, 48, 0xffff_fffd)],
    ["a control operation has the wrong number of arguments", 1, byte(1, 67, 4)],
    ["a control operation has an argument of the wrong kind", 6, byte(6, 76, 2)],
    ["a fork does not lead forwards to an operation", 1, word(1, 8, 1)],
    ["a fork does not lead forwards to an operation", 1, word(1, 8, 9)],
    ["a fork names a register out of range", 1, word(1, 24, 192)],
    ["a fork has an unknown role", 1, word(1, 32, 0)],
    [
      "a terminal's settings do not fit into the data",
      5,
      (view) => {
        view.setUint32(op(5, 8), 1, true);
        view.setUint32(op(5, 24), view.getUint32(24, true) - 59, true);
      },
    ],
    ["there is no system call 999 that programs may use", 0, (view) => void view.setUint16(op(0, 64), 999, true)],
    ["pipe2 takes 2 arguments, not 1", 0, byte(0, 67, 1)],
    ["it accepts errno 200, which does not exist", 2, byte(2, 72, 200)],
    ["a fill belongs to no argument", 0, byte(0, 53, 1)],
    ["a load reads from outside of the buffers", 0, word(0, 48, 5)],
    ["an argument points into a buffer", 2, word(2, 8, 0)],
  ];
  for (const [reason, step, damage] of cases)
    test(`is named with its step: ${reason}`, () => {
      expect(refusal(damage)).toBe(`this is not a program: ${reason} (step ${step})`);
    });

  test("is told to programs in the error's details", () => {
    const { image } = encode(sample());
    new DataView(image.buffer).setUint8(op(0, 66), 77);
    expect(() => decode(image)).toThrow(
      expect.objectContaining({
        code: "PROGRAM_INVALID",
        details: expect.objectContaining({ step: { index: 0, count: 9 } }),
      }),
    );
  });
});

describe("notes that are refused", () => {
  const buffers = "its buffers do not fit into the data";
  const sections = "its sections are out of order or outside of it";
  const cases: readonly [string, Record<string, unknown>][] = [
    ["it has 9 operations and 1 reasons", { why: ["one"] }],
    ["its list of reasons is no list of strings", { why: [1] }],
    ["its list of registers is no list of strings", { registers: "fd" }],
    ["it names more than 192 registers", { registers: new Array(193).fill("r") }],
    ["its list of sections is no list", { sections: {} }],
    ["a section: no object", { sections: [null] }],
    ['a section: unknown field "to"', { sections: [{ from: 0, process: "executor", to: 1 }] }],
    ['a section: no field "process"', { sections: [{ from: 0 }] }],
    ["a section is malformed", { sections: [{ from: -1, process: "executor" }] }],
    [sections, { sections: [{ from: 9, process: "executor" }] }],
    [
      sections,
      {
        sections: [
          { from: 1, process: "a" },
          { from: 1, process: "b" },
        ],
      },
    ],
    ["its list of buffers is no list", { buffers: 1 }],
    ["a buffer is malformed", { buffers: [["pair"]] }],
    ["a buffer is malformed", { buffers: [["pair", 0]] }],
    [
      buffers,
      {
        buffers: [
          ["pair", 8],
          ["huge", Number.MAX_SAFE_INTEGER],
        ],
      },
    ],
    ['its notes: unknown field "author"', { author: "me" }],
  ];
  for (const [reason, change] of cases)
    test(`are the cause: ${reason}`, () => {
      const damage = (view: DataView, image: Uint8Array) =>
        withNotes(view, image, JSON.stringify({ ...notesOf(view, image), ...change }));
      expect(refusal(damage)).toBe(`this is not a program: ${reason}`);
    });

  test("are no JSON, no UTF-8, or no object", () => {
    const text = "this is not a program: its notes are not UTF-8 JSON";
    expect(refusal((view, image) => withNotes(view, image, "{"))).toBe(text);
    expect(refusal((view, image) => withNotes(view, image, ""))).toBe(text);
    expect(refusal((view, image) => withNotes(view, image, Uint8Array.of(0xff)))).toBe(text);
    expect(refusal((view, image) => withNotes(view, image, "[".repeat(1_000_000)))).toBe(text);
    expect(refusal((view, image) => withNotes(view, image, "[]"))).toBe("this is not a program: its notes: no object");
  });
});

describe("hostile images", () => {
  test("are refused as programs are, whatever was damaged", () => {
    const random = new Random(7);
    for (let i = 0; i < 3000; i++) {
      const image = mutate(encode(randomProgram(random)).image, random);
      try {
        decode(image);
      } catch (error) {
        expect(error).toBeInstanceOf(SampanError);
        expect((error as SampanError).code).toBe("PROGRAM_INVALID");
      }
    }
  });

  test("cannot make decoding take long with strings or vectors that overlap", () => {
    const b = new ProgramBuilder("x64");
    const long = "x".repeat(1 << 20);
    const vector = { kind: "vector", values: new Array(1000).fill("y") } as const;
    for (let i = 0; i < 400; i++) {
      b.call("chdir", [long], "");
      b.control("spawn", [i === 0 ? vector : { kind: "vector", values: [] }], "");
    }
    b.exit(0, "");
    const { image } = encode(b.build());
    const view = new DataView(image.buffer);
    const overlap = (offset: (i: number) => number, field: 0 | 1) => {
      for (let i = 1; i < 400; i++) view.setUint32(op(i * 2 + field, 0), offset(i), true);
    };
    overlap((i) => i, 0);
    expect(() => decode(image)).toThrow("this is not a program: its data overlap too often (step 128)");
    overlap(() => 0, 0);
    overlap((i) => i % 100, 1);
    expect(() => decode(image)).toThrow(/^this is not a program: its vectors overlap too often \(step 5\d\d\)$/);
  });
});
