/**
 * `make bench`: the numbers of this project beside those of its peers and of the bare C floor, measured in one run.
 * `bench/run.ts [--quick] [--json FILE] [SCENARIO...]`. Ends with 0 unless a scenario breaks: no test asserts a time.
 */
import { writeFileSync } from "node:fs";
import { cpus, loadavg, release } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openPeers } from "./peers.ts";
import { formatSection, isReached, type Section } from "./report.ts";
import type { Scenario, Surroundings } from "./scenario.ts";
import { coldStart } from "./scenarios/cold-start.ts";
import { endurance } from "./scenarios/endurance.ts";
import { library } from "./scenarios/library.ts";
import { memory } from "./scenarios/memory.ts";
import { timeline } from "./scenarios/timeline.ts";
import { closeWorkshop, openWorkshop } from "./workshop.ts";

const SCENARIOS: readonly Scenario[] = [coldStart, library, memory, endurance, timeline];

function chosen(names: readonly string[]): readonly Scenario[] {
  const unknown = names.find((name) => !SCENARIOS.some((scenario) => scenario.name === name));
  if (unknown !== undefined) {
    throw new Error(`no scenario is called ${unknown}; there are ${SCENARIOS.map(({ name }) => name).join(", ")}`);
  }
  return names.length === 0 ? SCENARIOS : SCENARIOS.filter(({ name }) => names.includes(name));
}

function machine(): string {
  const load = loadavg()[0]?.toFixed(2);
  return `${cpus().length} × ${cpus()[0]?.model ?? "unknown CPU"}, Linux ${release()}, load ${load}`;
}

/** A scenario that breaks does not keep the others from being measured. */
async function measureAll(scenarios: readonly Scenario[], surroundings: Surroundings): Promise<(Section | Error)[]> {
  const results: (Section | Error)[] = [];
  for (const scenario of scenarios) {
    const result = await scenario.measure(surroundings).catch((error: unknown) => new Error(String(error)));
    console.log(result instanceof Error ? `${scenario.name} BROKE: ${result.message}\n` : formatSection(result));
    results.push(result);
  }
  return results;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { quick: { type: "boolean" }, json: { type: "string" } },
  });
  const scenarios = chosen(positionals);
  if (process.geteuid?.() !== 0) throw new Error("the benchmarks start containers as root: run them as root");
  const shop = openWorkshop(join(import.meta.dirname, ".."));
  try {
    await using peers = await openPeers();
    console.log(`${machine()}\n`);
    const results = await measureAll(scenarios, { shop, peers, quick: values.quick ?? false });
    const sections = results.filter((result): result is Section => !(result instanceof Error));
    const targets = sections.flatMap((section) => section.targets);
    console.log(`${targets.filter(isReached).length} of ${targets.length} targets reached`);
    if (values.json) writeFileSync(values.json, `${JSON.stringify({ machine: machine(), sections }, null, 2)}\n`);
    return sections.length === results.length ? 0 : 1;
  } finally {
    closeWorkshop(shop);
  }
}

main().then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    console.error(`bench: ${error instanceof Error ? error.message : error}`);
    process.exitCode = 1;
  },
);
