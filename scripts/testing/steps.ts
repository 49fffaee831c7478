/** The steps of `make test`, in order, as one table. */
import { existsSync, globSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { run } from "./command.ts";
import { outcomeOfBunTest } from "./junit.ts";
import { type Outcome, outcomeOfProgram, skipped } from "./outcome.ts";

export interface Step {
  readonly name: string;
  /** What `--only` calls it, beside its name. */
  readonly group: string;
  readonly run: () => Promise<Outcome>;
}

export interface Choice {
  /** Include the virtual machine. */
  readonly vm: boolean;
  /** Seconds of fuzzing; 0 is none. */
  readonly fuzzSeconds: number;
}

const BUN = "node_modules/.bin/bun";
/** Where reports of the last run are. */
export const REPORTS = ".cache/test";
const MINUTE_MS = 60_000;

function program(name: string, group: string, argv: readonly [string, ...string[]], limitMs = 5 * MINUTE_MS): Step {
  return {
    name,
    group,
    run: async () => {
      const { code, output } = await run(argv, { limitMs });
      return outcomeOfProgram(name, code, output);
    },
  };
}

export function bunTest(name: string, paths: readonly string[], timeoutMs: number, limitMs = 15 * MINUTE_MS): Step {
  return {
    name,
    group: name,
    run: async () => {
      mkdirSync(REPORTS, { recursive: true });
      const report = `${REPORTS}/${name.replaceAll("/", "-")}.xml`;
      rmSync(report, { force: true });
      const { code, output } = await run(
        [
          BUN,
          "test",
          ...paths.map((path) => (/^[./]/.test(path) ? path : `./${path}`)),
          "--only-failures",
          "--reporter=junit",
          `--reporter-outfile=${report}`,
          `--timeout=${timeoutMs}`,
        ],
        { limitMs },
      );
      return outcomeOfBunTest(existsSync(report) ? readFileSync(report, "utf8") : undefined, code, output);
    },
  };
}

function notAskedFor(name: string, how: string): Step {
  return { name, group: name, run: async () => skipped(name, `not asked for; ${how} does it`) };
}

/** Folders of test/ that hold tests, boundary first and the tutorial last. */
function testFolders(): string[] {
  const found = new Set(globSync("test/*/**/*.test.ts").map((path) => path.split("/")[1] ?? ""));
  found.delete("boundary");
  const tutorial = found.delete("tutorial");
  return [...[...found].sort(), ...(tutorial ? ["tutorial"] : [])];
}

function generated(): Step[] {
  return ["protocol", "cli-reference"]
    .filter((name) => existsSync(`scripts/generate-${name}.ts`))
    .map((name) => program(`drift-${name}`, "drift", [BUN, `scripts/generate-${name}.ts`, "--check"]));
}

export function allSteps(choice: Choice): Step[] {
  return [
    program("build", "build", ["make", "build"]),
    program("types", "static", ["node_modules/.bin/tsc", "-p", "."]),
    program("lint", "static", [
      "node_modules/.bin/biome",
      "check",
      "--diagnostic-level=warn",
      "--error-on-warnings",
      ".",
    ]),
    program("analyzer", "static", ["sh", "scripts/analyze-executor.sh"]),
    ...generated(),
    bunTest("boundary", ["test/boundary"], 20_000),
    bunTest("unit", ["src", "scripts"], 20_000),
    ...testFolders().map((folder) => bunTest(folder, [`test/${folder}`], 60_000)),
    program("node", "node", ["sh", "test/node/run.sh"]),
    choice.vm
      ? program("cgroup2", "cgroup2", [BUN, "test/vm/run-cgroup2.ts"], 10 * MINUTE_MS)
      : notAskedFor("cgroup2", "`make test-cgroup2`"),
    choice.fuzzSeconds > 0
      ? program("fuzz", "fuzz", ["bash", "test/fuzz/run.sh", String(choice.fuzzSeconds)], 10 * MINUTE_MS)
      : notAskedFor("fuzz", "`make fuzz`"),
  ];
}
