/** Cold starts, measured by bench/stopwatch.c: commands in turns, so that whatever else the machine does meets all of them. */
import { spawnSync } from "node:child_process";
import type { Row } from "./report.ts";
import { summarise } from "./statistics.ts";
import type { Workshop } from "./workshop.ts";

export interface TimedCommand {
  readonly name: string;
  readonly argv: readonly string[];
  readonly cwd?: string | undefined;
  /** A file that stands for a mount namespace, to run in. */
  readonly mountNamespace?: string | undefined;
}

/** Milliseconds, in the order of the runs. */
export interface Series {
  readonly name: string;
  readonly wall: readonly number[];
  readonly cpu: readonly number[];
}

export interface Repetitions {
  readonly runs: number;
  readonly warmup: number;
}

function commandArguments({ argv, cwd, mountNamespace }: TimedCommand): string[] {
  const options = [...(mountNamespace ? ["-n", mountNamespace] : []), ...(cwd ? ["-d", cwd] : [])];
  return [...options, ...argv, ";"];
}

/**
 * Sampan keeps its state in the workshop. An argument `{}` is a different number in every run.
 *
 * @throws Error when a command fails: times of failures are of no use
 */
export function timeInTurns(
  shop: Workshop,
  commands: readonly TimedCommand[],
  { runs, warmup }: Repetitions,
): Series[] {
  const args = [String(runs), String(warmup), ...commands.flatMap(commandArguments)];
  const result = spawnSync(shop.stopwatch, args, {
    encoding: "utf8",
    maxBuffer: 1 << 26,
    env: { ...process.env, SAMPAN_ROOT: shop.state },
  });
  if (result.status !== 0) throw new Error(result.stderr.trim() || `the stopwatch ended with ${result.status}`);
  const samples = result.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number));
  const column = (command: number, at: 1 | 2) =>
    samples.filter(([index]) => index === command).map((sample) => (sample[at] ?? Number.NaN) / 1000);
  return commands.map(({ name }, i) => ({ name, wall: column(i, 1), cpu: column(i, 2) }));
}

export function rowOf({ name, wall, cpu }: Series): Row {
  return { name, wall: summarise(wall), cpu: summarise(cpu) };
}
