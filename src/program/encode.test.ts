import { describe, expect, test } from "bun:test";
import { encode, HEADER_SIZE, OP_SIZE, type Program, ProgramBuilder, type Register } from "./index.ts";

function build(fill: (b: ProgramBuilder) => void): Program {
  const b = new ProgramBuilder("x64");
  fill(b);
  b.exit(0, "done");
  return b.build();
}

/** The operation's 88 bytes. */
function operation(image: Uint8Array, step: number): Uint8Array {
  return image.subarray(HEADER_SIZE + step * OP_SIZE, HEADER_SIZE + (step + 1) * OP_SIZE);
}

function words(image: Uint8Array, at: number, count: number): number[] {
  const view = new DataView(image.buffer, image.byteOffset);
  return Array.from({ length: count }, (_, i) => view.getUint32(at + i * 4, true));
}

/** The data section as text, with a dot for every zero. */
function data(image: Uint8Array): string {
  const [ops = 0, vectors = 0, size = 0] = words(image, 16, 3);
  const start = HEADER_SIZE + ops * OP_SIZE + vectors * 4;
  return new TextDecoder().decode(image.subarray(start, start + size)).replaceAll("\0", ".");
}

describe("the header", () => {
  test("names the protocol, the architecture and the sizes of what follows", () => {
    const { image } = encode(build((b) => b.call("chdir", ["/"], "the root")));
    expect(new TextDecoder().decode(image.subarray(0, 8))).toBe("SAMPANPR");
    const notes =
      '{"why":["the root","done"],"sections":[{"from":0,"process":"executor"}],"registers":[],"buffers":[]}';
    expect(words(image, 8, 10)).toEqual([1, 0xc000_003e, 2, 0, 3, notes.length, 1, 0xffff_ffff, 0, 0]);
    expect(new TextDecoder().decode(image.subarray(image.length - notes.length))).toBe(notes);
  });

  test("says when the reporter is wanted, and which vector it is", () => {
    const b = new ProgramBuilder("arm64");
    b.exit(0, "done");
    const { image } = encode(b.build({ argv: ["/usr/bin/sampan", "report"], when: "killed" }));
    expect(words(image, 12, 1)).toEqual([0xc000_00b7]);
    expect(words(image, 36, 2)).toEqual([0, 2]);
    expect(words(image, HEADER_SIZE + OP_SIZE, 3)).toEqual([0, 16, 0xffff_ffff]);
    expect(data(image)).toBe("/usr/bin/sampan.report..");
  });
});

describe("an operation", () => {
  test("holds numbers as 64-bit words, negative ones in two's complement", () => {
    const { image } = encode(build((b) => b.call("openat", [-100, "/", 2 ** 40 + 1, 2n ** 63n], "a file")));
    expect(words(image, HEADER_SIZE, 8)).toEqual([0xffff_ff9c, 0xffff_ffff, 0, 0, 1, 256, 0, 0x8000_0000]);
  });

  test("holds negative numbers beyond 32 bits", () => {
    const { image } = encode(build((b) => b.call("openat", [-(2 ** 40), "/", -(2 ** 33) - 1, -(2n ** 63n)], "")));
    expect(words(image, HEADER_SIZE, 8)).toEqual([0, 0xffff_ff00, 0, 0, 0xffff_ffff, 0xffff_fffd, 0, 0x8000_0000]);
  });

  test("holds the call's number, its result, its condition and what it accepts", () => {
    const program = build((b) => {
      const [fd, ready] = [b.register("fd"), b.register("ready")];
      const options = { result: ready, unless: fd, accepts: ["EEXIST", "EPERM"], goOn: true, retryBusy: true } as const;
      b.call("mkdirat", [-100, "/a", 0o755], "a folder", options);
    });
    const bytes = [...operation(encode(program).image, 0).subarray(64)];
    expect(bytes).toEqual([2, 1, 1, 3, 1, 2, 0, 0, 17, 1, 0, 0, 0, 2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0]);
  });

  test("fills registers into its own copy of a string", () => {
    const program = build((b) => {
      const pid = b.register("pid");
      b.call("chdir", [b.text("/proc/", pid)], "there");
      b.call("chdir", ["/proc/"], "here");
    });
    const { image } = encode(program);
    expect(data(image)).toBe(`/proc/${".".repeat(12)}/proc/..`);
    expect(words(operation(image, 0).slice(), 48, 1)).toEqual([6]);
    expect([...operation(image, 0).subarray(52, 54)]).toEqual([0, 3]);
  });

  test("keeps strings once, and structures on multiples of eight", () => {
    const value = Uint8Array.of(0x41, 0x42);
    const program = build((b) => {
      b.call("chroot", ["/x"], "");
      b.call("chdir", ["/x"], "");
      b.call("write", [1, { kind: "bytes", value }, 2], "");
    });
    const { image } = encode(program);
    expect(data(image)).toBe("/x......AB.");
    expect(words(operation(image, 2).slice(), 8, 2)).toEqual([8, 2]);
  });

  test("puts buffers first, where the executor's result is read", () => {
    const program = build((b) => {
      const [small, large] = [b.buffer("small", 4), b.buffer("large", 16)];
      b.call("read", [0, large, 16], "");
      b.call("read", [0, small, 4], "");
    });
    const { image, bufferOffsets } = encode(program);
    expect(bufferOffsets).toEqual([0, 8]);
    expect(words(operation(image, 0).slice(), 8, 2)).toEqual([8, 16]);
  });
});

describe("what cannot be encoded", () => {
  test("is a string with a zero character", () => {
    const program = build((b) => b.call("chdir", ["/a\0b"], ""));
    expect(() => encode(program)).toThrow(new TypeError("a string of a program cannot hold a zero character"));
  });

  test("is a step that fills three registers", () => {
    const program = build((b) => {
      const text = b.text("/", b.register("fd"));
      b.control("spawn", [{ kind: "vector", values: [text, text, text] }], "");
    });
    expect(() => encode(program)).toThrow(new RangeError("step 0 fills more than 2 registers"));
  });

  test("is a label that was never placed", () => {
    const b = new ProgramBuilder("x64");
    b.fork(b.label("container"), "");
    b.exit(0, "");
    expect(() => b.build()).toThrow(new Error("the label container was never placed"));
  });

  test("is a program with more registers than the executor has", () => {
    const b = new ProgramBuilder("x64");
    const take = (): Register => b.register("one more");
    for (let i = 0; i < 192; i++) take();
    expect(take).toThrow(new RangeError("a program has at most 192 registers"));
  });
});
