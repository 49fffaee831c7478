/** Without root: what the kernel allows works, and the rest says what stands in the way. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, existsSync, mkdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeUnless, firstReason, missingCommand, missingRoot, testUnless } from "../support/skip.ts";
import { makeOrdinaryUser, missingForUser, type OrdinaryUser } from "./support/ordinary-user.ts";
import type { StartOptions } from "./support/place.ts";
import { type NamespaceName, parseLines, parseLook } from "./support/probe.ts";

const FULL_RANGE = "100000:65536";

describeUnless(missingForUser())("an ordinary user", () => {
  let user: OrdinaryUser;
  let rootfs: string;
  let options: StartOptions;
  let closed: string | undefined;

  beforeAll(() => {
    user = makeOrdinaryUser();
    options = { through: user.through, env: { XDG_RUNTIME_DIR: user.runtime } };
    user.place.usual = options;
    rootfs = user.place.makeRootfs();
  });
  afterAll(() => {
    if (closed !== undefined) chmodSync(closed, 0o755);
    user.place[Symbol.dispose]();
  });

  const run = (...args: string[]) => user.place.run(args, options);
  const look = (...args: string[]) => user.place.look(rootfs, ...args);

  test("is root inside, and nobody else, with seven own namespaces", async () => {
    const seen = await look();
    const own = (name: NamespaceName) => seen.namespaces[name] !== readlinkSync(`/proc/self/ns/${name}`);
    const names = ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"] as const;
    expect(names.filter(own)).toEqual(["cgroup", "ipc", "mnt", "net", "pid", "user", "uts"]);
    expect([seen.uid, seen.gid, seen.pid]).toEqual([0, 0, 1]);
    expect(seen.uidMap[0]?.trim().split(/\s+/)).toEqual(["0", String(user.uid), "1"]);
    expect(seen.status["CapEff"]).toBe("00000000a80425fb");
    expect(seen.interfaces).toEqual({ lo: { up: true, running: true, loopback: true } });
    expect([seen.ignoredSignals, seen.blockedSignals, Object.keys(seen.descriptors)]).toEqual([
      [],
      [],
      ["0", "1", "2"],
    ]);
    expect(seen.environment).toContain("HOME=/root");
  });

  test("writes into a layer of its own over a folder that belongs to somebody else", async () => {
    const said = await user.place.probe(
      rootfs,
      [],
      ["write", "/new", "x"],
      ["remove", "/etc/group"],
      ["list", "/etc"],
      ["write", "/tmp/x", "x"],
    );
    if (missingRoot() === undefined) {
      // The folder is root's, who is nobody in there.
      expect(said.map(({ errno }) => errno)).toEqual([null, "EACCES", null, "ENOENT"]);
    }
    expect(existsSync(join(rootfs, "new"))).toBe(false);
    expect(existsSync(join(rootfs, "etc/group"))).toBe(true);
  });

  test("has the machine's own files with the source host, copy-on-write", async () => {
    const script =
      "id -u; cat /etc/hostname >/dev/null && echo read; echo x >/tmp/inside && cat /tmp/inside; ls /proc | grep -c '^[0-9]'";
    const ran = await run("host", "/bin/sh", "-c", script);
    expect([ran.stderr, ran.status]).toEqual(["", 0]);
    expect(ran.stdout.split("\n").slice(0, 3)).toEqual(["0", "read", "x"]);
    expect(existsSync("/tmp/inside")).toBe(false);
  });

  test("has a terminal, names, tmpfs, binds and a read-only root", async () => {
    const folder = user.place.makeFolder("bind");
    chmodSync(folder, 0o777);
    const said = await user.place.probe(
      rootfs,
      ["--hostname", "raft", "--tmpfs", "/memory", "-v", `${folder}:/bind`, "-v", `${folder}:/ro:ro`, "--read-only"],
      ["write", "/memory/x", "x"],
      ["write", "/bind/x", "from inside"],
      ["write", "/ro/x", "x"],
      ["write", "/x", "x"],
      ["remount-rw", "/ro"],
    );
    expect(said.map(({ errno }) => errno)).toEqual([null, null, "EROFS", "EROFS", "EPERM"]);
    expect(readFileSync(join(folder, "x"), "utf8")).toBe("from inside");
  });

  test("runs a file alone from scratch", async () => {
    const probe = join(rootfs, "bin/probe");
    const ran = await run("--copy", `${probe}:/probe`, "scratch", "/probe", "list", "/");
    expect(parseLines(ran.stdout)[0]?.names?.toSorted()).toEqual(["dev", "probe", "proc", "sys"]);
  });

  test("has the isolations that need no user namespace as they are", async () => {
    const probe = join(rootfs, "bin/probe");
    const ran = await run("--isolate", "none", "host", probe, "look");
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    const seen = parseLook(ran.stdout);
    expect([seen.uid, seen.gid]).toEqual([user.uid, user.gid]);
    for (const name of ["mnt", "net", "user", "uts"] as const) {
      expect(seen.namespaces[name]).toBe(readlinkSync(`/proc/self/ns/${name}`));
    }
  });

  test("forwards signals, and leaves nothing when killed", async () => {
    const gentle = user.place.start([rootfs, "/bin/probe", "trap", "1", "--", "exit", "6"], options);
    await gentle.shows("ready");
    gentle.kill("SIGTERM");
    expect((await gentle.done).status).toBe(6);
    const killed = user.place.start([rootfs, "/bin/probe", "leave-behind", "2", "60000", "--", "deaf"], options);
    await killed.shows("ready");
    killed.kill("SIGKILL");
    expect((await killed.done).signal).toBe("SIGKILL");
  });

  const refused = (title: string, args: () => readonly string[], message: RegExp) => {
    test(`${title} is told why`, async () => {
      const ran = await run(...args());
      expect(ran.stderr).toMatch(message);
      expect([ran.status, ran.stdout]).toEqual([125, ""]);
    });
  };
  refused(
    "who wants another user without subordinate ids",
    () => ["-u", "1000", rootfs, "/bin/probe", "look"],
    /^sampan: user 1000 is not mapped in the container's user namespace\. Without ranges in \/etc\/subuid and \/etc\/subgid \(and newuidmap\) only root inside is mapped; or widen --uidmap\/--gidmap\.\n$/,
  );
  refused(
    "who wants an isolation without a user namespace",
    () => ["--isolate", "uts", rootfs, "/bin/probe", "look"],
    /^sampan: an ordinary user cannot have the isolation "uts" without "user"\. Only a user namespace gives the power to make the others: add user to --isolate, or run as root\.\n$/,
  );
  refused(
    "who wants a limit where no group was handed over",
    () => ["-m", "64m", rootfs, "/bin/probe", "look"],
    /^sampan: cannot apply --memory: .*\. Or run as root\.\n$|^sampan: cannot apply --memory: /,
  );
  refused(
    "who wants a source that is closed",
    () => {
      closed = user.place.makeFolder("closed");
      mkdirSync(join(closed, "in"));
      chmodSync(closed, missingRoot() === undefined ? 0o700 : 0o000);
      return [join(closed, "in"), "/bin/probe", "look"];
    },
    /^sampan: cannot look at \/\S+: EACCES\. This user may not go there\.\n$/,
  );
  refused(
    "who wants to map ids of others",
    () => ["--uidmap", "0:0:1", rootfs, "/bin/probe", "look"],
    /ID map|uid_map|newuidmap/i,
  );
  refused(
    "who wants to be more important than others when memory runs out",
    () => ["--oom-score-adj", "-500", rootfs, "/bin/probe", "look"],
    /^sampan: --oom-score-adj: who goes first when memory runs out failed: EACCES/,
  );

  testUnless(firstReason(missingRoot(), missingCommand("newuidmap", "uidmap")))(
    "with subordinate ids can be any of 65,536 users inside",
    async () => {
      // The host's files are not touched: others lie over them in a mount namespace of our own.
      const ranges = user.place.path("subid");
      writeFileSync(ranges, `${user.uid}:${FULL_RANGE}\n`);
      const accounts = user.place.path("passwd");
      writeFileSync(accounts, `${readFileSync("/etc/passwd", "utf8")}made-up:x:${user.uid}:${user.gid}::/:/bin/sh\n`);
      const script = `
        mount --bind ${accounts} /etc/passwd || exit 77
        for f in /etc/subuid /etc/subgid; do mount --bind ${ranges} $f || exit 77; done
        exec "$@"`;
      const through = ["unshare", "-m", "sh", "-c", script, "sh", ...user.through];
      const ran = await user.place.run(["-u", "1000:1001", "--group-add", "7", rootfs, "/bin/probe", "look"], {
        ...options,
        through,
      });
      expect([ran.status, ran.stderr]).toEqual([0, ""]);
      const seen = parseLook(ran.stdout);
      expect([seen.uid, seen.gid, seen.groups]).toEqual([1000, 1001, [7, 1001]]);
      expect(seen.uidMap.map((line) => line.trim().split(/\s+/))).toEqual([
        ["0", String(user.uid), "1"],
        ["1", "100000", "65536"],
      ]);
    },
  );
});
