import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { type Argument, type Operation, type Program, ProgramBuilder, type Register, verify } from "./index.ts";

/** A program without a fault; `change` puts one in. */
function program(change: (b: ProgramBuilder) => void = () => undefined): Program {
  const b = new ProgramBuilder("x64");
  change(b);
  b.exit(0, "done");
  return b.build();
}

/** The first operation with other fields than the types allow. */
function withFirst(fields: Record<string, unknown>): Program {
  const good = program((b) => {
    const fd = b.register("fd");
    b.call("openat", [-100, "/", 0, 0], "the root", { result: fd });
  });
  const first = { ...good.operations[0], ...fields } as Operation;
  return { ...good, operations: [first, ...good.operations.slice(1)] };
}

function refusal(bad: Program): string {
  try {
    verify(bad);
  } catch (error) {
    if (error instanceof SampanError && error.code === "PROGRAM_INVALID") return error.message;
    throw error;
  }
  return "accepted";
}

describe("registers", () => {
  test("may be read when a result, a load or a pidfd was written to them", () => {
    const good = program((b) => {
      const [a, c, pidfd] = [b.register("a"), b.register("c"), b.register("pidfd")];
      const pair = b.buffer("pair", 8);
      const child = b.label("child");
      b.call("getpid", [], "", { result: a });
      b.call("pipe2", [pair, 0], "", { loads: [{ buffer: pair, at: 4, register: c }] });
      b.fork(child, "", { pidfd });
      b.call("kill", [a, 9], "");
      b.call("close", [c], "");
      b.call("close", [pidfd], "");
      b.exit(0, "");
      b.place(child);
    });
    expect(refusal(good)).toBe("accepted");
  });

  test("may be looked at by conditions while they are empty", () => {
    const good = program((b) => {
      const fd = b.register("fd");
      b.call("openat", [-100, "/", 0, 0], "", { unless: fd, result: fd });
      b.call("close", [fd], "", { when: fd });
    });
    expect(refusal(good)).toBe("accepted");
  });

  const readers: readonly [string, (register: Register) => Argument, string][] = [
    ["as a number", (register) => register, "close"],
    ["in a string", (register) => ({ kind: "text", prefix: "/proc/", register }), "chdir"],
  ];
  for (const [how, argument, call] of readers)
    test(`may not be read ${how} when nothing has written them`, () => {
      const bad = program((b) => b.call(call as "close", [argument(b.register("fd")) as Register], ""));
      expect(refusal(bad)).toBe(`this program is wrong at step 0 (${call}): it reads <fd>, which nothing has written`);
    });

  test("may not be read in bytes or vectors when nothing has written them", () => {
    const text = "it reads <fd>, which nothing has written";
    const inBytes = program((b) => {
      const fills = [{ at: 0, register: b.register("fd"), as: "u32" }] as const;
      b.call("write", [1, { kind: "bytes", value: new Uint8Array(4), fills }, 4], "");
    });
    expect(refusal(inBytes)).toBe(`this program is wrong at step 0 (write): ${text}`);
    const inVector = program((b) =>
      b.control("spawn", [{ kind: "vector", values: ["x", b.text("", b.register("fd"))] }], ""),
    );
    expect(refusal(inVector)).toBe(`this program is wrong at step 0 (spawn): ${text}`);
  });

  test("written by the parent after the fork are empty in the child", () => {
    const bad = program((b) => {
      const [early, late] = [b.register("early"), b.register("late")];
      const child = b.label("child");
      b.call("getpid", [], "", { result: early });
      b.fork(child, "", { result: late });
      b.exit(0, "");
      b.place(child);
      b.call("kill", [early, 9], "");
      b.call("kill", [late, 9], "");
    });
    expect(refusal(bad)).toBe("this program is wrong at step 4 (kill): it reads <late>, which nothing has written");
  });

  test("written anywhere before may be read in the final part", () => {
    const good = program((b) => {
      const fd = b.register("fd");
      b.call("openat", [-100, "/", 0, 0], "", { result: fd });
      b.finally();
      b.call("close", [fd], "", { when: fd });
    });
    expect(refusal(good)).toBe("accepted");
  });

  test("belong to the program", () => {
    const stranger: Register = { kind: "register", index: 3, name: "stranger" };
    const text = "this program is wrong at step 0 (openat): <stranger> is no register of this program";
    for (const field of ["result", "when", "unless"]) expect(refusal(withFirst({ [field]: stranger }))).toBe(text);
  });

  test("are at most as many as the executor has", () => {
    const bad = { ...program(), registers: new Array(193).fill("r") };
    expect(refusal(bad)).toBe("this program is wrong: it has more than 192 registers");
  });
});

