/** The library on Node, as installed: dist/ is copied below node_modules, where Node strips no types. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type * as Sampan from "../../src/index.ts";

assert.equal(process.versions["bun"], undefined, "this test is for Node");
const project = join(import.meta.dirname, "..", "..");
const folder = mkdtempSync(join(tmpdir(), "sampan-node-"));

function install(): string {
  const target = join(folder, "node_modules", "sampan");
  mkdirSync(join(target, "dist"), { recursive: true });
  for (const part of ["dist/lib", "dist/sampan-executor", "package.json"]) {
    cpSync(join(project, part), join(target, part), { recursive: true });
  }
  // What npm would install beside it.
  symlinkSync(join(project, "node_modules", "tar-stream"), join(folder, "node_modules", "tar-stream"));
  const importer = join(folder, "importer.mjs");
  writeFileSync(importer, 'export * from "sampan";\n');
  return importer;
}

async function check({ open, SampanError }: typeof Sampan): Promise<void> {
  const sampan = await open({ root: join(folder, "state") });
  const { exitCode, stdout } = await sampan.run({ source: "host", command: ["cat"], stdin: "through a container\n" });
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: "through a container\n" });
  const missing = sampan.run({ source: "host", command: ["no-such-command"] });
  await assert.rejects(missing, (error) => error instanceof SampanError && error.code === "COMMAND_NOT_FOUND");
  const signal = AbortSignal.timeout(200);
  await assert.rejects(sampan.run({ source: "host", command: ["sleep", "60"], signal }), { name: "TimeoutError" });
  assert.match(await sampan.explain({ source: "host", command: ["true"] }), /pivot_root\("\.", "\."\)/);
  const misspelt = { source: "host", command: ["true"], hostnme: "x" };
  await assert.rejects(sampan.run(misspelt), { code: "UNKNOWN_OPTION" });
}

try {
  await check((await import(pathToFileURL(install()).href)) as typeof Sampan);
  console.log(`ran containers from Node ${process.version}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
