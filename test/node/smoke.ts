/** The library on Node, not on Bun: loaded by `node`, which strips types itself since version 24. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";

assert.equal(process.versions["bun"], undefined, "this test is for Node");
const entry = new URL("../../src/index.ts", import.meta.url);
const floors = existsSync(entry) ? [entry.href] : ["kernel", "program"].map((name) => `../../src/${name}/index.ts`);
for (const specifier of floors) {
  const library: object = await import(specifier);
  assert.ok(Object.keys(library).length > 0, `${specifier} exports nothing`);
}
console.log(`loaded ${floors.length} module(s) on Node ${process.version}`);
