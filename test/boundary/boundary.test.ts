import { describe, expect, test } from "bun:test";
import { existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { doorOf, EXCEPTIONS, FLOORS, objection, type Use } from "./rules.ts";
import { usesInSources } from "./source-uses.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const MANIFEST: { dependencies?: Record<string, string> } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
const HOUSE = { packages: new Set(Object.keys(MANIFEST.dependencies ?? {})) };

function isExcepted(use: Use): boolean {
  return EXCEPTIONS.some(({ file, name }) => file === use.file && name === use.name);
}

describe("src/", async () => {
  const uses = await usesInSources(ROOT);

  test("is read whole: every floor with sources has uses in it", () => {
    expect(uses.length).toBeGreaterThan(20);
  });

  test("keeps to the floors", () => {
    const offences = uses.flatMap((use) => {
      const reason = isExcepted(use) ? undefined : objection(use, HOUSE);
      return reason === undefined ? [] : [`${use.file}:${use.line}: ${use.name}: ${reason}`];
    });
    expect(offences).toEqual([]);
  });

  test("needs every exception that is made for it", () => {
    const unused = EXCEPTIONS.filter(
      ({ file, name }) => !uses.some((use) => use.file === file && use.name === name && objection(use, HOUSE)),
    );
    expect(unused).toEqual([]);
  });

  test("has no folder that is not a floor", () => {
    const folders = new Set(globSync("src/*/**/*.ts", { cwd: ROOT }).map((path) => path.split("/")[1] ?? ""));
    expect([...folders].filter((folder) => !FLOORS.some((floor) => floor === folder))).toEqual([]);
  });

  test("has a door and a README on every floor", () => {
    const floors = FLOORS.filter((floor) => globSync(`src/${floor}/**/*.ts`, { cwd: ROOT }).length > 0);
    const wanted = floors.flatMap((floor) => [doorOf(floor), `src/${floor}/README.md`]);
    expect(wanted.filter((path) => !existsSync(`${ROOT}/${path}`))).toEqual([]);
  });
});

const SAMPLE = `import type { A } from "../engine/index.ts";
import "node:fs";
export * from "./other.ts";
export const load = () => import("./late.ts");
interface Spec { process: string; Date: number }
export const bad = (spec: Spec, a: A) => [process.pid, spec.process, a, \`\${Bun.version}\`, /["']process/, "Date"];
// import "commented"; performance.now()
`;

test("imports and globals are found where they are, and nowhere else", async () => {
  const root = mkdtempSync(join(tmpdir(), "sampan-boundary-"));
  try {
    mkdirSync(join(root, "src/plan"), { recursive: true });
    writeFileSync(join(root, "tsconfig.json"), '{ "compilerOptions": { "types": [] }, "include": ["src"] }');
    writeFileSync(join(root, "src/plan/sample.ts"), SAMPLE);
    writeFileSync(join(root, "src/plan/local.ts"), "export const pidOf = (process: { pid: number }) => process.pid;\n");
    const found = (await usesInSources(root)).map(({ file, line, name }) => `${file}:${line}: ${name}`);
    expect(found.sort()).toEqual([
      "src/plan/sample.ts:1: ../engine/index.ts",
      "src/plan/sample.ts:2: node:fs",
      "src/plan/sample.ts:3: ./other.ts",
      "src/plan/sample.ts:4: ./late.ts",
      "src/plan/sample.ts:6: Bun",
      "src/plan/sample.ts:6: process",
    ]);
  } finally {
    rmSync(root, { recursive: true });
  }
});

describe("the rules", () => {
  const house = { packages: new Set(["tar-stream", "@scope/thing"]) };
  const why = (file: string, name: string) => objection({ kind: "import", file, line: 1, name }, house);
  const whyGlobal = (file: string, name: string) => objection({ kind: "global", file, line: 1, name }, house);

  test("a floor imports from below, by the door", () => {
    expect(why("src/plan/mounts.ts", "../kernel/index.ts")).toBeUndefined();
    expect(why("src/plan/mounts.ts", "../kernel/flags.ts")).toBe("kernel is entered by src/kernel/index.ts only");
    expect(why("src/plan/mounts.ts", "./devices.ts")).toBeUndefined();
    expect(why("src/cli/values/size.ts", "../../errors/index.ts")).toBeUndefined();
  });

  test("a floor does not import from above", () => {
    expect(why("src/plan/mounts.ts", "../engine/index.ts")).toBe("plan is below engine and may not import from it");
    expect(why("src/kernel/flags.test.ts", "../program/index.ts")).toBe(
      "kernel is below program and may not import from it",
    );
  });

  test("a pure floor reaches nothing outside", () => {
    expect(why("src/plan/mounts.ts", "node:fs")).toBe("plan is pure and may not import node:fs");
    expect(why("src/plan/mounts.ts", "tar-stream")).toBe("plan is pure and may not import tar-stream");
    expect(why("src/plan/mounts.test.ts", "node:fs")).toBeUndefined();
    expect(whyGlobal("src/plan/mounts.ts", "process")).toBe("plan is pure and may not use process");
    expect(whyGlobal("src/host/facts.ts", "process")).toBeUndefined();
  });

  test("nothing depends on Bun", () => {
    expect(why("src/host/facts.ts", "bun")).toBe("modules of Bun are not there on Node");
    expect(why("src/host/facts.ts", "bun:ffi")).toBe("modules of Bun are not there on Node");
    expect(why("src/host/facts.ts", "bun:test")).toBe("modules of Bun are not there on Node");
    expect(why("src/host/facts.test.ts", "bun:test")).toBeUndefined();
    expect(whyGlobal("src/host/facts.ts", "Bun")).toBe("Bun is not there on Node");
  });

  test("packages are those that package.json names", () => {
    expect(why("src/image/layers.ts", "tar-stream")).toBeUndefined();
    expect(why("src/image/layers.ts", "@scope/thing/deep")).toBeUndefined();
    expect(why("src/image/layers.ts", "left-pad")).toBe("left-pad is not among the dependencies in package.json");
  });

  test("src/ imports from src/ alone, tests of it from test/support too", () => {
    expect(why("src/plan/mounts.test.ts", "../../test/support/skip.ts")).toBeUndefined();
    expect(why("src/plan/mounts.ts", "../../test/support/skip.ts")).toBe("what is in src/ imports from src/ alone");
  });

  test("the entry of the package is for those outside, and has no command line", () => {
    expect(why("src/index.ts", "./engine/index.ts")).toBeUndefined();
    expect(why("src/index.ts", "./engine/run.ts")).toBe("engine is entered by src/engine/index.ts only");
    expect(why("src/index.ts", "./cli/index.ts")).toBe("the library does not contain the command line");
    expect(why("src/cli/main.ts", "../index.ts")).toBe("src/index.ts is for those outside");
  });
});