describe("paths", () => {
  test("end with an exit that has no condition", () => {
    const { operations, ...rest } = program((b) => b.call("setsid", [], ""));
    const open = { ...rest, operations: operations.slice(0, 1), finallyStep: 0 };
    expect(refusal(open)).toBe("this program is wrong: it does not end with an exit");
    const maybe = program((b) => b.register("fd"));
    const exit = { ...maybe.operations[0], when: { kind: "register", index: 0, name: "fd" } } as Operation;
    expect(refusal({ ...maybe, operations: [exit] })).toBe("this program is wrong: it does not end with an exit");
  });

  test("lead to every step", () => {
    const bad = program((b) => {
      b.exit(1, "too early");
      b.call("setsid", [], "");
    });
    expect(refusal({ ...bad, finallyStep: 2 })).toBe("this program is wrong at step 1 (setsid): no path leads to it");
  });

  test("may leave out the exit behind an exec", () => {
    const none = { kind: "vector", values: [] } as const;
    expect(refusal(program((b) => b.control("exec", [none, none, none], "")))).toBe("accepted");
  });

  test("have at least one step, and a final part inside of them", () => {
    expect(refusal({ ...program(), operations: [] })).toBe("this program is wrong: it needs 1 to 65536 operations");
    const text = "this program is wrong: its final part starts outside of it";
    for (const finallyStep of [-1, 1, Number.NaN]) expect(refusal({ ...program(), finallyStep })).toBe(text);
  });
});

describe("forks and sections", () => {
  function forked(body: (b: ProgramBuilder) => void = (b) => b.exit(0, "")): Program {
    return program((b) => {
      const child = b.label("container");
      b.fork(child, "");
      body(b);
      b.place(child);
    });
  }

  function withFork(index: number, value: number): Program {
    const good = forked();
    const [fork, ...rest] = good.operations as [Operation, ...Operation[]];
    return { ...good, operations: [{ ...fork, arguments: fork.arguments.with(index, value) }, ...rest] };
  }

  test("belong together", () => {
    expect(refusal(forked())).toBe("accepted");
  });

  test("lead forwards", () => {
    for (const step of [0, -1, 3])
      expect(refusal(withFork(1, step))).toBe("this program is wrong at step 0 (fork): it does not lead forwards");
  });

  test("lead to where a section begins", () => {
    const text = "its child starts at step 1, where no section begins";
    expect(refusal(withFork(1, 1))).toBe(`this program is wrong at step 0 (fork): ${text}`);
  });

  test("name a register for the pidfd, and a role", () => {
    const text = "its pidfd goes to register 5, which the program does not have";
    expect(refusal(withFork(3, 5))).toBe(`this program is wrong at step 0 (fork): ${text}`);
    expect(refusal(withFork(4, 3))).toBe("this program is wrong at step 0 (fork): its role is unknown");
  });

  test("are not walked into from the section before", () => {
    const text = "this program is wrong at step 1 (setsid): it runs on into the section container";
    expect(refusal(forked((b) => b.call("setsid", [], "")))).toBe(text);
  });

  test("are separated by an exec as well, unless its failure is accepted", () => {
    const none = { kind: "vector", values: [] } as const;
    expect(refusal(forked((b) => b.control("exec", [none, none, none], "")))).toBe("accepted");
    const text = "this program is wrong at step 1 (exec): it runs on into the section container";
    expect(refusal(forked((b) => b.control("exec", [none, none, none], "", { accepts: ["ENOENT"] })))).toBe(text);
    expect(refusal(forked((b) => b.control("exec", [none, none, none], "", { goOn: true })))).toBe(text);
  });

  test("need each other", () => {
    const good = forked();
    const orphan = {
      ...good,
      sections: [...good.sections.slice(0, 1), { from: 1, process: "orphan" }, good.sections[1]],
    };
    const text = "this program is wrong: no fork leads to the section orphan";
    expect(refusal(orphan as Program)).toBe(text);
  });

  test("are in order, beginning with step 0", () => {
    const good = forked();
    const late = { ...good, sections: good.sections.slice(1) };
    expect(refusal(late)).toBe("this program is wrong: its first section does not begin at step 0");
    const twice = { ...good, sections: [...good.sections, { from: 2, process: "container" }] };
    expect(refusal(twice)).toBe("this program is wrong: the section container is out of order or outside of it");
  });
});

