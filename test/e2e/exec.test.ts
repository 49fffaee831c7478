/** `sampan exec`: what it shares with the container, what it does not, and what nobody may do to it on its way in. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { randomUUID } from "node:crypto";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { describeUnless, firstReason, missingCommand, testUnless } from "../support/skip.ts";
import { processesWith, waitUntilClean } from "./support/leftovers.ts";
import { missingForRoot } from "./support/needs.ts";
import { follow, Place } from "./support/place.ts";
import { type Look, parseLines, parseLook } from "./support/probe.ts";
import { type Moored, missingTerminal, moor, play, sampan } from "./support/terminal.ts";

const NAMESPACES = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;

function namespacesOf(pid: number): Record<string, string> {
  return Object.fromEntries(NAMESPACES.map((name) => [name, readlinkSync(`/proc/${pid}/ns/${name}`)]));
}

async function until<T>(what: () => T | undefined): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const value = what();
    if (value !== undefined) return value;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("it did not happen");
}

/** The one process that has `mark` in its environment. */
function pidOf(mark: string, comm: string): number | undefined {
  const line = processesWith(mark).find((text) => text.split(" ")[1] === comm);
  return line === undefined ? undefined : Number(line.split(" ")[0]);
}

describeUnless(missingForRoot())("exec", () => {
  let place: Place;
  let rootfs: string;
  let harbour: Moored;

  beforeAll(async () => {
    place = new Place();
    rootfs = place.makeRootfs({ folders: ["srv"] });
    const limits = ["--memory", "200m", "--pids-limit", "50", "--cpus", "1.5"];
    const options = [...limits, "-e", "COLOUR=red", "-e", "SIZE=1", "-w", "/srv", "--hostname", "pier"];
    harbour = await moor(place, "harbour", [...options, rootfs, "/bin/probe", "sleep", "1000000"]);
  });
  afterAll(async () => {
    await harbour.end();
    expect(await waitUntilClean(place.traces([harbour.id]))).toEqual([]);
    place[Symbol.dispose]();
  });

  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    sampan(place, ["exec", ...args], { env });

  async function look(...options: readonly string[]): Promise<Look> {
    const ran = await run([...options, "harbour", "/bin/probe", "look"]);
    if (ran.status !== 0) throw new Error(ran.stderr);
    return parseLook(ran.stdout);
  }

  test("is in every namespace of the container", async () => {
    expect((await look()).namespaces as Record<string, string>).toEqual(namespacesOf(harbour.pid));
  });

  test("is in every control group of the container", async () => {
    const mark = `MARK=${randomUUID()}`;
    const child = place.spawn([
      ...[place.sampan, "--root", place.root, "exec", "-e", mark],
      ...["harbour", "/bin/probe", "sleep", "60000"],
    ]);
    const pid = await until(() => pidOf(mark, "probe"));
    const groups = (of: number) => readFileSync(`/proc/${of}/cgroup`, "utf8");
    expect(groups(pid)).toBe(groups(harbour.pid));
    expect(groups(pid)).toContain(harbour.id);
    child.kill("SIGKILL");
    await until(() => (processesWith(mark).length === 0 ? true : undefined));
  });

  test("has the container's identity, power, environment, folder and names", async () => {
    const inside = await look();
    const first = readFileSync(`/proc/${harbour.pid}/status`, "utf8");
    for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"]) {
      expect([name, inside.status[name]]).toEqual([
        name,
        new RegExp(`^${name}:\\s*(\\S+)`, "m").exec(first)?.[1] ?? "",
      ]);
    }
    expect([inside.uid, inside.gid, inside.groups, inside.umask]).toEqual([0, 0, [0], 0o022]);
    expect([inside.cwd, inside.hostname]).toEqual(["/srv", "pier"]);
    expect(inside.environment).toContain("COLOUR=red");
    expect(inside.environment.filter((entry) => /^SAMPAN_ROOT|TMPDIR/.test(entry))).toEqual([]);
    expect([inside.blockedSignals, inside.ignoredSignals]).toEqual([[], []]);
  });

  test("has three descriptors and no other, and standard input is the container's null device", async () => {
    const { descriptors } = await look();
    expect(Object.keys(descriptors)).toEqual(["0", "1", "2"]);
    expect(descriptors["0"]).toEqual({ kind: "character device", terminal: false, target: "/dev/null" });
  });

  test("takes -u by name with the groups of the container's files, and without its capabilities", async () => {
    const { uid, gid, groups, status, environment } = await look("-u", "boat");
    expect([uid, gid, groups.toSorted()]).toEqual([1000, 1001, [1001, 2000]]);
    expect([status["CapEff"], status["CapPrm"]]).toEqual(["0".repeat(16), "0".repeat(16)]);
    expect(environment).toContain("HOME=/home/boat");
  });

  test("takes -u by numbers, known or not", async () => {
    const { uid, gid, groups } = await look("-u", "4321:1234");
    expect([uid, gid, groups]).toEqual([4321, 1234, [1234]]);
  });

  test("refuses a user whom the container does not know", async () => {
    const { status, stderr } = await run(["-u", "captain", "harbour", "/bin/probe", "look"]);
    expect([status, stderr]).toEqual([
      125,
      'sampan: there is no user "captain" in the container. Its /etc/passwd does not list it; give a number instead, such as --user 1000.\n',
    ]);
  });

  test("takes variables: --env wins over --env-file, both over the container's", async () => {
    const file = place.path("env");
    writeFileSync(file, "SIZE=2\nSHAPE=round\n# a comment\nCOLOUR=green\n");
    const { environment } = await look("--env-file", file, "-e", "SIZE=3");
    expect(environment.filter((entry) => /^(SIZE|SHAPE|COLOUR)=/.test(entry)).toSorted()).toEqual([
      "COLOUR=green",
      "SHAPE=round",
      "SIZE=3",
    ]);
  });

  test("takes -w", async () => {
    expect((await look("-w", "/etc")).cwd).toBe("/etc");
  });

  test("refuses a working folder that a magic link leads to (CVE-2024-21626)", async () => {
    for (const path of ["/proc/self/fd/7", "/proc/self/cwd", "/proc/self/root", "/proc/1/root"]) {
      const { status, stderr, stdout } = await run(["-w", path, "harbour", "/bin/probe", "look"]);
      expect([path, status, stdout]).toEqual([path, 125, ""]);
      expect(stderr).toContain("sampan: ");
    }
  });

  test("gives all capabilities with --privileged, and no more than this process has", async () => {
    const own = /CapBnd:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    const { status } = await look("--privileged");
    expect([status["CapEff"], status["CapBnd"]]).toEqual([own ?? "", own ?? ""]);
  });

  test("ends as the command does", async () => {
    const code = async (...command: readonly string[]) => (await run(["harbour", ...command])).status;
    expect(await code("/bin/probe", "exit", "0")).toBe(0);
    expect(await code("/bin/probe", "exit", "7")).toBe(7);
    expect(await code("/bin/probe", "kill-self", "9")).toBe(137);
    expect(await code("/bin/probe", "kill-self", "15")).toBe(143);
    expect(await code("/etc/passwd")).toBe(126);
    expect(await code("/bin/nothing")).toBe(127);
  });

  test("forwards signals", async () => {
    const child = follow(
      place.spawn([place.sampan, "--root", place.root, "exec", "harbour", "/bin/probe", "trap", "2"]),
    );
    await child.shows("ready");
    child.kill("SIGUSR1");
    await new Promise((resolve) => setTimeout(resolve, 50));
    child.kill("SIGHUP");
    expect(parseLines((await child.done).stdout).at(-1)?.signals).toEqual([10, 1]);
  });

  test("passes a real-time signal on instead of ending by it", async () => {
    const child = follow(
      place.spawn([place.sampan, "--root", place.root, "exec", "harbour", "/bin/probe", "trap", "1"]),
    );
    await child.shows("ready");
    process.kill(child.pid, 34);
    const { status, signal, stdout } = await child.done;
    expect([status, signal]).toEqual([0, null]);
    expect(parseLines(stdout).at(-1)?.signals).toEqual([34]);
  });

  test("is over inside when sampan is killed", async () => {
    const mark = `MARK=${randomUUID()}`;
    const argv = [place.sampan, "--root", place.root, "exec", "-e", mark, "harbour", "/bin/probe", "sleep", "60000"];
    const child = place.spawn(argv);
    await until(() => pidOf(mark, "probe"));
    child.kill("SIGKILL");
    await until(() => (processesWith(mark).length === 0 ? true : undefined));
  });

  test("is over when the container ends", async () => {
    const quay = await moor(place, "quay", [rootfs, "/bin/probe", "sleep", "60000"]);
    const running = run(["quay", "/bin/probe", "sleep", "60000"]);
    await until(() => (readFileSync(`/proc/${quay.pid}/status`, "utf8") ? true : undefined));
    await new Promise((resolve) => setTimeout(resolve, 100));
    await sampan(place, ["kill", "quay"]);
    expect((await running).status).toBe(137);
    await quay.end();
  });

  test("says so when there is no such container, or the command line lacks something", async () => {
    const { status, stderr } = await run(["nowhere", "true"]);
    expect([status, stderr]).toEqual([
      125,
      'sampan: there is no running container "nowhere". `sampan ps` lists them.\n',
    ]);
    expect((await run(["harbour"])).stderr).toContain("exec needs a COMMAND");
  });

  test("finds a container by its id and the start of it, and prefers a name", async () => {
    for (const reference of [harbour.id, harbour.id.slice(0, 12), harbour.id.slice(0, 6)]) {
      expect((await run([reference, "/bin/probe", "exit", "3"])).status).toBe(3);
    }
    const named = await moor(place, harbour.id.slice(0, 8), [rootfs, "/bin/probe", "sleep", "60000"]);
    const { stdout } = await run([harbour.id.slice(0, 8), "/bin/probe", "look"]);
    expect(parseLook(stdout).namespaces.pid).toBe(namespacesOf(named.pid)["pid"] ?? "");
    await named.end();
    expect((await run(["", "/bin/probe", "exit", "3"])).status).toBe(125);
  });

  test("says which containers an ambiguous start fits", async () => {
    const more: Moored[] = [];
    for (let i = 0; i < 17; i++) more.push(await moor(place, `fleet-${i}`, [rootfs, "/bin/probe", "sleep", "60000"]));
    const starts = more.map(({ id }) => id.charAt(0));
    const twice = starts.find((start, i) => starts.indexOf(start) !== i) ?? "";
    const { status, stderr } = await run([twice, "/bin/probe", "look"]);
    expect(status).toBe(125);
    expect(stderr).toStartWith(`sampan: several containers have an id that starts with ${twice}: `);
    await Promise.all(more.map((one) => one.end()));
  });

  test("of /proc/self/exe runs a sealed copy, and nothing of the host", async () => {
    const { stdout, stderr, status } = await run(["harbour", "/proc/self/exe"]);
    expect([status, stdout]).toEqual([125, ""]);
    expect(stderr).toContain("usage: sampan-executor");
  });
});

