/** Plans as text: every folder of testdata/plans is a case, and its README says what is in it. */
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Argument, decode, encode, explain, type Program, verify } from "../program/index.ts";
import { type ExecInput, planExec } from "./exec.ts";
import { type HostFacts, type PlanInput, plan, planCgroups } from "./index.ts";

const FOLDER = join(import.meta.dirname, "..", "..", "testdata", "plans");
const UPDATE = process.env["UPDATE_GOLDENS"] === "1";

interface Case {
  readonly about: string;
  readonly host: HostFacts;
  readonly input?: PlanInput;
  readonly exec?: ExecInput;
  readonly cgroups?: { readonly measure?: boolean };
}

type Json = null | boolean | number | string | bigint | readonly Json[] | { readonly [name: string]: Json };

const FIELDS: ReadonlySet<string> = new Set(["about", "like", "host", "input", "exec", "cgroups"]);

function isObject(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** RFC 7396: objects are merged, null removes, everything else replaces. */
function mergePatch(target: Json | undefined, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const merged: Record<string, Json> = isObject(target) ? { ...target } : {};
  for (const [name, value] of Object.entries(patch)) {
    if (value === null) delete merged[name];
    else merged[name] = mergePatch(merged[name], value);
  }
  return merged;
}

function revive(_name: string, value: unknown): unknown {
  return typeof value === "string" && /^(0x[0-9a-f]+|\d+)n$/.test(value) ? BigInt(value.slice(0, -1)) : value;
}

function readCase(name: string): Json {
  const { like, ...own } = JSON.parse(readFileSync(join(FOLDER, name, "input.json"), "utf8"), revive);
  const unknown = Object.keys(own).find((field) => !FIELDS.has(field));
  if (unknown !== undefined) throw new Error(`${name}/input.json has the unknown field ${unknown}`);
  return like === undefined ? own : mergePatch(readCase(like), own);
}

function programOf({ host, input, exec, cgroups }: Case): Program {
  if (exec) return planExec(exec, host);
  if (input === undefined) throw new Error("a case has an input or an exec");
  if (cgroups === undefined) return plan(input, host);
  const { uid, kernel, cgroups: layout } = host;
  const { resources } = input.spec.linux;
  const groups = planCgroups({ id: input.id, resources, layout, uid, kernel, measure: cgroups.measure ?? false });
  return plan({ ...input, cgroups: groups }, host);
}

/** Labels are for explaining a program that has not been encoded yet. */
function withoutLabel(argument: Argument): Argument {
  if (typeof argument !== "object" || argument?.kind !== "bytes") return argument;
  const { label: _, ...rest } = argument;
  return rest;
}

function withoutLabels(program: Program): Program {
  const operations = program.operations.map((op) => ({ ...op, arguments: op.arguments.map(withoutLabel) }));
  return { ...program, operations };
}

const names = readdirSync(FOLDER, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));

describe.each(names)("testdata/plans/%s", (name) => {
  const program = programOf(readCase(name) as unknown as Case);

  test("is explained as in program.txt", () => {
    const golden = join(FOLDER, name, "program.txt");
    const text = explain(program);
    if (UPDATE) writeFileSync(golden, text);
    expect(existsSync(golden), `UPDATE_GOLDENS=1 writes ${name}/program.txt`).toBe(true);
    expect(text).toBe(readFileSync(golden, "utf8"));
  });

  test("obeys the rules of programs", () => {
    verify(program);
  });

  test("comes back the same from its encoded form", () => {
    expect(decode(encode(program).image)).toEqual(withoutLabels(program));
  });

  test("is the same program when it is planned again", () => {
    const again = programOf(readCase(name) as unknown as Case);
    expect(encode(again).image).toEqual(encode(program).image);
  });
});
