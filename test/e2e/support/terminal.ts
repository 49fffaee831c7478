/** A user at a terminal: `test/probe/terminal/pty-driver.c` plays one, since the test runner has no terminal. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Reason } from "../../support/skip.ts";
import { waitUntilClean } from "./leftovers.ts";
import { follow, type Place, type StartOptions } from "./place.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
const SOURCE = join(REPOSITORY, "test", "probe", "terminal", "pty-driver.c");
const DRIVER = join(REPOSITORY, ".cache", "probe", "pty-driver");

function compile(): Reason {
  if (existsSync(DRIVER) && statSync(DRIVER).mtimeMs > statSync(SOURCE).mtimeMs) return undefined;
  mkdirSync(join(DRIVER, ".."), { recursive: true });
  const fresh = `${DRIVER}.${process.pid}`;
  const flags = ["-static", "-O1", "-Wall", "-Wextra", "-Werror"];
  const { status, error, stderr } = spawnSync("cc", [...flags, SOURCE, "-o", fresh]);
  if (status !== 0) return `cc does not build the driver of terminals: ${error?.message ?? String(stderr)}`;
  renameSync(fresh, DRIVER);
  return undefined;
}

let reason: { readonly value: Reason } | undefined;

/** Why there is no terminal here, or undefined. */
export function missingTerminal(): Reason {
  reason ??= { value: compile() };
  return reason.value;
}

/** Settings of the user's terminal, termios(3). */
export interface Settings {
  readonly canonical: boolean;
  readonly echo: boolean;
  readonly signals: boolean;
  /** All of them, for comparing. */
  readonly bytes: string;
}

export interface Played {
  /** -1 when a signal ended the command, or it had to be killed. */
  readonly status: number;
  readonly signal: number;
  /** The first is from before the command started; the others are those of `note`. */
  readonly notes: readonly Settings[];
  /** At the end; null after a hang-up. */
  readonly last: Settings | null;
  /** What the terminal showed, without carriage returns. */
  readonly shown: string;
}

/**
 * Runs a command line on a terminal of 24 rows and 80 columns. Steps are lines of the driver's script.
 *
 * @throws Error with the transcript when a step does not happen within 15 seconds in all
 */
export async function play(
  place: Place,
  argv: readonly string[],
  steps: readonly string[],
  options: Omit<StartOptions, "input"> = {},
): Promise<Played> {
  const transcript = place.path("transcript");
  const child = place.spawn([DRIVER, transcript, ...argv], options);
  const { stdout, stderr } = await follow(child, `${steps.join("\n")}\n`).done;
  const shown = existsSync(transcript) ? readFileSync(transcript, "utf8").replaceAll("\r", "") : "";
  rmSync(transcript, { force: true });
  if (!stdout.startsWith("{")) throw new Error(`the driver failed: ${stderr}`);
  const { failedStep, ...played } = JSON.parse(stdout) as Played & { failedStep: number };
  if (failedStep >= 0) {
    const step = steps[failedStep] ?? "?";
    throw new Error(`this did not happen: ${step}\nstatus ${played.status}, ${played.signal}\n${shown.slice(-4000)}`);
  }
  return { ...played, shown };
}

/** `sampan run ARGS` on a terminal; fails when something is left behind. */
export async function playRun(
  place: Place,
  args: readonly string[],
  steps: readonly string[],
  options: Omit<StartOptions, "input"> = {},
): Promise<Played> {
  const cidFile = place.path("cid");
  const argv = [place.sampan, "--root", place.root, "run", "--env", place.token, "--cidfile", cidFile, ...args];
  const played = await play(place, argv, steps, options);
  const ids = existsSync(cidFile) ? [readFileSync(cidFile, "utf8")] : [];
  rmSync(cidFile, { force: true });
  const left = await waitUntilClean(place.traces(ids));
  if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}`);
  return played;
}

/** Runs `sampan ARGS` to its end, without a terminal. */
export async function sampan(place: Place, args: readonly string[], options: StartOptions = {}) {
  const child = place.spawn([place.sampan, "--root", place.root, ...args], options);
  return follow(child, options.input ?? "").done;
}

/** Waits until `ps` lists the container. */
export async function untilListed(place: Place, name: string, options: StartOptions = {}): Promise<string> {
  for (let i = 0; i < 200; i++) {
    const { stdout } = await sampan(place, ["ps", "-q", "--no-trunc", "--filter", `name=${name}`], options);
    if (stdout !== "") return stdout.trim();
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`no container ${name}`);
}

export interface Moored {
  readonly name: string;
  readonly id: string;
  /** Of the container's first process, as this machine numbers it. */
  readonly pid: number;
  readonly executor: number;
  /** Ends it as hard as can be, and waits until nothing is left. */
  end(): Promise<void>;
}

/** A container for as long as a test wants, which `place.start` would end after a while. */
export async function moor(
  place: Place,
  name: string,
  args: readonly string[],
  options: StartOptions = {},
): Promise<Moored> {
  const argv = [place.sampan, "--root", place.root, "run", "--env", place.token, "--name", name, ...args];
  const child = place.spawn(argv, options);
  const done = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  child.stdout.resume();
  child.stderr.resume();
  const id = await untilListed(place, name, options);
  const { stdout } = await sampan(place, ["ps", "--format", "json", "--filter", `id=${id}`], options);
  const end = async () => {
    child.kill("SIGKILL");
    await done;
  };
  return { name, id, pid: JSON.parse(stdout).pid, executor: child.pid ?? -1, end };
}
