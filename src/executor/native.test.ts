import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describeUnless } from "../../test/support/skip.ts";
import { SampanError } from "../errors/index.ts";
import { encode, ProgramBuilder } from "../program/index.ts";
import { describeExecutor } from "./executor.conformance.ts";
import { NativeExecutor, programArguments } from "./index.ts";

const PATH = join(import.meta.dirname, "..", "..", "dist", "sampan-executor");
const missing = existsSync(PATH) ? undefined : "dist/sampan-executor is missing: make build";

describeUnless(missing)("as a process:", () => {
  describeExecutor({ name: "native", make: () => new NativeExecutor(PATH), performs: true, knowsTheEnd: true });
});

const program = (why: string) => {
  const b = new ProgramBuilder(process.arch === "arm64" ? "arm64" : "x64");
  b.exit(0, why);
  return b.build();
};

describe("without an executor", () => {
  test("the outcome says what could not be started", async () => {
    const { outcome } = new NativeExecutor("/nowhere/sampan-executor").execute(program("the end"), { stdin: "ignore" });
    const error = await outcome.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SampanError);
    const { code, message, hint } = error as SampanError;
    expect([code, message, hint]).toEqual([
      "INTERNAL",
      "cannot start the executor /nowhere/sampan-executor",
      "Run `make build`.",
    ]);
  });
});

describe("a program as arguments", () => {
  test("is base64url in pieces that execve(2) takes", () => {
    const pieces = programArguments(encode(program("x".repeat(300_000))).image);
    expect(pieces.map((piece) => piece.length)).toEqual([131_000, 131_000, 131_000, 7_296]);
    expect(pieces.every((piece) => /^[\w-]+$/.test(piece))).toBe(true);
  });

  test("is one piece when it is small", () => {
    expect(programArguments(encode(program("the end")).image)).toHaveLength(1);
  });
});
