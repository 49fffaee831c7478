/** Who may import whom in src/. Floors from the bottom up: each may use those before it, and those only by their door. */
export const FLOORS = [
  "errors",
  "kernel",
  "program",
  "oci",
  "plan",
  "host",
  "executor",
  "cgroup",
  "image",
  "runtime",
  "engine",
  "cli",
] as const;

/** Floors without any input or output: no modules of Node, no packages, no clock, no environment. */
export const PURE_FLOORS: ReadonlySet<string> = new Set(["errors", "kernel", "program", "oci", "plan"]);

/** Globals through which a pure floor would reach the outside. */
export const IMPURE_GLOBALS: ReadonlySet<string> = new Set([
  "console",
  "crypto",
  "Date",
  "fetch",
  "globalThis",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
]);

/** Globals of one engine, which no file of src/ may use: the library runs on Bun and on Node. */
export const ENGINE_GLOBALS: ReadonlySet<string> = new Set(["Bun", "Deno"]);

export interface Exception {
  readonly file: string;
  /** The specifier or the global, exactly as written in the file. */
  readonly name: string;
  readonly reason: string;
}

/** What is allowed although a rule forbids it; an entry that nothing uses any more fails the test. */
export const EXCEPTIONS: readonly Exception[] = [
  {
    file: "src/cli/commands/version.ts",
    name: "../../../package.json",
    reason: "the version is written there alone, and becomes part of the executable",
  },
];

/** One import, re-export or use of a global in a file of src/; `file` is relative to the repository. */
export interface Use {
  readonly kind: "import" | "global";
  readonly file: string;
  readonly line: number;
  readonly name: string;
}

export interface House {
  /** Names of packages under `dependencies` in package.json. */
  readonly packages: ReadonlySet<string>;
}

/** Why this use is not allowed, or undefined. */
export function objection(use: Use, house: House): string | undefined {
  return use.kind === "import" ? objectionToImport(use, house) : objectionToGlobal(use);
}

function objectionToGlobal({ file, name }: Use): string | undefined {
  if (ENGINE_GLOBALS.has(name)) return `${name} is not there on Node`;
  if (IMPURE_GLOBALS.has(name) && isPure(file)) return `${floorOf(file)} is pure and may not use ${name}`;
  return undefined;
}

function objectionToImport(use: Use, house: House): string | undefined {
  return use.name.startsWith(".") ? objectionToFile(use) : objectionToModule(use, house);
}

function objectionToModule({ file, name }: Use, house: House): string | undefined {
  if (isTest(file) && (name === "bun:test" || name.startsWith("node:"))) return undefined;
  if (name === "bun" || name.startsWith("bun:")) return "modules of Bun are not there on Node";
  if (isPure(file)) return `${floorOf(file)} is pure and may not import ${name}`;
  if (name.startsWith("node:")) return undefined;
  const packageName = name.split("/", name.startsWith("@") ? 2 : 1).join("/");
  return house.packages.has(packageName) ? undefined : `${packageName} is not among the dependencies in package.json`;
}

function objectionToFile({ file, name }: Use): string | undefined {
  const target = resolve(file, name);
  const from = floorOf(file);
  const to = floorOf(target);
  if (!target.startsWith("src/")) {
    return isTest(file) && target.startsWith("test/support/") ? undefined : "what is in src/ imports from src/ alone";
  }
  if (to === undefined) return "src/index.ts is for those outside";
  if (from === to) return undefined;
  if (from === undefined) return to === "cli" ? "the library does not contain the command line" : byTheDoor(target, to);
  if (rank(to) > rank(from)) return `${from} is below ${to} and may not import from it`;
  return byTheDoor(target, to);
}

function byTheDoor(target: string, floor: string): string | undefined {
  return target === doorOf(floor) ? undefined : `${floor} is entered by ${doorOf(floor)} only`;
}

/** The file through which the others use a floor; nobody is above the command line, whose door is the executable's. */
export function doorOf(floor: string): string {
  return floor === "cli" ? "src/cli/main.ts" : `src/${floor}/index.ts`;
}

function rank(floor: string): number {
  const index = FLOORS.indexOf(floor as (typeof FLOORS)[number]);
  return index < 0 ? FLOORS.length : index;
}

/** The folder below src/, or undefined for the files in src/ itself. */
export function floorOf(file: string): string | undefined {
  const [, floor, rest] = file.split("/", 3);
  return rest === undefined ? undefined : floor;
}

/** A conformance suite is called by the test of each implementation. */
function isTest(file: string): boolean {
  return file.endsWith(".test.ts") || file.endsWith(".conformance.ts");
}

/** Tests of pure floors may read files: the rule is for what ships. */
function isPure(file: string): boolean {
  return !isTest(file) && PURE_FLOORS.has(floorOf(file) ?? "");
}

function resolve(file: string, specifier: string): string {
  const parts = file.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
