/** Terminals: `-it` as a user at a real one sees it. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { describeUnless, firstReason } from "../support/skip.ts";
import { waitUntilClean } from "./support/leftovers.ts";
import { missingForRoot } from "./support/needs.ts";
import { follow, Place } from "./support/place.ts";
import { parseLook } from "./support/probe.ts";
import { missingTerminal, type Played, play, playRun, sampan, untilListed } from "./support/terminal.ts";

const { SIGINT, SIGKILL, SIGTERM, SIGTSTP, SIGCONT } = constants.signals;
const SHELL = ["bash", "--noprofile", "--norc"];
/** A prompt that no echo of a command contains. */
const READY = ["expect # ", "send PS1='re''ady> '; bind 'set enable-bracketed-paste off'\\r", "expect ready> "];

/** Types a line and waits for the next prompt. */
function line(text: string): string[] {
  return [`send ${text}\\r`, "expect ready> "];
}

describeUnless(firstReason(missingForRoot(), missingTerminal()))("a terminal", () => {
  let place: Place;
  /** Runs as long as the tests do, so it is none of `place.start`, which gives up earlier. */
  let harbour: ReturnType<Place["spawn"]>;

  beforeAll(async () => {
    place = new Place();
    const run = ["--root", place.root, "run", "--env", place.token, "--name", "harbour", "host", "sleep", "1000"];
    harbour = place.spawn([place.sampan, ...run]);
    await untilListed(place, "harbour");
  });
  afterAll(async () => {
    harbour.kill("SIGKILL");
    expect(await waitUntilClean(place.traces())).toEqual([]);
    place[Symbol.dispose]();
  });

  const kinds: Readonly<
    Record<
      string,
      (command: readonly string[], steps: readonly string[], options?: readonly string[]) => Promise<Played>
    >
  > = {
    "run -it": (command, steps, options = ["-it"]) => {
      const argv = [place.sampan, "--root", place.root, "run", "--env", place.token, ...options, "host", ...command];
      return play(place, argv, steps);
    },
    "exec -it": (command, steps, options = ["-it"]) =>
      play(place, [place.sampan, "--root", place.root, "exec", ...options, "harbour", ...command], steps),
  };

  for (const [kind, on] of Object.entries(kinds)) {
    describe(`of ${kind}`, () => {
      test("is a terminal by every name", async () => {
        const script =
          "for fd in 0 1 2; do test -t $fd && readlink /proc/self/fd/$fd; done; tty; " +
          "echo to the controlling one >/dev/tty; stat -c %t:%T /dev/tty";
        const { shown, status } = await on(["sh", "-c", script], []);
        const lines = shown.trim().split("\n");
        const name = lines[0] ?? "";
        expect(name).toMatch(/^\/dev\/pts\/\d+$/);
        expect(lines).toEqual([name, name, name, name, "to the controlling one", "5:0"]);
        expect(status).toBe(0);
      });

      test("is as large as the user's from the first moment, and follows it", async () => {
        const { shown } = await on(
          ["sh", "-c", "stty size; trap 'stty size; exit 0' WINCH; echo now; while :; do sleep 0.05; done"],
          ["expect now", "size 31 107", "expect 31 107"],
        );
        expect(shown).toBe("24 80\nnow\n31 107\n");
      });

      test("has job control: ^C and ^Z go to the job in front alone", async () => {
        const { status } = await on(SHELL, [
          ...READY,
          ...line("sleep 1000 & true"),
          "send sleep 2000\\r",
          "pause 300",
          "send \\x1a", // ^Z
          "expect Stopped",
          "expect ready> ",
          ...line("jobs; echo state $(jobs -s | wc -l) $(jobs -r | wc -l)"),
          "send fg %2\\r",
          "pause 300",
          "send \\x03", // ^C
          "expect ready> ",
          "send echo code $?; jobs | grep -c Running; kill %1\\r",
          "expect code 130\\r\\n1\\r\\n",
          "send exit 5\\r",
        ]);
        expect(status).toBe(5);
      });

      test("is the user's own in raw mode meanwhile, and as it was afterwards", async () => {
        const { notes, last, status } = await on(
          ["sh", "-c", "read line; exit 7"],
          ["until raw", "note", "pause 100", "send x\\r"],
        );
        expect(notes[0]).toMatchObject({ canonical: true, echo: true, signals: true });
        expect(notes[1]).toMatchObject({ canonical: false, echo: false, signals: false });
        expect(last).toEqual(notes[0] as never);
        expect(status).toBe(7);
      });

      test("is as it was after a command that was not found", async () => {
        const { notes, last, status, shown } = await on(["no-such-command"], []);
        expect([status, last]).toEqual([127, notes[0] as never]);
        expect(shown).toContain("no-such-command");
      });

      test("is as it was after SIGKILL of the executor", async () => {
        const { notes, last, signal } = await on(
          ["sleep", "1000"],
          ["until raw", `signal ${SIGKILL}`, "ended", "until cooked"],
        );
        expect([signal, last]).toEqual([SIGKILL, notes[0] as never]);
      });

      test("is as it was after SIGKILL at whatever moment", async () => {
        for (const ms of [0, 2, 4, 6, 8, 10, 13, 17]) {
          const { notes, last } = await on(
            ["sleep", "1000"],
            [`pause ${ms}`, `signal ${SIGKILL}`, "ended", "until cooked"],
          );
          expect(last).toEqual(notes[0] as never);
        }
      });

      test("is as it was after SIGTERM", async () => {
        const steps = [
          "until raw",
          `signal ${SIGTERM}`,
          `pause 50`,
          `signal ${SIGTERM}`,
          `pause 50`,
          `signal ${SIGTERM}`,
        ];
        const ending = kind.startsWith("run") ? steps : steps.slice(0, 2);
        const { notes, last, status } = await on(["sleep", "1000"], ending);
        expect(last).toEqual(notes[0] as never);
        expect(status).toBe(kind.startsWith("run") ? 137 : 143);
      });

      test("loses nothing of ten megabytes", async () => {
        const { shown } = await on(["seq", "1500000"], []);
        expect(shown.length).toBe(10_888_896);
        expect(shown.startsWith("1\n2\n3\n")).toBe(true);
        expect(shown === Array.from({ length: 1_500_000 }, (_, i) => `${i + 1}\n`).join("")).toBe(true);
      });

      test("shows all that was written by one who has ended, to a user who looks later", async () => {
        const { shown, status } = await on(
          ["sh", "-c", "seq 300000 && echo the end; exit 4"],
          ["look away", "pause 500", "look here", "expect the end"],
        );
        expect(shown.split("\n").length).toBe(300_002);
        expect(status).toBe(4);
      });

      test("takes more input than any buffer holds", async () => {
        const path = place.path("input");
        writeFileSync(path, `${Array.from({ length: 60_000 }, (_, i) => `line ${i}`).join("\r")}\r\u0004`);
        const { shown, status } = await on(
          ["sh", "-c", "stty -echo; echo go; cat > /tmp/in; wc -l < /tmp/in; tail -1 /tmp/in"],
          ["expect go", `send-file ${path}`, "expect line 59999"],
        );
        expect([shown, status]).toEqual(["go\n60000\nline 59999\n", 0]);
      });

      test("outlives a moment in which nobody inside has it open", async () => {
        const script = "t=$(tty); exec <&- >&- 2>&-; sleep 0.2; exec >$t <$t 2>&1; echo again; read x; echo got $x";
        const { shown } = await on(["sh", "-c", script], ["expect again", "send word\\r", "expect got word"]);
        expect(shown).toContain("got word");
      });

      test("belongs to the user of the command", async () => {
        const { shown } = await on(
          ["sh", "-c", "stat -c '%u %a' $(tty); echo fine > $(tty)"],
          [],
          ["-it", "-u", "1234"],
        );
        expect(shown).toBe("1234 620\nfine\n");
      });

      test("of the user stays as it is without -i, and keys do nothing", async () => {
        const { notes, last, shown, status } = await on(
          ["sh", "-c", "echo here; timeout --foreground 0.4 cat; echo end"],
          ["expect here", "note", "send typed\\r", "expect end"],
          ["-t"],
        );
        expect([notes[1], last]).toEqual([notes[0] as never, notes[0] as never]);
        expect(shown.replace("typed\n", "")).toBe("here\nend\n");
        expect(status).toBe(0);
      });

      test("that hangs up ends who listens to it", async () => {
        const before = Date.now();
        const { status, signal, last } = await on(SHELL, [...READY, "hang up", "ended"]);
        expect(last).toBeNull();
        expect([status > 0, signal]).toEqual([true, 0]);
        expect(Date.now() - before).toBeLessThan(4500);
      });

      test("that hangs up ends even who does not listen", async () => {
        const { status, signal } = await on(
          ["sh", "-c", "trap '' HUP; sleep 1000; sleep 1000"],
          ["until raw", "pause 100", "hang up", "ended"],
        );
        expect([status, signal]).toEqual([137, 0]);
      });

      test("is given back while we are stopped, and taken again afterwards", async () => {
        const { notes, last, status } = await on(
          ["sh", "-c", "read a; stty size; exit 3"],
          [
            "until raw",
            `signal ${SIGTSTP}`,
            "stopped",
            "note",
            "size 40 90",
            `signal ${SIGCONT}`,
            "until raw",
            "send x\\r",
            "expect 40 90",
          ],
        );
        expect(notes[1]).toEqual(notes[0] as never);
        expect([status, last]).toEqual([3, notes[0] as never]);
      });

      test("is not touched from the background of a shell", async () => {
        const command = (kind.startsWith("run") ? ["run", "-it", "host"] : ["exec", "-it", "harbour"]).join(" ");
        const { status } = await play(place, SHELL, [
          ...READY,
          `send ${place.sampan} --root ${place.root} ${command} sh -c 'read x; echo got $x' &\\r`,
          "expect ready> ",
          "pause 500",
          ...line("echo still mine"),
          ...line("jobs"),
          "send fg\\r",
          "pause 300",
          "send word\\r",
          "expect got word",
          "expect ready> ",
          "send exit 6\\r",
        ]);
        expect(status).toBe(6);
      });

      test("needs one: -it without is refused", async () => {
        const args = kind.startsWith("run") ? ["run", "-it", "host"] : ["exec", "-it", "harbour"];
        const { status, stderr } = await sampan(place, [...args, "true"]);
        expect(stderr).toBe(
          "sampan: -t with -i needs a terminal, and standard input is none. Leave out -t to use a pipe or file as input.\n",
        );
        expect(status).toBe(125);
      });

      test("of -t alone needs none, and its output can be piped", async () => {
        const args = kind.startsWith("run") ? ["run", "-t", "host"] : ["exec", "-t", "harbour"];
        const { status, stdout } = await sampan(place, [...args, "sh", "-c", "test -t 1 && echo yes; exit 9"]);
        expect([status, stdout]).toEqual([9, "yes\r\n"]);
      });

      test("of -t alone appends to a file that others write to as well", async () => {
        const file = place.path("log");
        const args = kind.startsWith("run") ? "run -t host" : "exec -t harbour";
        const script = `{ echo before; ${place.sampan} --root ${place.root} ${args} echo within; echo after; } > ${file}`;
        await play(place, ["sh", "-c", script], []);
        expect(readFileSync(file, "utf8")).toBe("before\nwithin\r\nafter\n");
      });
    });
  }
});

