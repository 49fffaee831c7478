/**
 * The way of `sampan run` from its first instruction to execve(2), with the clock read in between. Compiled as the command
 * itself is, and started cold by scenarios/timeline.ts, since code that runs for the first time is what costs.
 * Prints one line of JSON: [stage, milliseconds since the one before].
 */
import { readFileSync } from "node:fs";
import { parseRun } from "../src/cli/parse-run.ts";
import { prepareRun } from "../src/engine/prepare.ts";
import { programArguments } from "../src/executor/index.ts";
import { encode } from "../src/program/index.ts";
import { stateFolders } from "../src/runtime/index.ts";

const stages: [string, number][] = [];
let last = Number(process.env["SAMPAN_BENCH_START"]) - performance.timeOrigin;

function stage(name: string): void {
  const now = performance.now();
  stages.push([name, now - last]);
  last = now;
}

async function main(): Promise<void> {
  stage("Bun starts, modules are loaded");
  const context = {
    env: process.env,
    cwd: process.cwd(),
    readFile: (path: string) => readFileSync(path, "utf8"),
    print: () => {},
    printError: () => {},
    debug: false,
  };
  const { options } = parseRun(process.argv.slice(2), context);
  stage("the command line is parsed");
  const folders = stateFolders({ root: undefined, uid: process.geteuid?.() ?? 0, env: process.env });
  const { program } = await prepareRun(options, { folders, measure: false });
  stage("the host is read, the run is planned");
  const text = programArguments(encode(program).image);
  stage("the program is encoded");
  process.stdout.write(JSON.stringify({ stages, operations: program.operations.length, arguments: text }));
}

main();