describe("an operation", () => {
  const bytes = (size: number, at: number, as: "u32" | "u64" | "padded") => ({
    kind: "bytes",
    value: new Uint8Array(size),
    fills: [{ at, register: { kind: "register", index: 0, name: "fd" }, as }],
  });
  const fd = { kind: "register", index: 0, name: "fd" };
  const cases: readonly [string, Record<string, unknown>, string][] = [
    ["exists", { name: "reboot" }, "there is no such system call in the signatures"],
    ["has as many arguments as its signature", { arguments: [0, "/"] }, "it takes 4 arguments, not 2"],
    ["gets paths as strings", { arguments: [0, 5, 0, 0] }, "argument 2 is a path, not a number"],
    ["gets numbers as numbers", { arguments: ["0", "/", 0, 0] }, "argument 1 is a number"],
    ["gets whole numbers", { arguments: [0.5, "/", 0, 0] }, "0.5 is no 64-bit integer"],
    ["gets numbers of 64 bits", { arguments: [2n ** 64n, "/", 0, 0] }, "18446744073709551616 is no 64-bit integer"],
    ["has no zero in its strings", { arguments: [0, "/\0", 0, 0] }, "a string holds a zero character"],
    ["has strings that UTF-8 can hold", { arguments: [0, "\ud800", 0, 0] }, "a string is not well-formed Unicode"],
    ["has one condition", { when: fd, unless: fd }, "it has two conditions"],
    ["accepts four errors", { accepts: ["EIO", "EIO", "EIO", "EIO", "EIO"] }, "it accepts more than 4 errors"],
    ["accepts errors that exist", { accepts: ["EOLD"] }, "it accepts EOLD, which does not exist"],
    ["fills inside of its bytes", { arguments: [0, bytes(8, 5, "u32"), 0, 0] }, "a fill lies outside of its bytes"],
    [
      "fills with digits inside, too",
      { arguments: [0, bytes(8, 0, "padded"), 0, 0] },
      "a fill lies outside of its bytes",
    ],
    [
      "uses buffers of the program",
      { arguments: [0, { kind: "buffer", index: 0, name: "b", size: 4 }, 0, 0] },
      "&b is no buffer of this program",
    ],
  ];
  for (const [rule, fields, reason] of cases)
    test(rule, () => {
      const name = "name" in fields ? fields["name"] : "openat";
      expect(refusal(withFirst(fields))).toBe(`this program is wrong at step 0 (${name}): ${reason}`);
    });

  test("fills two registers, loads included", () => {
    const bad = program((b) => {
      const [a, c] = [b.register("a"), b.register("c")];
      const pair = b.buffer("pair", 8);
      const loads = [
        { buffer: pair, at: 0, register: a },
        { buffer: pair, at: 4, register: c },
      ];
      b.call("openat", [-100, b.text("/", a), 0, 0], "", { loads });
    });
    expect(refusal(bad)).toBe("this program is wrong at step 0 (openat): it fills more than 2 registers");
  });

  test("loads from inside of its buffer", () => {
    const bad = program((b) => {
      const pair = b.buffer("pair", 8);
      b.call("pipe2", [pair, 0], "", { loads: [{ buffer: pair, at: 5, register: b.register("fd") }] });
    });
    expect(refusal(bad)).toBe("this program is wrong at step 0 (pipe2): a load lies outside of &pair");
  });

  test("of control has the arguments of its table", () => {
    const one = program((b) => b.control("post", [], ""));
    expect(refusal(one)).toBe("this program is wrong at step 0 (post): it takes 1 argument, not 0");
    const two = program((b) => b.control("spawn", ["newuidmap"], ""));
    expect(refusal(two)).toBe("this program is wrong at step 0 (spawn): its argument argv is no vector");
    const three = program((b) => b.control("killcg", [null], ""));
    expect(refusal(three)).toBe("this program is wrong at step 0 (killcg): its argument group is no data");
    const four = program((b) => b.control("toString" as "post", [], ""));
    expect(refusal(four)).toBe("this program is wrong at step 0 (toString): there is no such control operation");
  });
});

test("buffers have a size", () => {
  expect(refusal(program((b) => b.buffer("empty", 0)))).toBe("this program is wrong: the buffer empty is malformed");
});

test("the reporter's arguments are strings without zeroes", () => {
  const bad = { ...program(), reporter: { argv: ["a\0"], when: "always" } } as const;
  expect(refusal(bad)).toBe("this program is wrong: a string holds a zero character");
});
