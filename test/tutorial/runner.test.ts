import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { missingCommand, testUnless } from "../support/skip.ts";
import { isAsShown } from "./compare.ts";
import { parseDirectives, parsePage } from "./page.ts";
import { type Mismatch, runBlock } from "./run-block.ts";
import { makePlace, Session } from "./session.ts";

async function mismatches(fixture: string): Promise<(Mismatch | undefined)[]> {
  const markdown = readFileSync(new URL(`fixtures/${fixture}`, import.meta.url), "utf8");
  using place = makePlace("/nonexistent");
  using session = new Session(place);
  const found: (Mismatch | undefined)[] = [];
  for (const block of parsePage(markdown)) found.push(await runBlock(session, block));
  return found;
}

describe("a page", () => {
  test("is right when every command prints what it shows", async () => {
    expect(await mismatches("right.md")).toEqual([undefined, undefined]);
  });

  test("is wrong when a command prints something else", async () => {
    expect(await mismatches("wrong.md")).toEqual([
      undefined,
      { command: "echo right; echo more", line: 11, expected: "right", actual: "right\nmore" },
    ]);
  });

  testUnless(missingCommand("script", "bsdutils"))("can have a terminal and someone who types", async () => {
    expect(await mismatches("terminal.md")).toEqual([undefined]);
  });

  test("with a block that never ends is refused", () => {
    expect(() => parsePage("```console\n$ true\n")).toThrow("line 1: this block does not end");
  });

  test("with output before any command is refused", () => {
    expect(() => parsePage("text\n```console\nhello\n```\n")).toThrow(
      'line 3: a console block begins with "$ COMMAND" or "# COMMAND"',
    );
  });
});

describe("comparison", () => {
  test("knows no difference that is not declared", () => {
    expect(isAsShown("a\nb\n", ["a", "b"], [])).toBe(true);
    expect(isAsShown("a  \nb", ["a", "b"], [])).toBe(true);
    expect(isAsShown("a\nb\nc\n", ["a", "b"], [])).toBe(false);
    expect(isAsShown("a.b", ["a?b"], [])).toBe(false);
    expect(isAsShown("", [], [])).toBe(true);
    expect(isAsShown("noise", [], [])).toBe(false);
  });

  test("lets a declared text be anything of its kind", () => {
    const { varies } = parseDirectives("<!-- test: 12.5 ~ <number>; ab12 ~ <hex> -->");
    expect(isAsShown("took 3 ms, id ff", ["took 12.5 ms, id ab12"], varies)).toBe(true);
    expect(isAsShown("took x ms, id ff", ["took 12.5 ms, id ab12"], varies)).toBe(false);
  });

  test("lets ... be any lines", () => {
    expect(isAsShown("a\nb\nc", ["a", "...", "c"], [])).toBe(true);
    expect(isAsShown("a\nc", ["a", "...", "c"], [])).toBe(true);
    expect(isAsShown("a\nb", ["a", "...", "c"], [])).toBe(false);
  });

  test("knows its directives", () => {
    expect(parseDirectives("<!-- test: root; tty; skip needs a second machine -->")).toEqual({
      root: true,
      user: false,
      terminal: true,
      skip: "needs a second machine",
      varies: [],
    });
    expect(() => parseDirectives("<!-- test: rooot -->")).toThrow("unknown test directive: rooot");
    expect(() => parseDirectives("<!-- test: 1 ~ <digit> -->")).toThrow("<digit> is none of");
  });
});
