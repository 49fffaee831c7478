/** Command lines that were planned before: a remembered run is a new run, and nothing stale is ever run. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateId, generateName } from "../../src/engine/names.ts";
import { describeUnless } from "../support/skip.ts";
import { missingForRoot } from "./support/needs.ts";

const SAMPAN = join(import.meta.dirname, "..", "..", "dist", "sampan");
let state: string;

beforeAll(() => {
  state = mkdtempSync(join(tmpdir(), "sampan-memory-"));
});

afterAll(() => {
  rmSync(state, { recursive: true, force: true });
});

function run(root: string, ...words: string[]) {
  const env = { ...process.env, SAMPAN_ROOT: join(state, root) };
  const { status, stdout, stderr } = spawnSync(SAMPAN, ["run", ...words], { env, encoding: "utf8" });
  return { status, stdout, stderr };
}

function memories(root: string): string[] {
  const folder = join(state, root, "run", "plans");
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

describe("names and ids", () => {
  test("are equally long in every run", () => {
    const lengths = Array.from({ length: 500 }, generateId).map((id) => `${id.length} ${generateName(id).length}`);
    expect([...new Set(lengths)]).toEqual(["64 16"]);
  });
});

describeUnless(missingForRoot())("a command line that was planned before", () => {
  test("gives a container with its own id, name and host name", () => {
    const look = ["host", "sh", "-c", "hostname; echo $HOSTNAME"];
    const hosts = [1, 2, 3].map(() => run("fresh", ...look).stdout.split("\n"));
    expect(memories("fresh")).toHaveLength(1);
    expect(new Set(hosts.map(([name]) => name)).size).toBe(3);
    for (const [name, variable] of hosts) expect(variable).toBe(name as string);
  });

  test("is told apart from another by every word and by the folder that it is typed in", () => {
    run("words", "host", "echo", "a b");
    expect(run("words", "host", "echo", "a", "b").stdout).toBe("a b\n");
    expect(memories("words")).toHaveLength(2);
  });

  test("is not remembered with an environment, which may be secret", () => {
    expect(run("secret", "-e", "PASSWORD=hunter2", "host", "true").status).toBe(0);
    expect(memories("secret")).toEqual([]);
  });

  test("is planned anew when the folder at its path is another", () => {
    const folder = join(state, "rootfs");
    const words = [folder, "/nothing"];
    mkdirSync(folder);
    expect(run("folder", ...words).status).toBe(127);
    expect(memories("folder")).toHaveLength(1);
    renameSync(folder, `${folder}.old`);
    expect(run("folder", ...words).stderr).toStartWith(`sampan: there is no source "${folder}"`);
  });

  test("is planned anew when the container's users change", () => {
    const folder = join(state, "users");
    mkdirSync(join(folder, "etc"), { recursive: true });
    writeFileSync(join(folder, "etc/passwd"), "root:x:0:0::/first:/bin/sh\n");
    const words = [folder, "/nothing"];
    run("users", ...words);
    const [before = ""] = memories("users").map((file) => readFileSync(file, "latin1"));
    expect(before).toContain("HOME=/first");
    writeFileSync(join(folder, "etc/passwd"), "root:x:0:0::/second:/bin/sh\n");
    run("users", ...words);
    const [after = ""] = memories("users").map((file) => readFileSync(file, "latin1"));
    expect(after).toContain("HOME=/second");
  });

  test("is planned anew for a process with fewer capabilities", () => {
    const words = ["host", "grep", "CapBnd", "/proc/self/status"];
    const full = run("power", ...words).stdout;
    const env = { ...process.env, SAMPAN_ROOT: join(state, "power") };
    const dropped = ["--bounding-set", "-net_raw", SAMPAN, "run", ...words];
    const less = spawnSync("setpriv", dropped, { env, encoding: "utf8" }).stdout;
    expect(less).toStartWith("CapBnd:");
    expect(less).not.toBe(full);
  });

  test("is planned anew when the memory is damaged", () => {
    const words = ["host", "echo", "well"];
    run("damage", ...words);
    for (const file of memories("damage")) {
      const text = readFileSync(file);
      writeFileSync(file, text.subarray(0, text.length - 100));
    }
    expect(run("damage", ...words)).toEqual({ status: 0, stdout: "well\n", stderr: "" });
  });

  test("still knows that a name is taken", () => {
    const words = ["--name", "single", "host", "echo", "mine"];
    expect(run("name", ...words).stdout).toBe("mine\n");
    expect(run("name", ...words).stdout).toBe("mine\n");
  });
});
