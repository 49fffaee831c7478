/** Small programs for the native executor, and what comes of them. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ExecuteOptions, type Execution, NativeExecutor, type Outcome } from "../../src/executor/index.ts";
import {
  type Architecture,
  type Bytes,
  type Fill,
  type Label,
  type Program,
  ProgramBuilder,
  type Register,
  type Vector,
} from "../../src/program/index.ts";
import type { Reason } from "../support/skip.ts";

export const EXECUTOR = join(import.meta.dirname, "..", "..", "dist", "sampan-executor");
export const ARCHITECTURE: Architecture = process.arch === "arm64" ? "arm64" : "x64";
const LIMIT_MS = 10_000;

export function missingExecutor(): Reason {
  return existsSync(EXECUTOR) ? undefined : "dist/sampan-executor is missing: make build";
}

export type Steps = (b: ProgramBuilder) => void;

/** The steps have to end with an exit. */
export function programOf(steps: Steps): Program {
  const b = new ProgramBuilder(ARCHITECTURE);
  steps(b);
  return b.build();
}

export function start(steps: Steps | Program, options: ExecuteOptions = {}): Execution {
  const program = typeof steps === "function" ? programOf(steps) : steps;
  return new NativeExecutor(EXECUTOR).execute(program, {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    signal: AbortSignal.timeout(LIMIT_MS),
    ...options,
  });
}

export async function textOf(stream: NodeJS.ReadableStream | null): Promise<string> {
  let text = "";
  if (stream) for await (const chunk of stream) text += Buffer.from(chunk as Uint8Array).toString("latin1");
  return text;
}

export interface Ran {
  readonly outcome: Outcome;
  readonly stdout: string;
  readonly stderr: string;
}

export async function run(steps: Steps | Program, options: ExecuteOptions = {}): Promise<Ran> {
  const { outcome, stdout, stderr } = start(steps, options);
  const [settled, out, err] = await Promise.all([outcome, textOf(stdout), textOf(stderr)]);
  return { outcome: settled, stdout: out, stderr: err };
}

/** What a run printed, when nothing failed. */
export async function printed(steps: Steps, options: ExecuteOptions = {}): Promise<string> {
  const { outcome, stdout, stderr } = await run(steps, options);
  if (outcome.failure || outcome.cleanup)
    throw new Error(`${JSON.stringify(outcome.failure ?? outcome.cleanup)} ${stderr}`);
  return stdout;
}

/** Resolves when the process has printed `word`; the rest of its output is not read. */
export async function waitFor(execution: Execution, word: string): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  let text = "";
  execution.stdout?.on("data", (chunk: Uint8Array) => {
    text += Buffer.from(chunk).toString("latin1");
    if (text.includes(word)) resolve();
  });
  execution.stdout?.on("end", () => reject(new Error(`it ended without ${word}: ${text}`)));
  await promise;
}

export async function until(condition: () => boolean, limitMs = 5000): Promise<boolean> {
  for (const end = Date.now() + limitMs; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 5)))
    if (condition()) return true;
  return condition();
}

export const vector = (...values: Vector["values"][number][]): Vector => ({ kind: "vector", values });

export function bytes(text: string | Uint8Array, ...fills: Fill[]): Bytes {
  const value = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return fills.length > 0 ? { kind: "bytes", value, fills } : { kind: "bytes", value };
}

/** Writes to standard output. */
export function say(b: ProgramBuilder, text: string, options: Parameters<ProgramBuilder["call"]>[3] = {}): void {
  b.call("write", [1, bytes(text), text.length], `say ${text}`, options);
}

/** A register that holds this number: that of a copy of descriptor 2. */
export function known(b: ProgramBuilder, number: number): Register {
  const register = b.register(`known ${number}`);
  b.call("fcntl", [2, 1030, number], `a descriptor with the number ${number}`, { result: register });
  return register;
}

/** An AF_UNIX pair; both ends close at execve. */
export function channel(b: ProgramBuilder): { readonly left: Register; readonly right: Register } {
  const [left, right, buffer] = [b.register("left"), b.register("right"), b.buffer("socketpair", 8)];
  const loads = [
    { buffer, at: 0, register: left },
    { buffer, at: 4, register: right },
  ];
  b.call("socketpair", [1, 0o2000001, 0, buffer], "two connected sockets", { loads });
  return { left, right };
}

/** Executes a shell script with descriptors 0 to 2 alone. */
export function shell(b: ProgramBuilder, script: string, ...env: string[]): void {
  const path = "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
  b.control("exec", [vector("/bin/sh"), vector("sh", "-c", script), vector(path, ...env)], "a shell");
  b.exit(127, "never");
}

/** Forks a child that runs a script, supervises it, and ends as it does. */
export function superviseShell(b: ProgramBuilder, script: string, flags = 0, ...env: string[]): void {
  const [child, pid, status] = [b.label("child"), b.register("pid"), b.register("status")];
  b.fork(child, "a shell", { result: pid });
  b.control("supervise", [pid, flags, -1, ""], "wait for it", { result: status });
  b.exit(status, "as it did");
  b.place(child);
  shell(b, script, ...env);
}

/** What a child does, after `place`. */
export function inChild(b: ProgramBuilder, label: Label, steps: Steps): void {
  b.place(label);
  steps(b);
}

/** Its process id. Never 0, which would mean the group of whoever runs the tests. */
export function pidOf(execution: Execution): number {
  if (!execution.pid) throw new Error("it has no process");
  return execution.pid;
}

/** The janitor of a program, once it has become one. */
export async function janitorOf(execution: Execution): Promise<number> {
  const find = () => childrenOf(pidOf(execution)).find(({ name }) => name === "sampan-janitor");
  await until(() => find() !== undefined);
  const pid = find()?.pid;
  if (!pid) throw new Error("it has no janitor");
  return pid;
}

/** Processes with this word in their environment. */
export function processesWith(word: string): number[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      return readFileSync(`/proc/${name}/environ`, "latin1").includes(word) ? [Number(name)] : [];
    } catch {
      return [];
    }
  });
}

/** Processes whose parent this is. */
export function childrenOf(pid: number): { readonly pid: number; readonly name: string }[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, "latin1");
      const [, comm = "", rest = ""] = /^\d+ \((.*)\) (.*)$/s.exec(stat) ?? [];
      return Number(rest.split(" ")[1]) === pid ? [{ pid: Number(name), name: comm }] : [];
    } catch {
      return [];
    }
  });
}

/** A folder that is removed when the test is over. */
export function temporaryFolder(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "sampan-conformance-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
