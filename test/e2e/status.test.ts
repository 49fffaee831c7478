/** How a run ends: the command's status, signals, and Sampan's own errors. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { constants } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { describeUnless } from "../support/skip.ts";
import { missingForRoot } from "./support/needs.ts";
import { Place, type Running } from "./support/place.ts";
import { parseLines } from "./support/probe.ts";

const SIGNALS = ["SIGHUP", "SIGABRT", "SIGKILL", "SIGSEGV", "SIGTERM", "SIGUSR1"] as const;

describeUnless(missingForRoot())("the end of a run", () => {
  let place: Place;
  let rootfs: string;

  beforeAll(() => {
    place = new Place();
    rootfs = place.makeRootfs();
  });
  afterAll(() => place[Symbol.dispose]());

  const probe = (...actions: string[]) => [rootfs, "/bin/probe", ...actions];

  for (const status of [0, 1, 3, 125, 255]) {
    test(`has the command's status ${status}`, async () => {
      const ran = await place.run(probe("exit", String(status)));
      expect([ran.status, ran.signal, ran.stderr]).toEqual([status, null, ""]);
    });
  }

  for (const signal of SIGNALS) {
    const number = constants.signals[signal];
    test(`is ${128 + number} for a command that ${signal} ended`, async () => {
      const ran = await place.run(["--init", ...probe("kill-self", String(number))]);
      expect([ran.status, ran.signal, ran.stderr]).toEqual([128 + number, null, ""]);
    });
  }

  test("is the same without a PID namespace", async () => {
    const ran = await place.run(["--pid", "host", ...probe("kill-self", "9")]);
    expect([ran.status, ran.signal, ran.stderr]).toEqual([137, null, ""]);
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGWINCH"] as const) {
    test(`waits for the command, to which ${signal} is forwarded`, async () => {
      const running = place.start(probe("trap", "1", "--", "exit", "4"));
      await running.shows("ready");
      running.kill(signal);
      const ran = await running.done;
      expect(parseLines(ran.stdout)[1] as unknown).toEqual({ signals: [constants.signals[signal]] });
      expect(ran.status).toBe(4);
    });
  }

  test("comes through --init with the forwarded signal too", async () => {
    const running = place.start(["--init", ...probe("trap", "2", "--", "exit", "5")]);
    await running.shows("ready");
    running.kill("SIGTERM");
    await sleep(50);
    running.kill("SIGUSR1");
    const ran = await running.done;
    expect(parseLines(ran.stdout)[1] as unknown).toEqual({ signals: [15, 10] });
    expect(ran.status).toBe(5);
  });

  const impatient = async (running: Running, signal: NodeJS.Signals) => {
    await running.shows("ready");
    for (let i = 0; i < 3; i++) {
      running.kill(signal);
      await sleep(40);
    }
    return running.done;
  };

  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    for (const options of [[], ["--init"], ["--pid", "host"]]) {
      test(`comes with the third ${signal} for a command that does not listen${options.map((o) => ` ${o}`).join("")}`, async () => {
        const ran = await impatient(place.start([...options, ...probe("deaf")]), signal);
        expect(ran.status).toBe(137);
      });
    }
  }

  test("comes with the death of the executor", async () => {
    const running = place.start(probe("deaf"));
    await running.shows("ready");
    running.kill("SIGKILL");
    expect((await running.done).signal).toBe("SIGKILL");
  });

  test("takes along what the command left behind, in a PID namespace", async () => {
    const ran = await place.run(probe("leave-behind", "3", "60000", "--", "exit", "0"));
    expect(ran.status).toBe(0);
  });

  test("takes along what the command left behind, without a PID namespace", async () => {
    const ran = await place.run(["--pid", "host", ...probe("leave-behind", "3", "60000", "--", "exit", "0")]);
    expect(ran.status).toBe(0);
  });

  test("takes along what the command left behind, without any isolation", async () => {
    const argv = ["--isolate", "none", "host", `${rootfs}/bin/probe`, "leave-behind", "3", "60000"];
    expect((await place.run(argv)).status).toBe(0);
  });

  test("leaves zombies to a command that is PID 1, and none with --init", async () => {
    const actions = ["orphan", "--", "zombies"];
    const count = async (...options: string[]) =>
      parseLines((await place.run([...options, ...probe(...actions)])).stdout).find(
        ({ do: what }) => what === "zombies",
      )?.count;
    expect(await count()).toBe(1);
    expect(await count("--init")).toBe(0);
  });
});

describeUnless(missingForRoot())("standard input", () => {
  let place: Place;
  let rootfs: string;

  beforeAll(() => {
    place = new Place();
    rootfs = place.makeRootfs();
  });
  afterAll(() => place[Symbol.dispose]());

  test("comes through with -i", async () => {
    const ran = await place.run(["-i", rootfs, "/bin/probe", "input"], { input: "hello\n" });
    expect(parseLines(ran.stdout)[0]).toEqual({ do: "input", errno: null, text: "hello\n" });
  });

  test("is empty without -i", async () => {
    const ran = await place.run([rootfs, "/bin/probe", "input"], { input: "hello\n" });
    expect(parseLines(ran.stdout)[0]).toEqual({ do: "input", errno: null, text: "" });
  });

  test("is no terminal for -it, which says so", async () => {
    const ran = await place.run(["-it", rootfs, "/bin/probe", "look"], { input: "" });
    const message =
      "sampan: -t with -i needs a terminal, and standard input is none. Leave out -t to use a pipe or file as input.\n";
    expect([ran.status, ran.stdout, ran.stderr]).toEqual([125, "", message]);
  });
});
