/** What a container sees with nothing but the defaults, asked by the probe from inside. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { describeUnless } from "../support/skip.ts";
import { missingForRoot } from "./support/needs.ts";
import { Place } from "./support/place.ts";
import type { Look, NamespaceName } from "./support/probe.ts";

const DOCKER_CAPABILITIES = 0xa80425fbn;

describeUnless(missingForRoot())("a container with the defaults", () => {
  let place: Place;
  let rootfs: string;
  let look: Look;

  beforeAll(async () => {
    place = new Place();
    rootfs = place.makeRootfs();
    look = await place.look(rootfs);
  });
  afterAll(() => place[Symbol.dispose]());

  test("has eight namespaces of which all but user and time are its own", () => {
    const own = (name: NamespaceName) => look.namespaces[name] !== readlinkSync(`/proc/self/ns/${name}`);
    const names = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;
    expect(names.filter(own)).toEqual(["cgroup", "ipc", "mnt", "net", "pid", "uts"]);
  });

  test("is process 1, and sees nobody else", () => {
    expect([look.pid, look.ppid, look.processes]).toEqual([1, 0, [1]]);
  });

  test("leads a session and a group of its own, without a terminal", () => {
    expect([look.sid, look.pgid, look.controllingTerminal]).toEqual([1, 1, false]);
  });

  test("has a host name of its own", () => {
    expect(look.hostname).toMatch(/^[0-9a-f]{12}$/);
    expect(look.hostname).not.toBe(hostname());
  });

  test("is root with Docker's capabilities and without inheritable and ambient ones", () => {
    const bounding = BigInt(`0x${/CapBnd:\s*(\w+)/.exec(readFileSync("/proc/self/status", "utf8"))?.[1]}`);
    const expected = (DOCKER_CAPABILITIES & bounding).toString(16).padStart(16, "0");
    const { CapInh, CapPrm, CapEff, CapBnd, CapAmb } = look.status;
    expect([CapPrm, CapEff, CapBnd]).toEqual([expected, expected, expected]);
    expect([CapInh, CapAmb]).toEqual(["0".repeat(16), "0".repeat(16)]);
    expect([look.uid, look.euid, look.gid, look.egid, look.groups]).toEqual([0, 0, 0, 0, [0]]);
  });

  test("has its signals at their defaults and none blocked", () => {
    expect([look.ignoredSignals, look.blockedSignals]).toEqual([[], []]);
  });

  test("has three descriptors and no other", () => {
    expect(Object.keys(look.descriptors)).toEqual(["0", "1", "2"]);
    expect(look.descriptors["0"]?.kind).toBe("character device");
  });

  test("has the environment of a container, not that of the host", () => {
    expect(look.environment.filter((entry) => entry !== place.token)).toEqual([
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      `HOSTNAME=${look.hostname}`,
      "HOME=/root",
    ]);
  });

  test("starts in / with umask 022", () => {
    expect([look.cwd, look.umask]).toEqual(["/", 0o022]);
  });

  test("has a network with a loopback interface that is up, and no other", async () => {
    expect(look.interfaces).toEqual({ lo: { up: true, running: true, loopback: true } });
    const [loopback, route] = await place.probe(rootfs, [], ["loopback"], ["route", "192.0.2.1"]);
    expect([loopback?.errno, route?.errno]).toEqual([null, "ENETUNREACH"]);
  });

  test("is in groups that it sees as roots", () => {
    const unified = look.cgroups.filter((line) => line.startsWith("0::"));
    expect(unified.every((line) => line === "0::/")).toBe(true);
  });

  test("has mounts of its own making alone", () => {
    const mounts = look.mounts.map((line) => {
      const [before = "", after = ""] = line.split(" - ");
      const fields = before.split(" ");
      return `${fields[4]} ${after.split(" ")[0]}`;
    });
    const always = [
      "/ overlay",
      "/proc proc",
      "/dev tmpfs",
      ...["null", "zero", "full", "random", "urandom", "tty"].map((name) => `/dev/${name} tmpfs`),
      "/dev/pts devpts",
      "/dev/shm tmpfs",
      "/dev/mqueue mqueue",
      "/sys sysfs",
    ];
    expect(mounts.slice(0, always.length)).toEqual(always);
    const rest = mounts.slice(always.length);
    expect(rest.filter((mount) => !/^\/(proc|sys)\/\S+ (proc|tmpfs|cgroup2?)$/.test(mount))).toEqual([]);
    // Nothing of the host's file systems but the lower folder of the overlay.
    expect(look.mounts.filter((line) => / - (ext4|xfs|btrfs|squashfs) /.test(line))).toEqual([]);
    expect(look.mounts.filter((line) => line.includes(" shared:") || line.includes(" master:"))).toEqual([]);
  });

  test("can neither write into nor uncover what is read-only", async () => {
    const files = [
      "/proc/sys/kernel/core_pattern",
      "/proc/sys/vm/drop_caches",
      "/proc/sysrq-trigger",
      "/proc/irq/default_smp_affinity",
      "/sys/kernel/uevent_helper",
      "/sys/kernel/rcu_expedited",
    ].filter(existsSync);
    const written = await place.probe(rootfs, [], ...files.map((path) => ["write", path, ""]), ["mkdir", "/sys/x"]);
    expect(written.map(({ errno }) => errno)).toEqual([...files.map(() => "EROFS"), "EROFS"]);
    const tried = [
      ["remount-rw", "/sys"],
      ["remount-rw", "/proc/sys"],
      ["umount", "/proc/sys"],
      ["mount", "proc", "/etc"],
    ];
    const said = await place.probe(rootfs, [], ...tried);
    expect(said.map(({ errno }) => errno)).toEqual(tried.map(() => "EPERM"));
  });

  test("finds masked files empty and masked folders without content", async () => {
    const files = ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/proc/interrupts"].filter(existsSync);
    const folders = ["/proc/acpi", "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"].filter(existsSync);
    const read = await place.probe(rootfs, [], ...files.map((path) => ["read", path]));
    expect(read.map(({ errno, text }) => [errno, text])).toEqual(files.map(() => [null, ""]));
    const listed = await place.probe(rootfs, [], ...folders.map((path) => ["list", path]));
    expect(listed.map(({ errno, names }) => [errno, names])).toEqual(folders.map(() => [null, []]));
  });

  test("has a /dev with what belongs there, in which devices can be opened with O_CREAT", async () => {
    const [dev, pts, write] = await place.probe(
      rootfs,
      [],
      ["list", "/dev"],
      ["list", "/dev/pts"],
      ["write", "/dev/null", "x"],
    );
    expect(dev?.names?.toSorted()).toEqual(
      "fd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero".split(" "),
    );
    expect(pts?.names).toEqual(["ptmx"]);
    expect(write?.errno).toBe(null);
  });

  test("cannot open a device node that it has made, wherever it lies", async () => {
    const folder = place.makeFolder("host");
    const paths = ["/node", "/dev/node", "/etc/node", "/dev/shm/node", "/host/node", "/memory/node"];
    const said = await place.probe(
      rootfs,
      ["-v", `${folder}:/host`, "--tmpfs", "/memory"],
      ...paths.flatMap((path) => [
        ["mknod", path, "1", "5"],
        ["read-some", path],
      ]),
    );
    const errnos = said.filter((line) => line.do === "read-some").map(({ errno }) => errno);
    expect(errnos).toEqual(paths.map(() => "EACCES"));
  });

  test("cannot open a device node that came with the root file system", async () => {
    const hostile = place.makeRootfs();
    execFileSync("mknod", [join(hostile, "zero"), "c", "1", "5"]);
    const [said] = await place.probe(hostile, [], ["read-some", "/zero"]);
    expect(said?.errno).toBe("EACCES");
  });

  test("cannot change the clock, the host name, or mount", async () => {
    const said = await place.probe(rootfs, [], ["settime"], ["sethostname", "other"], ["mount", "tmpfs", "/etc"]);
    expect(said.map(({ errno }) => errno)).toEqual(["EPERM", "EPERM", "EPERM"]);
  });

  test("writes into a layer of its own, and nothing of it is on the host", async () => {
    const before = readFileSync(join(rootfs, "etc/passwd"), "utf8");
    const said = await place.probe(
      rootfs,
      [],
      ["write", "/etc/passwd", "gone"],
      ["write", "/new", "new"],
      ["mkdir", "/etc/folder"],
      ["remove", "/etc/group"],
      ["read", "/etc/passwd"],
      ["stat", "/etc/group"],
    );
    expect(said.map(({ errno }) => errno)).toEqual([null, null, null, null, null, "ENOENT"]);
    expect(said[4]?.text).toBe("gone");
    expect(readFileSync(join(rootfs, "etc/passwd"), "utf8")).toBe(before);
    expect(existsSync(join(rootfs, "new"))).toBe(false);
    expect(existsSync(join(rootfs, "etc/group"))).toBe(true);
    expect(existsSync(join(rootfs, "proc"))).toBe(false);
  });

  test("cannot type into the terminal of the one who started it", async () => {
    const [said] = await place.probe(rootfs, [], ["tiocsti"]);
    expect(said?.typed).toBe(false);
  });
});
