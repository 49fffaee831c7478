/** `sampan run`: limits, as the kernel has them while the container runs, and what is reported about them. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Reason, testUnless } from "../support/skip.ts";
import { describeInPlace } from "./support/describe-place.ts";
import { parseLines } from "./support/probe.ts";

const GROUPS = "/sys/fs/cgroup";
const UNIFIED = existsSync(join(GROUPS, "cgroup.controllers"));
const MiB = 1 << 20;

/** Why a v1 controller, or the v2 one that does the same, is not to be had. */
function missing(v1: string, v2: string): Reason {
  if (!UNIFIED) return existsSync(join(GROUPS, v1, "cgroup.procs")) ? undefined : `no controller ${v1} on this host`;
  const controllers = readFileSync(join(GROUPS, "cgroup.controllers"), "utf8").trim().split(" ");
  return controllers.includes(v2) ? undefined : `no controller ${v2} on this host`;
}

/** A whole disk, whose numbers the throttles want. */
function disk(): string | undefined {
  const names = existsSync("/sys/block") ? readdirSync("/sys/block") : [];
  return names.map((name) => `/dev/${name}`).find((path) => existsSync(path) && statSync(path).isBlockDevice());
}

function numbers(path: string): string {
  return readFileSync(join("/sys/block", path.slice("/dev/".length), "dev"), "utf8").trim();
}

interface Case {
  readonly options: readonly string[];
  readonly v1: readonly [controller: string, file: string, value: string];
  readonly v2: readonly [controller: string, file: string, value: string];
}

const CASES: readonly Case[] = [
  {
    options: ["--memory", "64m"],
    v1: ["memory", "memory.limit_in_bytes", `${64 * MiB}`],
    v2: ["memory", "memory.max", `${64 * MiB}`],
  },
  {
    options: ["--memory-reservation", "32m"],
    v1: ["memory", "memory.soft_limit_in_bytes", `${32 * MiB}`],
    v2: ["memory", "memory.low", `${32 * MiB}`],
  },
  {
    options: ["--memory", "64m", "--memory-swap", "96m"],
    v1: ["memory", "memory.memsw.limit_in_bytes", `${96 * MiB}`],
    v2: ["memory", "memory.swap.max", `${32 * MiB}`],
  },
  { options: ["--cpus", "1.5"], v1: ["cpu", "cpu.cfs_quota_us", "150000"], v2: ["cpu", "cpu.max", "150000 100000"] },
  {
    options: ["--cpu-period", "50000", "--cpu-quota", "20000"],
    v1: ["cpu", "cpu.cfs_period_us", "50000"],
    v2: ["cpu", "cpu.max", "20000 50000"],
  },
  { options: ["--cpu-shares", "512"], v1: ["cpu", "cpu.shares", "512"], v2: ["cpu", "cpu.weight", "59"] },
  { options: ["--cpuset-cpus", "0"], v1: ["cpuset", "cpuset.cpus", "0"], v2: ["cpuset", "cpuset.cpus", "0"] },
  { options: ["--cpuset-mems", "0"], v1: ["cpuset", "cpuset.mems", "0"], v2: ["cpuset", "cpuset.mems", "0"] },
  { options: ["--pids-limit", "17"], v1: ["pids", "pids.max", "17"], v2: ["pids", "pids.max", "17"] },
];

const DEVICE_CASES = [
  ["--device-read-bps", "1m", "blkio.throttle.read_bps_device", "1048576", "rbps"],
  ["--device-write-bps", "2m", "blkio.throttle.write_bps_device", "2097152", "wbps"],
  ["--device-read-iops", "30", "blkio.throttle.read_iops_device", "30", "riops"],
  ["--device-write-iops", "40", "blkio.throttle.write_iops_device", "40", "wiops"],
] as const;

