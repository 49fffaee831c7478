/**
 * Everything that can be wrong with this tree, in one run: `scripts/test.ts [--vm] [--fuzz=SECONDS] [--only=STEP,…] [PATH…]`.
 * With paths only the test files below them run. Closes with `N passed, N failed, N skipped`.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { forbiddenSkips, parseMustRun } from "./testing/must-run.ts";
import type { Outcome, Skip } from "./testing/outcome.ts";
import { allSteps, bunTest, REPORTS, type Step } from "./testing/steps.ts";

const MUST_RUN = "test/ci-must-run.txt";

function chosenSteps(): Step[] {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { vm: { type: "boolean" }, fuzz: { type: "string" }, only: { type: "string" } },
  });
  if (positionals.length > 0) {
    // What is tested is built from what is there.
    const build = allSteps({ vm: false, fuzzSeconds: 0 }).filter(({ name }) => name === "build");
    return [...build, bunTest("chosen", positionals, 60_000)];
  }
  const only = values.only?.split(",");
  const wants = (name: string) => only?.includes(name) ?? false;
  const steps = allSteps({
    vm: values.vm === true || wants("cgroup2"),
    fuzzSeconds: Number(values.fuzz ?? (wants("fuzz") ? 60 : 0)),
  });
  const unknown = only?.filter((name) => !steps.some((step) => step.name === name || step.group === name)) ?? [];
  if (unknown.length > 0) throw new Error(`no step is called ${unknown.join(", ")}`);
  return only === undefined ? steps : steps.filter((step) => wants(step.name) || wants(step.group));
}

async function runStep(step: Step): Promise<Outcome> {
  const started = performance.now();
  const outcome = await step.run();
  const seconds = ((performance.now() - started) / 1000).toFixed(1).padStart(6);
  const counts = [
    `${outcome.passed} passed`,
    ...(outcome.failed > 0 ? [`${outcome.failed} FAILED`] : []),
    ...(outcome.skips.length > 0 ? [`${outcome.skips.length} skipped`] : []),
  ];
  console.log(`${seconds} s  ${step.name.padEnd(20)} ${counts.join(", ")}`);
  if (outcome.failed > 0) console.log(`\n${outcome.output.trim()}\n`);
  return outcome;
}

function printSkips(skips: readonly Skip[]): void {
  if (skips.length > 0) console.log("\nSkipped:");
  for (const { title, reason } of skips) console.log(`  ${title}: ${reason}`);
}

function notSkippable(skips: readonly Skip[]): Skip[] {
  if (process.env["CI"] !== "true" || !existsSync(MUST_RUN)) return [];
  const forbidden = forbiddenSkips(skips, parseMustRun(readFileSync(MUST_RUN, "utf8")));
  for (const { title, reason } of forbidden)
    console.log(`\nmust not be skipped here (${MUST_RUN}): ${title}: ${reason}`);
  return forbidden;
}

const outcomes: Outcome[] = [];
for (const step of chosenSteps()) outcomes.push(await runStep(step));

const skips = outcomes.flatMap((outcome) => outcome.skips);
const forbidden = notSkippable(skips);
const allowed = skips.filter((skip) => !forbidden.includes(skip));
const sum = (key: "passed" | "failed") => outcomes.reduce((total, outcome) => total + outcome[key], 0);
const failed = sum("failed") + forbidden.length;
printSkips(allowed);
const summary = `${sum("passed")} passed, ${failed} failed, ${allowed.length} skipped`;
mkdirSync(REPORTS, { recursive: true });
writeFileSync(`${REPORTS}/summary`, `${summary}\n`);
console.log(`\n${summary}`);
process.exitCode = failed > 0 ? 1 : 0;
