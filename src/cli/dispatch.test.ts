import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { COMMANDS } from "./command-list.ts";
import type { CommandLoaders } from "./commands.ts";
import type { CommandContext } from "./context.ts";
import { dispatch } from "./dispatch.ts";
import { parseContext } from "./testing/parse-context.ts";

interface Call {
  readonly name: string;
  readonly argv: readonly string[];
  readonly root: string | undefined;
  readonly debug: boolean;
}

interface Outcome {
  readonly status: number;
  readonly calls: readonly Call[];
  readonly printed: string;
  readonly errors: string;
}

/** Dispatches to commands that only take notes; `run fail` throws what it is given. */
async function outcomeOf(
  words: string,
  thrown?: unknown,
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  const calls: Call[] = [];
  const output = { printed: "", errors: "" };
  const execute =
    (name: string) =>
    async (argv: readonly string[], { root, debug }: CommandContext) => {
      calls.push({ name, argv, root, debug });
      if (thrown !== undefined) throw thrown;
      return 7;
    };
  const entries = COMMANDS.map(({ name }) => [name, async () => ({ execute: execute(name) })]);
  const status = await dispatch(
    words === "" ? [] : words.split(" "),
    {
      ...parseContext(env),
      print: (text) => {
        output.printed += text;
      },
      printError: (text) => {
        output.errors += text;
      },
    },
    Object.fromEntries(entries) as CommandLoaders,
  );
  return { status, calls, ...output };
}

async function callsOf(words: string, env?: Readonly<Record<string, string>>): Promise<readonly Call[]> {
  const { calls, errors } = await outcomeOf(words, undefined, env);
  expect(errors).toBe("");
  return calls;
}

describe("the command gets what follows its name", () => {
  const cases: Readonly<Record<string, Partial<Call>>> = {
    "run host ls -la": { name: "run", argv: ["host", "ls", "-la"] },
    "--root state run host": { name: "run", argv: ["host"], root: "/dock/state" },
    "--debug ps -q": { name: "ps", argv: ["-q"], debug: true },
    "run --root=/r --debug host": { name: "run", argv: ["--root=/r", "--debug", "host"], root: "/r", debug: true },
    "kill web --debug": { name: "kill", argv: ["web", "--debug"], debug: true },
    "run host ls --help --debug": { name: "run", argv: ["host", "ls", "--help", "--debug"] },
    "run -h box host": { name: "run", argv: ["-h", "box", "host"] },
    "exec web grep -h x": { name: "exec", argv: ["web", "grep", "-h", "x"] },
    "internal-report json 5": { name: "internal-report", argv: ["json", "5"] },
  };
  for (const [words, call] of Object.entries(cases)) {
    test(words, async () => {
      expect(await callsOf(words)).toEqual([{ root: undefined, debug: false, name: "", argv: [], ...call }]);
    });
  }
});

describe("help and version are commands, however they are asked for", () => {
  const cases: Readonly<Record<string, readonly [name: string, argv: readonly string[]]>> = {
    "": ["help", []],
    "-h": ["help", []],
    "--help": ["help", []],
    "--help run": ["help", ["run"]],
    "run --help": ["help", ["run"]],
    "run --rm --help host": ["help", ["run"]],
    "ps -h": ["help", ["ps"]],
    "ps -qh": ["help", ["ps"]],
    "--version": ["version", []],
    "--version run host": ["version", []],
  };
  for (const [words, [name, argv]] of Object.entries(cases)) {
    test(words === "" ? "(nothing)" : words, async () => {
      expect(await callsOf(words)).toEqual([{ name, argv, root: undefined, debug: false }]);
    });
  }
});

test("SAMPAN_ROOT is the root unless --root says otherwise", async () => {
  expect(await callsOf("ps", { SAMPAN_ROOT: "/e" })).toEqual([{ name: "ps", argv: [], root: "/e", debug: false }]);
  expect(await callsOf("--root /r ps", { SAMPAN_ROOT: "/e" })).toMatchObject([{ root: "/r" }]);
  expect(await callsOf("ps", { SAMPAN_ROOT: "" })).toMatchObject([{ root: undefined }]);
});

test("the status of the command is the status of the program", async () => {
  expect((await outcomeOf("ps")).status).toBe(7);
});

describe("mistakes before the command", () => {
  const cases: Readonly<Record<string, string>> = {
    rnu: "unknown command rnu. Did you mean run?",
    frobnicate: "unknown command frobnicate. sampan help lists the commands.",
    "internal-reprot": "unknown command internal-reprot. sampan help lists the commands.",
    "--rooot x ps": "unknown option --rooot for sampan. Did you mean --root?",
    "--root": "option --root for sampan needs a value. Write --root DIR.",
    "run --memroy 1 --help": "unknown option --memroy for run. Did you mean --memory?",
  };
  for (const [words, text] of Object.entries(cases)) {
    test(words, async () => {
      expect(await outcomeOf(words)).toEqual({ status: 125, calls: [], printed: "", errors: `sampan: ${text}\n` });
    });
  }
});

describe("errors are printed once, here", () => {
  const failure = new SampanError("COMMAND_NOT_FOUND", "no such command: sl", { hint: "Look again.", exitCode: 127 });

  test("in one line, with the exit status they ask for", async () => {
    const { status, errors } = await outcomeOf("run host sl", failure);
    expect(errors).toBe("sampan: no such command: sl. Look again.\n");
    expect(status).toBe(127);
  });

  test("with the stack and its causes when --debug is given, even among the options of the command", async () => {
    const error = new SampanError("INTERNAL", "outer", { cause: new Error("inner") });
    const { errors } = await outcomeOf("run --debug host", error);
    expect(errors).toStartWith("sampan: outer.\nSampanError: outer\n    at ");
    expect(errors).toContain("\ncaused by: Error: inner\n    at ");
  });

  test("a fault of ours says that it is one", async () => {
    const { status, errors } = await outcomeOf("ps", new TypeError("x is undefined"));
    expect(errors).toBe("sampan: internal error: x is undefined. This is a fault in Sampan; --debug shows where.\n");
    expect(status).toBe(125);
  });
});
