/** The executable itself: what it must not do on its own account. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const SAMPAN = join(import.meta.dirname, "..", "..", "dist", "sampan");
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sampan-folder-"));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function versionIn(cwd: string) {
  const { status, stdout } = spawnSync(SAMPAN, ["version", "--format", "json"], { cwd, encoding: "utf8" });
  return { status, names: Object.keys(JSON.parse(stdout)) };
}

test("code that a bunfig.toml in the current folder names is not run", () => {
  const trace = join(folder, "trace");
  writeFileSync(join(folder, "preload.ts"), `require("node:fs").writeFileSync(${JSON.stringify(trace)}, "run");`);
  writeFileSync(join(folder, "bunfig.toml"), 'preload = ["./preload.ts"]\n');
  expect(versionIn(folder)).toEqual({ status: 0, names: ["version", "protocol", "runtime", "platform", "kernel"] });
  expect(existsSync(trace)).toBe(false);
});

test("a .env file in the current folder does not change the environment", () => {
  const other = join(folder, "elsewhere");
  writeFileSync(join(folder, ".env"), `SAMPAN_ROOT=${other}\n`);
  const { status } = spawnSync(SAMPAN, ["run", "--isolate", "none", "host", "true"], { cwd: folder });
  expect(status).toBe(0);
  expect(existsSync(other)).toBe(false);
});