describeInPlace("a limit", (at) => {
  /** What a file of the container's group holds while its command runs. */
  const holds = async (options: readonly string[], controller: string, file: string) => {
    const cid = at.place.path("cid");
    const running = at.place.start(["--cidfile", cid, ...options, at.rootfs, "/bin/probe", "trap", "1"]);
    await running.shows("ready");
    const group = join(GROUPS, UNIFIED ? "" : controller, `sampan-${readFileSync(cid, "utf8")}`);
    const value = readFileSync(join(group, file), "utf8").trim();
    const members = readFileSync(join(group, "cgroup.procs"), "utf8").trim().split("\n");
    running.kill("SIGTERM");
    const ran = await running.done;
    expect([ran.status, ran.stderr, members.length]).toEqual([0, "", 1]);
    expect(existsSync(group)).toBe(false);
    return value;
  };

  for (const { options, v1, v2 } of CASES) {
    testUnless(missing(v1[0], v2[0]))(`${options.join(" ")} is in force while the command runs`, async () => {
      const [controller, file, value] = UNIFIED ? v2 : v1;
      expect(await holds(options, controller, file)).toBe(value);
    });
  }

  const noDisk = missing("blkio", "io") ?? (disk() === undefined ? "no block device to throttle" : undefined);
  for (const [option, rate, file, value, key] of DEVICE_CASES) {
    testUnless(noDisk)(`${option} is in force while the command runs`, async () => {
      const path = disk() ?? "";
      const held = await holds([option, `${path}:${rate}`], "blkio", UNIFIED ? "io.max" : file);
      if (UNIFIED) expect(held).toContain(`${key}=${value}`);
      else expect(held).toBe(`${numbers(path)} ${value}`);
    });
  }

  test("of a device that is none says so", async () => {
    const ran = await at.run(["--device-read-bps", "/etc/passwd:1m"], ["look"]);
    expect([ran.status, ran.stderr]).toEqual([
      125,
      "sampan: /etc/passwd is no device. Use -v for files and folders.\n",
    ]);
  });

  const noWeight =
    missing("blkio", "io") ?? (existsSync(join(GROUPS, "blkio/blkio.weight")) ? "this kernel has CFQ" : undefined);
  testUnless(noWeight)("--blkio-weight is in force, or the host says that it has no scheduler for it", async () => {
    const ran = await at.run(["--blkio-weight", "500"], ["exit", "0"]);
    if (ran.status !== 0) expect(ran.stderr).toMatch(/^sampan: cannot apply --blkio-weight: .*BFQ/);
    else
      expect(await holds(["--blkio-weight", "500"], "blkio", UNIFIED ? "io.bfq.weight" : "blkio.bfq.weight")).toMatch(
        /500$/,
      );
  });

  testUnless(missing("memory", "memory"))("of memory holds for the process, and what happened is said", async () => {
    const ran = await at.run(["--memory", "16m", "--memory-swap", "16m"], ["alloc", "64"]);
    expect([ran.status, ran.stderr]).toEqual([
      137,
      "sampan: the container ran out of memory, and the kernel killed a process of it. It used 16.0 MiB at its peak. Give it more with --memory.\n",
    ]);
  });

  testUnless(missing("pids", "pids"))("of processes holds for all children together", async () => {
    const [said] = await at.probe(["--pids-limit", "5"], ["fork", "10"]);
    expect([said?.errno, said?.made]).toEqual(["EAGAIN", 4]);
  });

  test("of the same kind given twice is the last one", async () => {
    if (missing("pids", "pids") !== undefined) return;
    const [said] = await at.probe(["--pids-limit", "3", "--pids-limit", "7"], ["fork", "10"]);
    expect(said?.made).toBe(6);
  });

  test("of CPUs that there are not says so", async () => {
    if (missing("cpuset", "cpuset") !== undefined) return;
    const ran = await at.run(["--cpuset-cpus", "4000"], ["look"]);
    expect(ran.status).toBe(125);
    expect(ran.stderr).toMatch(/^sampan: cannot apply --cpuset-cpus: there is no CPU 4000\. Available are /);
  });
});

