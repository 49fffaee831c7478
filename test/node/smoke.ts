/** The library on Node, not on Bun: loaded by `node`, which strips types itself since version 24. */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { open, SampanError } from "../../src/index.ts";

assert.equal(process.versions["bun"], undefined, "this test is for Node");

const NOTHING_TO_TEST = 77;
const root = mkdtempSync(join(tmpdir(), "sampan-node-"));
const sampan = await open({ root });

async function runs(): Promise<void> {
  const script = 'read -r word; echo "$word $(hostname) $$"; echo trouble >&2; exit 7';
  const result = await sampan.run({
    source: "host",
    command: ["sh", "-c", script],
    hostname: "boat",
    interactive: true,
    stdin: "ahoy\n",
    name: "node-smoke",
  });
  assert.equal(result.stdout, "ahoy boat 1\n");
  assert.equal(result.stderr, "trouble\n");
  assert.equal(result.exitCode, 7);
  assert.equal(result.name, "node-smoke");
  assert.equal(result.report.exitCode, 7);
  assert.ok(result.report.wallTimeMs > 0);
}

async function refuses(): Promise<void> {
  const run = sampan.run({ source: "host", command: ["no-such-command"] });
  await assert.rejects(run, (error: unknown) => {
    assert.ok(error instanceof SampanError);
    assert.equal(error.code, "COMMAND_NOT_FOUND");
    assert.equal(error.message, 'cannot run "no-such-command": not found in the container');
    return true;
  });
}

async function aborts(): Promise<void> {
  const reason = new Error("changed my mind");
  const controller = new AbortController();
  const run = sampan.run({ source: "host", command: ["sleep", "1000"], signal: controller.signal });
  setTimeout(() => controller.abort(reason), 100);
  await assert.rejects(run, reason);
}

async function severalAtOnce(): Promise<void> {
  const numbers = [1, 2, 3, 4];
  const all = await Promise.all(numbers.map((n) => sampan.run({ source: "host", command: ["sh", "-c", `exit ${n}`] })));
  assert.deepEqual(
    all.map(({ exitCode }) => exitCode),
    numbers,
  );
}

function leavesNothing(): void {
  for (const kind of ["containers", "names"]) assert.deepEqual(readdirSync(join(root, "run", kind)), []);
}

/** Containers need root, or user namespaces for everybody. */
function leaveWithoutNamespaces(error: unknown): void {
  if (process.getuid?.() === 0 || !(error instanceof SampanError) || error.code !== "NAMESPACE_UNAVAILABLE") return;
  console.log(`loaded on Node ${process.version}; needs root or user namespaces to run a container`);
  process.exitCode = NOTHING_TO_TEST;
}

try {
  for (const step of [runs, refuses, aborts, severalAtOnce, leavesNothing]) await step();
  console.log(`ran containers on Node ${process.version}`);
} catch (error) {
  leaveWithoutNamespaces(error);
  if (process.exitCode === undefined) throw error;
} finally {
  rmSync(root, { recursive: true, force: true });
}
