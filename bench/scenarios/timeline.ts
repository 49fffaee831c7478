/** Where the time of a cold start goes: JavaScript from inside, everything else from outside. */
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { LIMITS } from "../peers.ts";
import type { Row } from "../report.ts";
import type { Scenario } from "../scenario.ts";
import { summarise } from "../statistics.ts";
import { rowOf, timeInTurns } from "../stopwatch.ts";
import type { Workshop } from "../workshop.ts";

interface ColdRun {
  readonly stages: readonly (readonly [string, number])[];
  readonly operations: number;
  readonly arguments: readonly string[];
}

/** With the options that scripts/build-cli.sh gives, so that the same code is loaded in the same way. */
function buildOptions({ top }: Workshop): string[] {
  const script = readFileSync(join(top, "scripts", "build-cli.sh"), "utf8").replaceAll("\\\n", " ");
  const options =
    /bun build (.*?) src\/cli\/main\.ts/.exec(script)?.[1] ?? "--compile --bytecode --minify --format=esm";
  return options.split(/\s+/).filter((option) => option.startsWith("--") && !/[$"`]/.test(option));
}

function compile(shop: Workshop, name: string): string {
  const output = join(shop.folder, name);
  const source = join(shop.top, "bench", `${name}.ts`);
  const args = ["build", ...buildOptions(shop), source, "--outfile", output];
  const result = spawnSync(process.execPath, args, { cwd: shop.top, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`bun ${args.join(" ")}: ${result.stderr}`);
  return output;
}

function runCold(program: string, shop: Workshop): ColdRun {
  const env = { ...process.env, SAMPAN_BENCH_START: String(performance.timeOrigin + performance.now()) };
  const result = spawnSync(program, [...LIMITS, shop.rootfs, "/bin/true"], { env, encoding: "utf8" });
  if (result.status !== 0) throw new Error(`the cold start ended with ${result.status}: ${result.stderr}`);
  return JSON.parse(result.stdout) as ColdRun;
}

function stageRows(runs: readonly ColdRun[]): Row[] {
  const names = runs[0]?.stages.map(([name]) => name) ?? [];
  return names.map((name, i) => ({
    name: `  ${name}`,
    wall: summarise(runs.map(({ stages }) => stages[i]?.[1] ?? NaN)),
  }));
}

/** The same program again and again: its name and group are free when the run before it has ended. */
function executorScript(shop: Workshop, { arguments: args }: ColdRun): string {
  const path = join(shop.folder, "executor.sh");
  writeFileSync(path, `#!/bin/sh\nexec ${shop.executor} --program ${args.join(" ")}\n`);
  chmodSync(path, 0o755);
  return path;
}

export const timeline: Scenario = {
  name: "timeline",
  async measure({ shop, quick }) {
    const repetitions = { runs: quick ? 10 : 40, warmup: 3 };
    const empty = compile(shop, "empty");
    const cold = compile(shop, "cold");
    const runs = Array.from({ length: repetitions.runs }, () => runCold(cold, shop));
    const first = runs[0];
    if (first === undefined) throw new Error("nothing was measured");
    const nothing = join(shop.folder, "nothing.sh");
    writeFileSync(nothing, "#!/bin/sh\nexec /bin/true\n", { mode: 0o755 });
    const outside = timeInTurns(
      shop,
      [
        { name: "an empty executable of Bun", argv: [empty] },
        { name: "sampan version", argv: [shop.sampan, "version"] },
        { name: "sh and the executor alone", argv: [executorScript(shop, first)] },
        { name: "sh and /bin/true", argv: [nothing] },
        { name: "floor", argv: [shop.floor, shop.rootfs, "/bin/true"] },
      ],
      repetitions,
    );
    return {
      title: "Where the time of a cold start goes",
      rows: [...stageRows(runs), ...outside.map(rowOf)],
      targets: [],
      notes: [
        `the program has ${first.operations} operations, ${first.arguments.join("").length} characters as arguments`,
        "the indented rows follow one another within one process; after them come execve(2) and the executor",
      ],
    };
  },
};