describeUnless(firstReason(missingForRoot(), missingTerminal()))("exec into a container that differs", () => {
  let place: Place;
  let rootfs: string;

  beforeAll(() => {
    place = new Place();
    rootfs = place.makeRootfs();
  });
  afterAll(async () => {
    expect(await waitUntilClean(place.traces())).toEqual([]);
    place[Symbol.dispose]();
  });

  async function sameNamespaces(args: readonly string[], through: readonly string[] = []): Promise<void> {
    const name = `n${randomUUID().slice(0, 8)}`;
    const moored = await moor(place, name, [...args, "/bin/probe", "sleep", "60000"], { through });
    const plain = await sampan(place, ["exec", name, "/bin/probe", "look"], { through });
    expect([plain.stderr, plain.status]).toEqual(["", 0]);
    expect(parseLook(plain.stdout).namespaces as Record<string, string>).toEqual(namespacesOf(moored.pid));
    const argv = [place.sampan, "--root", place.root, "exec", "-it", name, "/bin/probe", "look"];
    const { shown, status } = await play(place, argv, [], { through });
    expect([shown.split("\n")[0]?.charAt(0), status]).toEqual(["{", 0]);
    expect(parseLook(shown).controllingTerminal).toBe(true);
    await moored.end();
  }

  const subsets = [
    "none",
    "uts",
    "pid,mount",
    "pid,mount,root",
    "user,mount,pid,root",
    "uts,pid,mount,ipc,net,cgroup,time,root",
  ];
  for (const list of subsets) {
    test(`with --isolate ${list} is in exactly those namespaces, with a terminal too`, async () => {
      // Without an own root there is no /bin/probe but the host's.
      const own = list.includes("root");
      if (own) await sameNamespaces(["--isolate", list, rootfs]);
      else {
        const name = `n${randomUUID().slice(0, 8)}`;
        const moored = await moor(place, name, ["--isolate", list, "host", "sleep", "60000"]);
        const { stdout, stderr } = await sampan(place, [
          "exec",
          name,
          "readlink",
          ...NAMESPACES.map((n) => `/proc/self/ns/${n}`),
        ]);
        expect([stderr, stdout.trim().split("\n")]).toEqual([
          "",
          NAMESPACES.map((n) => namespacesOf(moored.pid)[n] ?? ""),
        ]);
        const { shown } = await play(
          place,
          [place.sampan, "--root", place.root, "exec", "-it", name, "sh", "-c", "test -t 0 && tty"],
          [],
        );
        expect(shown).toMatch(/^\/dev\/pts\/\d+\n$/);
        await moored.end();
      }
    });
  }

  test("with a user namespace is root of that one alone", async () => {
    await sameNamespaces(["--userns", "private", rootfs]);
  });

  testUnless(missingCommand("setpriv", "util-linux"))("of an ordinary user", async () => {
    const user = new Place();
    const { chmodSync, chownSync } = await import("node:fs");
    chmodSync(user.folder, 0o777);
    chownSync(user.folder, 54321, 54321);
    const tree = user.makeRootfs();
    const through = ["setpriv", "--reuid", "54321", "--regid", "54321", "--clear-groups"];
    const moored = await moor(user, "dinghy", [tree, "/bin/probe", "sleep", "60000"], { through });
    const { stdout, stderr } = await sampan(user, ["exec", "dinghy", "/bin/probe", "look"], { through });
    expect(stderr).toBe("");
    const inside = parseLook(stdout);
    expect(inside.namespaces as Record<string, string>).toEqual(namespacesOf(moored.pid));
    expect([inside.uid, inside.gid]).toEqual([0, 0]);
    const others = await sampan(user, ["exec", "dinghy", "/bin/probe", "exit", "7"], { through });
    expect(others.status).toBe(7);
    await moored.end();
    expect(await waitUntilClean(user.traces())).toEqual([]);
    user[Symbol.dispose]();
  });

  test("that has planted something in the place of the terminal's device neither hangs nor gets out", async () => {
    const plants: Readonly<Record<string, string>> = {
      "a FIFO": "mkfifo /dev/pts/ptmx",
      "a regular file": "echo text > /dev/pts/ptmx",
      "a link to the host's": "ln -s /proc/1/root/dev/ptmx /dev/pts/ptmx",
      "a link to itself": "ln -s ptmx /dev/pts/ptmx",
      "a link out": "ln -s ../../../../../../dev/null /dev/pts/ptmx",
      "a folder": "mkdir /dev/pts/ptmx",
    };
    for (const [what, command] of Object.entries(plants)) {
      const name = `p${randomUUID().slice(0, 8)}`;
      const script = `umount /dev/pts; ${command}; exec sleep 60000`;
      const moored = await moor(place, name, ["--privileged", "host", "sh", "-c", script]);
      await until(() => (readFileSync(`/proc/${moored.pid}/comm`, "utf8") === "sleep\n" ? true : undefined));
      const argv = [place.sampan, "--root", place.root, "exec", "-it", name, "true"];
      const { status, notes, last } = await play(place, argv, []);
      expect([what, status, last]).toEqual([what, 125, notes[0] as never]);
      await moored.end();
    }
  });

  test("shows nothing of itself to those inside on its way in", async () => {
    const folder = place.makeFolder("seen");
    const script =
      "while :; do for p in /proc/[0-9]*; do [ $p = /proc/1 ] || [ $p = /proc/$$ ] || { readlink $p/exe $p/fd/* $p/cwd $p/root; " +
      "tr '\\0' '\\n' < $p/environ; cat $p/maps | cut -c 1-200; } ; done; done >> /seen/all 2>/dev/null";
    const shown = async (...more: string[]) => {
      const moored = await moor(place, "watcher", [...more, "-v", `${folder}:/seen`, "host", "bash", "-c", script]);
      const env = { SECRET_OF_THE_HOST: "hunter2" };
      const seen = () => readFileSync(`${folder}/all`, "utf8");
      // It takes luck to see somebody who is there for a millisecond.
      for (let i = 0; i < 40 || (more.length > 0 && i < 400 && !seen().includes("memfd")); i++) {
        await sampan(place, ["exec", "watcher", "true"], { env });
      }
      await moored.end();
      const lines = seen().split("\n");
      rmSync(`${folder}/all`);
      return lines;
    };
    expect((await shown()).filter((text) => /hunter2|memfd|sampan|pidfd/.test(text))).toEqual([]);
    // Who may trace it sees what is harmless: nothing that leads to the host's files (CVE-2016-9962).
    const traced = await shown("--cap-add", "SYS_PTRACE");
    expect(traced.some((text) => text.includes("memfd:sampan-executor"))).toBe(true);
    expect(traced.filter((text) => /hunter2|sampan-[0-9a-f]{64}|pidfd/.test(text))).toEqual([]);
  });

  test("cannot change the mode of the host's null device through its input", async () => {
    const before = readFileSync("/proc/self/mounts", "utf8");
    const { statSync } = await import("node:fs");
    const { mode } = statSync("/dev/null");
    const ran = await place.run(["host", "sh", "-c", "chmod 667 /proc/self/fd/0; stat -L -c %a /proc/self/fd/0"]);
    expect(statSync("/dev/null").mode).toBe(mode);
    expect(ran.stdout).toBe("667\n");
    expect(before).not.toBe("");
  });

  test("with --init does not show the environment of the host to the container", async () => {
    const env = { SECRET_OF_THE_HOST: "hunter2" };
    const options = ["--privileged", "--init", "host", "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ | grep -c hunter"];
    const { stdout, status } = await place.run(options, { env });
    expect([stdout, status]).toEqual(["0\n", 1]);
  });
});
