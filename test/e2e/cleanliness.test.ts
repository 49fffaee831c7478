/** Whoever dies, and whenever: nothing is left on the host. */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { rmdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { prepareRun } from "../../src/engine/prepare.ts";
import type { RunOptions } from "../../src/engine/run-options.ts";
import { executorPath, programArguments } from "../../src/executor/index.ts";
import { encode, type Program } from "../../src/program/index.ts";
import { ensureRunFolders } from "../../src/runtime/index.ts";
import { describeUnless } from "../support/skip.ts";
import { type Spot, spotsOf, withDeathAt } from "./support/inject.ts";
import { emptyGroups, groupsOf, mountsWith, waitUntilClean } from "./support/leftovers.ts";
import { missingController, missingForRoot } from "./support/needs.ts";
import { follow, Place } from "./support/place.ts";

const SEED = 20_261;
const RUNS = 60;

/** The same numbers in every run of the tests (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

describeUnless(missingForRoot())("the death of", () => {
  let place: Place;
  let rootfs: string;
  let mountsBefore: number;

  beforeAll(() => {
    place = new Place();
    rootfs = place.makeRootfs();
    ensureRunFolders(folders());
  });
  beforeEach(() => {
    mountsBefore = mountsWith("overlay").length;
  });
  afterEach(() => expect(mountsWith("overlay").length).toBe(mountsBefore));
  afterAll(() => place[Symbol.dispose]());

  const folders = () => ({ run: join(place.root, "run"), data: join(place.root, "data") });
  const limits: Partial<RunOptions> =
    missingController("pids") === undefined ? { resources: { pids: { limit: 50 } } } : {};

  const usual = (): RunOptions => ({
    source: rootfs,
    command: ["/bin/probe", "leave-behind", "1", "60000", "--", "sleep", "5"],
    env: [place.token],
    name: "doomed",
    mounts: [{ type: "bind", source: place.folder, target: "/data" }],
    ...limits,
  });
  const prepare = (options: RunOptions) => prepareRun(options, { folders: folders(), measure: true });

  /** A spot by its process, and the call before it. */
  const describeSpot = (program: Program, { process, at, opens }: Spot) =>
    opens ? `${process} at its first step` : `${process} after step ${at - 1}, ${program.operations[at - 1]?.why}`;

  /** @param limitMs how long somebody may take to clean up */
  const dieAt = async (spot: Spot, options: RunOptions, limitMs = 2000) => {
    const { id, program } = await prepare(options);
    const child = place.spawn([
      executorPath(),
      "--program",
      ...programArguments(encode(withDeathAt(program, spot)).image),
    ]);
    const ran = await follow(child).done;
    const where = describeSpot(program, spot);
    if (spot.process === "executor") expect([where, ran.signal]).toEqual([where, "SIGKILL"]);
    else if (spot.process !== "janitor") expect([where, ran.status]).not.toEqual([where, 0]);
    if (ran.timedOut) throw new Error(`hangs after the death of ${where}`);
    const left = await waitUntilClean(place.traces([id]), limitMs);
    return { where, left, id, program };
  };

  const spotsFor = async (process: string, options: RunOptions) => {
    const { program } = await prepare(options);
    return { program, spots: spotsOf(program).filter((spot) => spot.process === process) };
  };

  /** Before the janitor is born, only the name can be left; its owner is dead, so that the next one takes it. */
  const dieEverywhere = async (process: string, options: RunOptions, every = 1) => {
    const { program, spots } = await spotsFor(process, options);
    const janitorBorn = program.operations.findIndex((op) => op.name === "fork");
    const wrong: string[] = [];
    for (const spot of spots.filter((_, i) => i % every === 0)) {
      const mayKeepName = process === "executor" && spot.at <= janitorBorn;
      const { where, left } = await dieAt(spot, options, mayKeepName ? 0 : 2000);
      if (left.length > 0 && !(mayKeepName && left.join() === "record names/doomed")) {
        wrong.push(`the death of ${where} leaves ${left.join(", ")}`);
      }
      rmSync(join(place.root, "run", "names", "doomed"), { force: true });
    }
    expect(wrong).toEqual([]);
    return spots.length;
  };

  test("the executor leaves nothing, after whichever step", async () => {
    expect(await dieEverywhere("executor", usual())).toBeGreaterThan(15);
  }, 120_000);

  test("the container's first process leaves nothing, after whichever step", async () => {
    expect(await dieEverywhere("container", usual())).toBeGreaterThan(100);
  }, 120_000);

  test("the executor leaves nothing with a user namespace and an init", async () => {
    const options: RunOptions = { ...usual(), namespaces: { user: "private" }, init: true };
    expect(await dieEverywhere("executor", options, 2)).toBeGreaterThan(15);
  }, 120_000);

  test("the container leaves nothing with a user namespace and an init", async () => {
    const options: RunOptions = { ...usual(), namespaces: { user: "private" }, init: true };
    expect(await dieEverywhere("container", options, 3)).toBeGreaterThan(100);
    expect(await dieEverywhere("command", options)).toBeGreaterThan(2);
  }, 120_000);

  test("the executor leaves nothing without any isolation", async () => {
    const command = [join(rootfs, "bin/probe"), "sleep", "5"];
    const bare = { source: "host", isolate: [], name: "doomed", env: [place.token], command };
    expect(await dieEverywhere("executor", bare)).toBeGreaterThan(10);
  }, 60_000);

  test("the janitor leaves no process and no mount, and what it leaves is in the record", async () => {
    const { program, spots } = await spotsFor("janitor", usual());
    expect(program.operations.some(({ name }) => name === "janitor")).toBe(true);
    for (const spot of spots) {
      const { where, left, id } = await dieAt(spot, usual(), 100);
      const unexpected = left.filter((line) => !/^(group|record) /.test(line));
      expect(unexpected.map((line) => `the death of ${where} leaves ${line}`)).toEqual([]);
      for (const group of groupsOf(id)) rmdirSync(group);
      rmSync(join(place.root, "run", "names", "doomed"), { force: true });
      rmSync(join(place.root, "run", "containers", id), { recursive: true, force: true });
    }
  }, 60_000);

  test(`the command line tool at ${RUNS} random moments leaves nothing`, async () => {
    const groupsBefore = new Set(emptyGroups());
    const next = random(SEED);
    for (let i = 0; i < RUNS; i++) {
      const options = ["--name", `random-${i}`, "--pids-limit", "50", "--tmpfs", "/memory"];
      if (missingController("pids")) options.splice(2, 2);
      const running = place.start(
        [...options, rootfs, "/bin/probe", "leave-behind", "2", "60000", "--", "sleep", "20"],
        {
          careless: true,
        },
      );
      await sleep(next() * 80);
      running.kill("SIGKILL");
      await running.done;
      const left = await waitUntilClean(place.traces());
      // Its owner is dead, so the name is free: see below.
      expect(left.filter((line) => line !== `record names/random-${i}`)).toEqual([]);
      if (left.length > 0) {
        const again = await place.run(["--name", `random-${i}`, rootfs, "/bin/probe", "exit", "0"]);
        expect([again.status, again.stderr]).toEqual([0, ""]);
      }
    }
    // Others may run containers on this machine at the same time: theirs are empty for a moment only.
    for (let i = 0; i < 100 && emptyGroups().some((path) => !groupsBefore.has(path)); i++) await sleep(50);
    expect(emptyGroups().filter((path) => !groupsBefore.has(path))).toEqual([]);
  }, 120_000);
});