describeInPlace("--report", (at) => {
  const figures = async (options: readonly string[], ...actions: readonly string[][]) => {
    const ran = await at.run(["--report=json", ...options], ...actions);
    return { ran, report: JSON.parse(ran.stderr) as Record<string, number | boolean> };
  };

  test("says how it ended, and what was used", async () => {
    const { ran, report } = await figures([], ["spin", "100"], ["exit", "3"]);
    expect([ran.status, report["exitCode"], report["oomKilled"]]).toEqual([3, 3, false]);
    expect((report["userTimeMs"] as number) + (report["systemTimeMs"] as number)).toBeGreaterThan(50);
    expect(report["wallTimeMs"] as number).toBeGreaterThan(90);
    expect(report["maxRssBytes"] as number).toBeGreaterThan(10_000);
  });

  testUnless(missing("memory", "memory"))("says that the kernel killed for memory", async () => {
    const { ran, report } = await figures(["--memory", "16m", "--memory-swap", "16m"], ["alloc", "64"]);
    expect([ran.status, report["signal"], report["oomKilled"], report["oomKills"]]).toEqual([137, 9, true, 1]);
    expect(report["peakMemoryBytes"]).toBe(16 * MiB);
  });

  testUnless(missing("cpu", "cpu"))("says for how long the command was throttled", async () => {
    const { report } = await figures(["--cpus", "0.2"], ["spin", "200"]);
    expect(report["throttledPeriods"] as number).toBeGreaterThan(2);
    expect(report["throttledUs"] as number).toBeGreaterThan(10_000);
  });

  testUnless(missing("pids", "pids"))("says how many processes there were", async () => {
    const { report } = await figures(["--pids-limit", "20"], ["fork", "6"]);
    expect(report["peakProcesses"]).toBe(7);
  });

  test("as text has a line for each", async () => {
    const ran = await at.run(["--report"], ["exit", "0"]);
    const names = ran.stderr.split("\n").map((line) => line.split(":")[0]);
    expect(names.slice(0, 3)).toEqual(["exit status", "wall time", "CPU time"]);
    expect(names).toContain("largest process");
  });

  test("comes for a signal too, and not for a run that could not start", async () => {
    const { ran, report } = await figures(["--init"], ["kill-self", "15"]);
    expect([ran.status, report["signal"] ?? report["exitCode"]]).toEqual([143, 143]);
    const failed = await at.place.run(["--report=json", at.rootfs, "/bin/nope"]);
    expect([failed.status, failed.stderr.startsWith("sampan: cannot run")]).toEqual([127, true]);
  });
});

describeInPlace("--explain and --dry-run", (at) => {
  const isProgram = (text: string) => {
    expect(text).toMatch(/^executor:\n +0 {2}\w+\(/);
    expect(text).toContain("\ncontainer:\n");
    expect(text).toContain("\njanitor:\n");
    expect(text).toMatch(/ +\d+ {2}pivot_root\("\.", "\."\) +# make it the root of this mount namespace/);
  };

  test("--dry-run prints the program and does nothing", async () => {
    const rootfs = at.place.makeRootfs();
    const ran = await at.place.run(["--dry-run", "--in-place", rootfs, "/bin/probe", "write", "/x", "x"]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    isProgram(ran.stdout);
    expect(readdirSync(rootfs).toSorted()).toEqual(["bin", "etc"]);
  });

  test("--explain prints the program on standard error, then runs it", async () => {
    const ran = await at.run(["--explain"], ["exit", "6"]);
    expect([ran.status, parseLines(ran.stdout)]).toEqual([6, [{ do: "exit" }]]);
    isProgram(ran.stderr);
  });

  test("--explain=json is a list of steps, each with what it is for", async () => {
    const ran = await at.run(["--explain=json", "--dry-run"], ["look"]);
    const steps = JSON.parse(ran.stdout) as { step: number; process: string; call: string; why: string }[];
    expect(steps.map(({ step }) => step)).toEqual(steps.map((_, i) => i));
    expect([...new Set(steps.map(({ process }) => process))]).toEqual(["executor", "container", "janitor"]);
    expect(steps.every(({ why, call }) => why !== "" && call !== "")).toBe(true);
    expect(steps.filter(({ call }) => call === "chroot")).toEqual([]);
  });

  test("each rung adds calls of its own", async () => {
    const count = async (isolations: string) => {
      const args = ["--isolate", isolations, "--dry-run", "--explain=json", "host", "/bin/true"];
      return (JSON.parse((await at.place.run(args)).stdout) as unknown[]).length;
    };
    const [none, uts, pid, root] = [
      await count("none"),
      await count("uts"),
      await count("uts,pid"),
      await count("uts,pid,root"),
    ];
    expect(uts).toBeGreaterThan(none);
    expect(root).toBeGreaterThan(pid);
  });

  test("an error comes before anything is printed", async () => {
    const ran = await at.run(["--explain", "-u", "captain"], ["look"]);
    expect([ran.status, ran.stdout, ran.stderr.startsWith("sampan: there is no user")]).toEqual([125, "", true]);
  });
});
