/** `sampan ps` and `sampan kill`: what they say, and that it is true even after the worst. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { constants } from "node:os";
import { join } from "node:path";
import { describeUnless } from "../support/skip.ts";
import { groupsOf, processesWith, waitUntilClean } from "./support/leftovers.ts";
import { missingForRoot } from "./support/needs.ts";
import { follow, Place } from "./support/place.ts";
import { type Moored, moor, sampan } from "./support/terminal.ts";

const { SIGKILL } = constants.signals;

/** The janitor and every other child of an executor that is not the container. */
function janitorOf(moored: Moored): number {
  const children = readFileSync(`/proc/${moored.executor}/task/${moored.executor}/children`, "utf8").trim().split(" ");
  return Number(children.find((pid) => Number(pid) !== moored.pid));
}

describeUnless(missingForRoot())("running containers", () => {
  let place: Place;
  let rootfs: string;
  let moored: Moored[];

  beforeEach(() => {
    place = new Place();
    rootfs = place.makeRootfs();
    moored = [];
  });
  afterEach(async () => {
    await Promise.all(moored.map((one) => one.end()));
    expect(await waitUntilClean(place.traces(moored.map(({ id }) => id)))).toEqual([]);
    place[Symbol.dispose]();
  });

  async function start(name: string, ...args: string[]): Promise<Moored> {
    const command = args.length > 0 ? args : [rootfs, "/bin/probe", "sleep", "60000"];
    const one = await moor(place, name, command);
    moored.push(one);
    return one;
  }

  const ps = async (...args: string[]) => (await sampan(place, ["ps", ...args])).stdout;

  test("are none at first: a heading, or nothing for programs", async () => {
    expect(await ps()).toBe("CONTAINER ID   SOURCE   COMMAND   CREATED   STATUS   NAMES\n");
    expect([await ps("-q"), await ps("--format", "json")]).toEqual(["", ""]);
  });

  test("are a table with as much of each as fits", async () => {
    const { id } = await start("punt", "host", "sh", "-c", "sleep 1000; echo a rather long command line");
    const [heading = "", row = ""] = (await ps()).split("\n");
    const cells = row.split(/ {3,}/);
    expect(heading.split(/ {3,}/)).toEqual(["CONTAINER ID", "SOURCE", "COMMAND", "CREATED", "STATUS", "NAMES"]);
    expect([cells[0], cells[1], cells[2], cells[5]]).toEqual([
      id.slice(0, 12),
      "host",
      '"sh -c sleep 1000; echo …"',
      "punt",
    ]);
    expect(cells[3]).toMatch(/^\d+ seconds? ago$/);
    expect(cells[4]).toMatch(/^Up \d+ seconds?$/);
    expect(heading.indexOf("NAMES")).toBe(row.indexOf("punt"));
  });

  test("are in full with --no-trunc", async () => {
    const { id } = await start("punt");
    const row = (await ps("--no-trunc")).split("\n")[1] ?? "";
    expect(row.split(/ {3,}/).slice(0, 3)).toEqual([id, rootfs, '"/bin/probe sleep 60000"']);
  });

  test("show no control character of a command to the terminal", async () => {
    await start("punt", rootfs, "/bin/probe", "sleep", "60000", "--", "\u001b[31m\n\u0007");
    expect((await ps()).replaceAll("\n", "")).not.toMatch(/\p{Cc}/u);
  });

  test("are one JSON document each for programs", async () => {
    const { id, pid } = await start("punt");
    const { namespaces, ...listed } = JSON.parse(await ps("--format", "json"));
    expect(namespaces.toSorted()).toEqual(["cgroup", "ipc", "mount", "network", "pid", "uts"]);
    expect(listed).toEqual({
      id,
      name: "punt",
      pid,
      created: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      source: rootfs,
      command: ["/bin/probe", "sleep", "60000"],
      state: "running",
    });
  });

  test("are found by part of a name and the start of an id", async () => {
    const [first, second] = [await start("grey-punt"), await start("red-raft")];
    expect(await ps("-q")).toBe(`${first.id.slice(0, 12)}\n${second.id.slice(0, 12)}\n`);
    expect(await ps("-q", "-f", "name=punt")).toBe(`${first.id.slice(0, 12)}\n`);
    expect(await ps("-q", "--no-trunc", "-f", `id=${second.id.slice(0, 20)}`)).toBe(`${second.id}\n`);
    expect(await ps("-q", "-f", "name=punt", "-f", "name=raft")).toBe(await ps("-q"));
    expect(await ps("-q", "-f", "name=barge")).toBe("");
    const wrong = await sampan(place, ["ps", "-f", "colour=red"]);
    expect([wrong.status, wrong.stderr]).toEqual([125, expect.stringContaining("colour")]);
  });

  test("get signals by name and number", async () => {
    const run = place.start(["--name", "punt", rootfs, "/bin/probe", "trap", "3"]);
    await run.shows("ready");
    for (const signal of ["USR1", "SIGTERM", "2"]) {
      const { status, stdout } = await sampan(place, ["kill", "--signal", signal, "punt"]);
      expect([status, stdout]).toEqual([0, "punt\n"]);
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
    expect((await run.done).stdout).toContain('"signals":[10,15,2]');
  });

  test("are killed without further words, several at once", async () => {
    const runs = ["a", "b"].map((name) =>
      place.start(["--name", name, rootfs, "/bin/probe", "sleep", "60000"], { careless: true }),
    );
    await Promise.all(runs.map((run) => run.shows("ready")));
    const { status, stdout } = await sampan(place, ["kill", "a", "b"]);
    expect([status, stdout]).toEqual([0, "a\nb\n"]);
    expect((await Promise.all(runs.map((run) => run.done))).map((ran) => ran.status)).toEqual([137, 137]);
  });

  test("that are unknown do not keep kill from the others, and make its status 1", async () => {
    const run = place.start(["--name", "punt", rootfs, "/bin/probe", "sleep", "60000"]);
    await run.shows("ready");
    const { status, stdout, stderr } = await sampan(place, ["kill", "nobody", "punt"]);
    expect([status, stdout]).toEqual([1, "punt\n"]);
    expect(stderr).toBe('sampan: there is no running container "nobody". `sampan ps` lists them.\n');
    expect((await run.done).status).toBe(137);
  });

  test("refuse a signal that there is not", async () => {
    const { status, stderr } = await sampan(place, ["kill", "-s", "SIGBOAT", "punt"]);
    expect([status, stderr]).toEqual([125, expect.stringContaining("SIGBOAT")]);
  });

  test("whose executor was killed are gone, with all that they had", async () => {
    const one = await start("punt");
    process.kill(one.executor, SIGKILL);
    expect(await waitUntilClean(place.traces([one.id]))).toEqual([]);
    expect(await ps("-q")).toBe("");
  });

  test("whose executor and janitor were both killed are swept by the next command", async () => {
    const one = await start("punt", "--memory", "50m", "--pids-limit", "30", rootfs, "/bin/probe", "sleep", "60000");
    const other = await start("raft");
    expect(groupsOf(one.id).length).toBeGreaterThan(1);
    process.kill(janitorOf(one), SIGKILL);
    await one.end();
    expect(existsSync(join(place.root, "run", "names", "punt")) || groupsOf(one.id).length > 0).toBe(true);
    expect(await ps("-q", "--no-trunc")).toBe(`${other.id}\n`);
    expect(groupsOf(one.id)).toEqual([]);
    expect(readdirSync(join(place.root, "run", "names"))).toEqual(["raft"]);
    expect(readdirSync(join(place.root, "run", "containers"))).toEqual([other.id]);
    expect(processesWith(place.token).filter((line) => line.startsWith(`${one.pid} `))).toEqual([]);
  });

  test("without a PID namespace leave nobody when executor and janitor were both killed", async () => {
    const one = await start("punt", "--pid", "host", "host", "sh", "-c", "sleep 5000 & sleep 5000 & wait");
    process.kill(janitorOf(one), SIGKILL);
    await one.end();
    await ps();
    expect(processesWith(place.token)).toEqual([]);
    expect(groupsOf(one.id)).toEqual([]);
  });

  test("that a killed executor has left are not running, before its parent has noticed", async () => {
    // A shell that does not wait: the executor stays a zombie.
    const command = `${place.sampan} --root ${place.root} run --env ${place.token} --name punt ${rootfs} /bin/probe sleep 60000 & echo $!; exec sleep 60`;
    const shell = follow(place.spawn(["sh", "-c", command]));
    const pid = Number((await shell.shows("\n")).split("\n")[0]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await ps()).split("\n").length).toBe(3);
    process.kill(pid, SIGKILL);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(await ps("-q")).toBe("");
    shell.kill("SIGKILL");
    await shell.done;
  });

  test("give their name back, however they ended", async () => {
    for (const end of ["end", "kill", "both"]) {
      const one = await start("punt");
      if (end === "kill") await sampan(place, ["kill", "punt"]);
      if (end === "both") process.kill(janitorOf(one), SIGKILL);
      await one.end();
    }
    const { status, stderr } = await sampan(place, ["run", "--name", "punt", rootfs, "/bin/probe", "exit", "0"]);
    expect([status, stderr]).toEqual([0, ""]);
    await ps();
  });

  test("are eight at once without getting in each other's way", async () => {
    const runs = Array.from({ length: 8 }, (_, i) =>
      place.start(["--name", `boat-${i}`, "--memory", "40m", rootfs, "/bin/probe", "sleep", "60000"], {
        careless: true,
      }),
    );
    await Promise.all(runs.map((run) => run.shows("ready")));
    const names = (await ps("--format", "json"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).name as string);
    expect(names.toSorted()).toEqual(runs.map((_, i) => `boat-${i}`));
    await Promise.all(runs.map((_, i) => sampan(place, ["kill", `boat-${i}`])));
    expect((await Promise.all(runs.map((run) => run.done))).map((ran) => ran.status)).toEqual(runs.map(() => 137));
  });

  test("have their name alone: of several at once that want it, one gets it", async () => {
    for (let round = 0; round < 3; round++) {
      const runs = Array.from({ length: 6 }, () =>
        place.start(["--name", "punt", rootfs, "/bin/probe", "sleep", "700"], { careless: true }),
      );
      const ran = await Promise.all(runs.map((run) => run.done));
      expect(ran.map(({ status }) => status).toSorted()).toEqual([0, 125, 125, 125, 125, 125]);
      for (const { stderr } of ran.filter(({ status }) => status === 125)) {
        expect(stderr).toBe(
          'sampan: the name "punt" is in use by another container. Choose another --name, or end that one with: sampan kill punt\n',
        );
      }
    }
  });

  test("without a PID namespace take all their orphans along, however many", async () => {
    const script = "for i in $(seq 900); do (setsid sleep 5000 &) ; done; echo made";
    const { status, stdout } = await place.run(["--pid", "host", "host", "bash", "-c", script]);
    expect([status, stdout]).toEqual([0, "made\n"]);
  });
});
