/** `sampan run`: which walls there are. Each isolation alone, some together, none, all; and the modes of single ones. */
import { expect, test } from "bun:test";
import { chownSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ISOLATIONS, type Isolation } from "../../src/engine/run-options.ts";
import { describeInPlace } from "./support/describe-place.ts";
import { type Look, type NamespaceName, parseLines, parseLook, probePath } from "./support/probe.ts";

const NAMES: readonly NamespaceName[] = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"];
const NAMESPACES: Readonly<Partial<Record<Isolation, NamespaceName>>> = {
  uts: "uts",
  pid: "pid",
  mount: "mnt",
  ipc: "ipc",
  net: "net",
  user: "user",
  cgroup: "cgroup",
  time: "time",
  root: "mnt",
};

function ownNamespaces(look: Look): NamespaceName[] {
  return NAMES.filter((name) => look.namespaces[name] !== readlinkSync(`/proc/self/ns/${name}`));
}

describeInPlace("--isolate", (at) => {
  const lookWith = async (isolations: string, ...options: string[]) => {
    const ran = await at.place.run(["--isolate", isolations, ...options, "host", join(at.rootfs, "bin/probe"), "look"]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    return parseLook(ran.stdout);
  };
  const expected = (isolations: readonly Isolation[]) =>
    NAMES.filter((name) => isolations.some((isolation) => NAMESPACES[isolation] === name));

  for (const isolation of ISOLATIONS) {
    // With a root of its own the probe has to be in it: it is, since the host's files are.
    test(`${isolation} is that one alone`, async () => {
      const options = isolation === "user" ? ["--uidmap", "0:0:65536", "--gidmap", "0:0:65536"] : [];
      const seen = await lookWith(isolation, ...options);
      const own = ownNamespaces(seen);
      // The namespaces of links in /proc can only be read with a /proc of the own PID namespace.
      if (isolation === "pid") expect(seen.pid).toBe(1);
      else expect(own).toEqual(expected([isolation]));
    });
  }

  test("none is no wall at all, as the host's ps shows it", async () => {
    const seen = await lookWith("none");
    expect(ownNamespaces(seen)).toEqual([]);
    expect(seen.processes).toContain(1);
    expect(seen.hostname).toBe(readFileSync("/proc/sys/kernel/hostname", "utf8").trim());
  });

  test("none lets a changed host name reach the host that the test stands in for", async () => {
    const argv = ["--isolate", "none", "host", join(at.rootfs, "bin/probe"), "sethostname", "changed"];
    const script = '"$@" >/dev/null && cat /proc/sys/kernel/hostname';
    const own = [at.place.sampan, "--root", at.place.root, "run", ...argv];
    const { follow } = await import("./support/place.ts");
    const ran = await follow(at.place.spawn(["unshare", "-u", "sh", "-c", script, "sh", ...own])).done;
    expect([ran.stdout, ran.stderr]).toEqual(["changed\n", ""]);
  });

  test("uts keeps a changed host name inside", async () => {
    const before = readFileSync("/proc/sys/kernel/hostname", "utf8");
    const said = await at.place.run([
      ...["--isolate", "uts", "host", join(at.rootfs, "bin/probe"), "sethostname", "raft"],
      ...["--", "read", "/proc/sys/kernel/hostname"],
    ]);
    expect(parseLines(said.stdout)[1]?.text).toBe("raft\n");
    expect(readFileSync("/proc/sys/kernel/hostname", "utf8")).toBe(before);
  });

  test("pid without a /proc of its own still shows the host's processes", async () => {
    const seen = await lookWith("pid");
    expect([seen.pid, seen.processes.includes(process.pid)]).toEqual([1, true]);
  });

  test("caps takes away what Docker does not give", async () => {
    expect((await lookWith("caps")).status["CapEff"]).toBe("00000000a80425fb");
  });

  const subsets: readonly (readonly Isolation[])[] = [
    ["uts", "pid"],
    ["uts", "pid", "mount"],
    ["mount", "root", "pid", "caps"],
    ["net", "ipc"],
    ["user", "net", "uts"],
    ["user", "root", "pid", "mount", "net", "ipc", "uts"],
    ["cgroup", "limits"],
    ["time", "root", "pid"],
    ["root", "net"],
    ["root", "pid", "ipc"],
  ];
  for (const subset of subsets) {
    test(`${subset.join(",")} is exactly these`, async () => {
      const own = subset.includes("user") ? ["--uidmap", "0:0:65536", "--gidmap", "0:0:65536"] : [];
      const seen = await lookWith(subset.join(","), ...own);
      if (subset.includes("root") || !subset.includes("pid")) expect(ownNamespaces(seen)).toEqual(expected(subset));
      if (subset.includes("pid")) expect(seen.pid).toBe(1);
    });
  }

  test("all is all eight namespaces", async () => {
    const ran = await at.place.run(["--isolate", "all", at.rootfs, "/bin/probe", "look"]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    expect(ownNamespaces(parseLook(ran.stdout))).toEqual([...NAMES]);
  });

  test("refuses an option that needs an isolation which is left out", async () => {
    const ran = await at.run(["--isolate", "pid,mount,root", "--hostname", "raft"], ["look"]);
    expect([ran.status, ran.stderr]).toEqual([
      125,
      'sampan: --hostname needs the isolation "uts", which --isolate leaves out. Add uts to --isolate, or leave --hostname out.\n',
    ]);
  });

  test("refuses an unknown isolation", async () => {
    const ran = await at.run(["--isolate", "pids"], ["look"]);
    expect(ran.status).toBe(125);
    expect(ran.stderr).toMatch(/^sampan: --isolate: .*pids.*pid/);
  });
});

describeInPlace("a mode of one namespace", (at) => {
  const modes: Readonly<Record<string, NamespaceName>> = {
    "--pid": "pid",
    "--ipc": "ipc",
    "--uts": "uts",
    "--cgroupns": "cgroup",
    "--network": "net",
  };
  for (const [option, name] of Object.entries(modes)) {
    test(`${option} host is the host's, ${option} private the own`, async () => {
      const host = await at.look(option, "host");
      expect(host.namespaces[name]).toBe(readlinkSync(`/proc/self/ns/${name}`));
      const own = await at.look(option, "private");
      expect(own.namespaces[name]).not.toBe(readlinkSync(`/proc/self/ns/${name}`));
    });
  }

  test("--network none is loopback alone", async () => {
    expect((await at.look("--network", "none")).interfaces).toEqual({
      lo: { up: true, running: true, loopback: true },
    });
  });

  test("--network host has the host's resolver and host table", async () => {
    const said = await at.probe(["--network", "host"], ["read", "/etc/hosts"], ["write", "/etc/hosts", "x"]);
    expect([said[0]?.text, said[1]?.errno]).toEqual([readFileSync("/etc/hosts", "latin1"), "EROFS"]);
  });

  test("--ipc host has the host's /dev/shm", async () => {
    const seen = await at.look("--ipc", "host");
    expect(seen.mounts.some((line) => line.includes(" /dev/shm ") && line.includes("size=65536k"))).toBe(false);
  });

  test("--pid host sees the host's processes", async () => {
    const seen = await at.look("--pid", "host");
    expect(seen.processes).toContain(process.pid);
    expect(seen.pid).not.toBe(1);
  });

  test("--userns private is a range of its own, in which files keep their owners", async () => {
    const rootfs = at.place.makeRootfs({ files: { "etc/mine": "x" } });
    chownSync(join(rootfs, "etc/mine"), 1000, 1001);
    const ran = await at.place.run([
      ...["--userns", "private", rootfs, "/bin/probe", "look", "--", "stat", "/etc/mine", "--", "stat", "/bin/probe"],
      ...["--", "write", "/etc/passwd", "x", "--", "chown", "/etc/mine", "5", "6", "--", "stat", "/etc/mine"],
    ]);
    const [, mine, program, write, chown, changed] = parseLines(ran.stdout);
    const seen = parseLook(ran.stdout);
    expect(seen.uidMap[0]?.trim().split(/\s+/)).toEqual(["0", "524288", "65536"]);
    expect([seen.uid, mine?.uid, mine?.gid, program?.uid]).toEqual([0, 1000, 1001, 0]);
    expect([write?.errno, chown?.errno, changed?.uid, changed?.gid]).toEqual([null, null, 5, 6]);
  });

  test("--uidmap and --gidmap are the maps", async () => {
    const maps = ["--uidmap", "0:100000:10", "--uidmap", "10:200000:5", "--gidmap", "0:300000:20"];
    const seen = await at.look(...maps);
    const words = (lines: readonly string[]) => lines.map((line) => line.trim().split(/\s+/).join(" "));
    expect([words(seen.uidMap), words(seen.gidMap)]).toEqual([["0 100000 10", "10 200000 5"], ["0 300000 20"]]);
  });

  test("--uidmap makes root inside an ordinary user outside", async () => {
    const running = at.place.start(["--uidmap", "0:100000:10", at.rootfs, "/bin/probe", "trap", "1"]);
    await running.shows("ready");
    const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, "utf8").trim().split(" ");
    const owners = children.map((pid) => /^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
    expect(owners.includes("100000")).toBe(true);
    running.kill("SIGTERM");
    await running.done;
  });

  test("--uidmap in place shows the folder's owners, and writes as they are on the disk", async () => {
    const rootfs = at.place.makeRootfs();
    writeFileSync(join(rootfs, "mine"), "x");
    const map = ["--in-place", "--uidmap", "0:100000:65536"];
    const ran = await at.place.run([...map, rootfs, "/bin/probe", "stat", "/mine", "--", "write", "/new", "x"]);
    expect(parseLines(ran.stdout).map(({ errno, uid }) => [errno, uid])).toEqual([
      [null, 0],
      [null, undefined],
    ]);
    const { statSync } = await import("node:fs");
    expect(statSync(join(rootfs, "new")).uid).toBe(0);
  });

  test("--uidmap without the container's root is refused", async () => {
    const ran = await at.run(["--uidmap", "5:100000:10"], ["look"]);
    expect([ran.status, ran.stderr]).toEqual([
      125,
      "sampan: --uidmap does not map the container's id 0. The container is set up by its own root: add a map such as 0:100000:1.\n",
    ]);
  });

  test("--time-offset moves the clocks since boot, and not the wall clock", async () => {
    const host = Number(readFileSync("/proc/uptime", "utf8").split(" ")[0]) * 1000;
    const seen = await at.look("--time-offset", "100000", "--time-offset", "boottime=-10");
    expect(Math.round((seen.monotonicMs - host) / 10_000)).toBe(10_000);
    expect(Math.round((seen.boottimeMs - host) / 10_000)).toBe(-1);
    expect(Math.abs(seen.realtimeMs - Date.now())).toBeLessThan(60_000);
  });

  test("--time-offset before the boot is refused", async () => {
    const ran = await at.run(["--time-offset", "-1000000000"], ["look"]);
    expect(ran.status).toBe(125);
    expect(ran.stderr).toMatch(/^sampan: --time-offset failed: ERANGE/);
  });

  test("scratch has nothing but what was copied, in its own user namespace too", async () => {
    const copy = ["--copy", `${probePath()}:/probe`, "--userns", "private", "scratch"];
    const ran = await at.place.run([...copy, "/probe", "look"]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    expect(parseLook(ran.stdout).uid).toBe(0);
  });
});
