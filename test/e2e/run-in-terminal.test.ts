/** `sampan run -t`: a terminal inside, and the user's own left as it was. script(1) is the user's terminal. */
import { expect, test } from "bun:test";
import { describeUnless, missingCommand } from "../support/skip.ts";
import { describeInPlace, type Scene } from "./support/describe-place.ts";
import { follow, type Ran } from "./support/place.ts";
import { type Descriptor, parseLines, parseLook } from "./support/probe.ts";

/** Runs a shell command in a terminal of its own, 91 columns wide. */
function inTerminal({ place }: Scene, command: string, input?: string): Promise<Ran> {
  const line = `stty cols 91 rows 17; ${command}`;
  const running = follow(place.spawn(["script", "-qefc", line, "/dev/null"], { env: { SHELL: "/bin/sh" } }));
  if (input !== undefined)
    running.shows("ready").then(
      () => running.stdin.write(input),
      () => {},
    );
  return running.done;
}

const quoted = (words: readonly string[]) => words.map((word) => `'${word}'`).join(" ");

describeUnless(missingCommand("script", "bsdutils"))("a terminal", () => {
  describeInPlace("of sampan run", (at) => {
    const sampan = (...args: string[]) =>
      quoted([at.place.sampan, "--root", at.place.root, "run", "--env", at.place.token, ...args]);

    test("-it has a controlling terminal of its own, with the size of the user's", async () => {
      const ran = await inTerminal(at, sampan("-it", at.rootfs, "/bin/probe", "look", "--", "window"));
      const look = parseLook(ran.stdout);
      expect(look.controllingTerminal).toBe(true);
      const kinds = Object.values(look.descriptors).map(({ terminal }: Descriptor) => terminal);
      expect(kinds).toEqual([true, true, true]);
      expect(look.descriptors["0"]?.target).toBe("/dev/pts/0");
      const size = parseLines(ran.stdout)[1];
      expect([size?.columns, size?.rows]).toEqual([91, 17]);
      expect(look.environment).toContain("TERM=xterm");
      expect(ran.status).toBe(0);
    });

    test("-it restores the user's terminal, whatever happens", async () => {
      const run = sampan("-it", at.rootfs, "/bin/probe", "kill-self", "9");
      const ran = await inTerminal(at, `stty -g; ${run} >/dev/null; ${sampan("-it", at.rootfs, "nope")}; stty -g`);
      const settings = ran.stdout.split("\n").filter((line) => /^[0-9a-f:]+\s*$/.test(line) && line.includes(":"));
      expect(settings.length).toBe(2);
      expect(settings[1]).toBe(settings[0] ?? "");
    });

    test("-it restores the user's terminal when Sampan is killed", async () => {
      const run = sampan("-it", "--pidfile", `${at.place.folder}/pid`, at.rootfs, "/bin/probe", "sleep", "30000");
      const kill = `sleep 0.5; kill -9 $(cut -d' ' -f4 /proc/$(tr -d ' ' <${at.place.folder}/pid)/stat)`;
      const ran = await inTerminal(at, `stty -g; (${kill}) & ${run}; sleep 0.3; stty -g`);
      const settings = ran.stdout.split("\n").filter((line) => /^[0-9a-f:]+\s*$/.test(line) && line.includes(":"));
      expect(settings.length).toBe(2);
      expect(settings[1]).toBe(settings[0] ?? "");
    });

    test("-i alone lends the user's terminal, and restores what the command made of it", async () => {
      const run = sampan("-i", "host", "stty", "raw", "-echo");
      const ran = await inTerminal(at, `stty -g; ${run}; stty -g`);
      const settings = ran.stdout.split("\n").filter((line) => /^[0-9a-f:]+\s*$/.test(line) && line.includes(":"));
      expect(ran.stdout).not.toContain("stty:");
      expect(settings.length).toBe(2);
      expect(settings[1]).toBe(settings[0] ?? "");
    });

    test("-t has a /dev/console, and ^C typed by the user is SIGINT inside", async () => {
      const args = ["-it", at.rootfs, "/bin/probe", "stat", "/dev/console", "--", "trap", "1"];
      const ran = await inTerminal(at, sampan(...args), "\u0003");
      const lines = parseLines(ran.stdout.replaceAll("^C", ""));
      expect(lines[0]?.kind).toBe("character device");
      expect(lines.at(-1)?.signals).toEqual([2]);
    });

    test("of the user cannot be typed into by a container without one", async () => {
      const ran = await inTerminal(at, sampan("-i", at.rootfs, "/bin/probe", "tiocsti", "--", "look"));
      expect(parseLines(ran.stdout)[0]?.typed).toBe(false);
      expect(parseLook(ran.stdout).controllingTerminal).toBe(false);
    });
  });
});