describeUnless(firstReason(missingForRoot(), missingTerminal()))("one terminal", () => {
  let place: Place;
  let rootfs: string;

  beforeAll(() => {
    place = new Place();
    rootfs = place.makeRootfs();
  });
  afterAll(() => place[Symbol.dispose]());

  test("makes its session's leader the command, which is PID 1", async () => {
    const { shown } = await playRun(place, ["-it", rootfs, "/bin/probe", "look"], []);
    const look = parseLook(shown);
    expect([look.pid, look.sid, look.pgid, look.controllingTerminal]).toEqual([1, 1, 1, true]);
    expect(Object.keys(look.descriptors)).toEqual(["0", "1", "2"]);
    expect(Object.values(look.descriptors).every(({ terminal }) => terminal)).toBe(true);
  });

  test("is /dev/console as well", async () => {
    const { shown } = await playRun(
      place,
      ["-it", "host", "sh", "-c", "echo here > /dev/console; tty < /dev/console"],
      [],
    );
    expect(shown).toBe("here\n/dev/console\n");
  });

  test("is the command's under --init too", async () => {
    const { status } = await playRun(
      place,
      ["-it", "--init", "host", ...SHELL],
      [...READY, "send sleep 1000\\r", "pause 200", "send \\x03", "expect ready> ", "send exit 8\\r"],
    );
    expect(status).toBe(8);
  });

  test("of the user cannot be typed into from a container without -t", async () => {
    const { shown } = await playRun(place, ["-i", rootfs, "/bin/probe", "tiocsti"], []);
    expect(shown).toContain('"typed":false');
  });

  test("leaves the user's alone when the command line is wrong", async () => {
    const { notes, last, status } = await playRun(place, ["-it", "--memory", "lots", "host", "true"], []);
    expect([status, last]).toEqual([125, notes[0] as never]);
  });

  test("is given back when a mount fails, and nobody waits", async () => {
    const { notes, last, status } = await playRun(
      place,
      ["-it", "-v", "/etc/hostname:/proc/1/fd/x", "host", "true"],
      [],
    );
    expect([status, last]).toEqual([125, notes[0] as never]);
  });

  test("without -t: a stop of sampan is a stop of sampan", async () => {
    const { status, shown } = await playRun(
      place,
      ["host", "sh", "-c", "echo here; sleep 0.3; echo end; exit 2"],
      ["expect here", `signal ${SIGTSTP}`, "stopped", "expect end", `signal ${SIGCONT}`],
    );
    expect([status, shown]).toEqual([2, "here\nend\n"]);
  });

  test("without -t: ^C goes to the command", async () => {
    const { status } = await playRun(
      place,
      ["host", "sh", "-c", "trap 'exit 44' INT; echo here; while :; do sleep 0.05; done"],
      ["expect here", "send \\x03"],
    );
    expect(status).toBe(44);
  });

  test("that hangs up is nothing to a run under nohup", async () => {
    const child = place.spawn([
      ...["nohup", place.sampan, "--root", place.root, "run", "--env", place.token],
      ...[rootfs, "/bin/probe", "trap", "1"],
    ]);
    const run = follow(child);
    await run.shows("ready");
    run.kill("SIGHUP");
    await new Promise((resolve) => setTimeout(resolve, 50));
    run.kill("SIGUSR1");
    expect((await run.done).stdout).toContain('"signals":[10]');
  });

  test("does not keep sampan from ending when nobody reads its last output", async () => {
    const { status } = await play(
      place,
      [place.sampan, "--root", place.root, "run", "-it", "host", "sh", "-c", "seq 100000; exit 3"],
      [
        "until raw",
        "look away",
        "pause 700",
        `signal ${SIGTERM}`,
        "pause 100",
        `signal ${SIGINT}`,
        "pause 100",
        `signal ${SIGTERM}`,
        "ended",
      ],
    );
    expect(status === 3 || status === 137).toBe(true);
  });
});
