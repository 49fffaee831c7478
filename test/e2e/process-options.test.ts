/** `sampan run`: names, working folder, environment, users, entry point, files with ids. */
import { expect, test } from "bun:test";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeInPlace, withoutStep } from "./support/describe-place.ts";
import { follow } from "./support/place.ts";
import { parseLines, parseLook } from "./support/probe.ts";

describeInPlace("an option about the process", (at) => {
  const { look, probe, run } = at;
  test("--hostname and --domainname are the container's alone", async () => {
    const seen = await look("--hostname", "raft", "--domainname", "river");
    expect([seen.hostname, seen.domainname]).toEqual(["raft", "river"]);
    expect(seen.environment).toContain("HOSTNAME=raft");
  });

  test("-w enters a folder, and makes it when it is missing", async () => {
    expect((await look("-w", "/etc")).cwd).toBe("/etc");
    expect((await look("-w", "/made/for/this")).cwd).toBe("/made/for/this");
    expect(existsSync(join(at.rootfs, "made"))).toBe(false);
  });

  test("-w that is relative is refused", async () => {
    const ran = await run(["-w", "etc"], ["look"]);
    expect([ran.status, ran.stderr]).toEqual([
      125,
      'sampan: -w: "etc" is not an absolute path in the container. Write /etc.\n',
    ]);
  });

  test("-e and --env-file set variables; -e wins, and a bare name takes the caller's value", async () => {
    const file = at.place.path("env");
    writeFileSync(file, "# comment\nONE=file\nTWO=file\n\nFROM\n");
    const args = ["-e", "ONE=option", "--env-file", file, "-e", "FROM", "-e", "ABSENT", "-e", "PATH=/bin"];
    const ran = await at.place.run([...args, at.rootfs, "probe", "look"], { env: { FROM: "outside" } });
    const { environment } = parseLook(ran.stdout);
    expect(environment.filter((entry) => /^(ONE|TWO|FROM|ABSENT|PATH)=/.test(entry)).toSorted()).toEqual([
      "FROM=outside",
      "ONE=option",
      "PATH=/bin",
      "TWO=file",
    ]);
  });

  test("-u takes a name with its group, home and further groups", async () => {
    const seen = await look("-u", "boat");
    expect([seen.uid, seen.euid, seen.suid, seen.gid, seen.groups.toSorted()]).toEqual([
      1000,
      1000,
      1000,
      1001,
      [1001, 2000],
    ]);
    expect(seen.environment).toContain("HOME=/home/boat");
    expect([seen.status["CapEff"], seen.status["CapPrm"]]).toEqual(["0".repeat(16), "0".repeat(16)]);
  });

  test("-u takes numbers, known or not, and a group beside them", async () => {
    const known = await look("-u", "1000");
    expect([known.uid, known.gid, known.groups.toSorted()]).toEqual([1000, 1001, [1001, 2000]]);
    const unknown = await look("-u", "4242");
    expect([unknown.uid, unknown.gid, unknown.groups]).toEqual([4242, 0, [0]]);
    const both = await look("-u", "4242:water");
    expect([both.uid, both.gid, both.groups]).toEqual([4242, 2000, [2000]]);
    const last = await look("-u", "4294967294:4294967294");
    expect([last.uid, last.gid]).toEqual([4294967294, 4294967294]);
  });

  test("-u with a group that is not there says so", async () => {
    const ran = await run(["-u", "boat:crew"], ["look"]);
    expect([ran.status, ran.stderr]).toEqual([
      125,
      'sampan: there is no group "crew" in the container. Its /etc/group does not list it; give a number instead.\n',
    ]);
  });

  test("--group-add adds groups by name and number", async () => {
    const seen = await look("-u", "boat", "--group-add", "river", "--group-add", "77");
    expect(seen.groups.toSorted((a, b) => a - b)).toEqual([77, 1001, 2000, 2001]);
  });

  test("--entrypoint goes before the command", async () => {
    const ran = await at.place.run(["--entrypoint", "/bin/probe", at.rootfs, "exit", "9"]);
    expect(ran.status).toBe(9);
    const several = await at.place.run(["--entrypoint", '["/bin/probe","exit"]', at.rootfs, "8"]);
    expect(several.status).toBe(8);
  });

  test("--cidfile and --pidfile hold the id and the process as the host sees it", async () => {
    const [cid, pid] = [at.place.path("cid"), at.place.path("pid")];
    const running = at.place.start(["--cidfile", cid, "--pidfile", pid, at.rootfs, "/bin/probe", "trap", "1"]);
    await running.shows("ready");
    expect(readFileSync(cid, "utf8")).toMatch(/^[0-9a-f]{64}$/);
    const process = readFileSync(pid, "utf8").trim();
    expect(readFileSync(`/proc/${process}/status`, "utf8")).toMatch(/NSpid:\t\d+\t1\n/);
    expect([statSync(cid).mode & 0o777, statSync(pid).mode & 0o777]).toEqual([0o644, 0o644]);
    running.kill("SIGTERM");
    expect((await running.done).status).toBe(0);
  });

  test("--cidfile does not overwrite a file", async () => {
    const cid = at.place.path("cid");
    writeFileSync(cid, "mine");
    const ran = await run(["--cidfile", cid], ["look"]);
    expect([ran.status, withoutStep(ran.stderr)]).toEqual([
      125,
      `sampan: --cidfile failed: EEXIST (${cid}) (step N). Remove the file that is there first.\n`,
    ]);
    expect(readFileSync(cid, "utf8")).toBe("mine");
  });

  test("--stop-signal is what the command gets when Sampan is asked to stop", async () => {
    const running = at.place.start(["--stop-signal", "USR1", at.rootfs, "/bin/probe", "trap", "1"]);
    await running.shows("ready");
    running.kill("SIGTERM");
    expect(parseLines((await running.done).stdout)[1]?.signals).toEqual([10]);
  });

  test("--name is in the record while the container runs, which only its owner can read", async () => {
    const cid = at.place.path("cid");
    const running = at.place.start(["--name", "ketch", "--cidfile", cid, at.rootfs, "/bin/probe", "trap", "1"]);
    await running.shows("ready");
    const record = join(at.place.root, "run", "containers", readFileSync(cid, "utf8"), "container.json");
    expect(JSON.parse(readFileSync(record, "utf8")).name).toBe("ketch");
    expect(statSync(record).mode & 0o777).toBe(0o600);
    running.kill("SIGTERM");
    await running.done;
  });

  test("--rm changes nothing yet: every run is forgotten", async () => {
    expect((await run(["--rm"], ["exit", "0"])).status).toBe(0);
  });

  test("--init is process 1, and the command its child in a session of its own", async () => {
    const seen = await look("--init");
    expect([seen.pid, seen.ppid, seen.sid, seen.processes]).toEqual([2, 1, 2, [1, 2]]);
    expect(Object.keys(seen.descriptors)).toEqual(["0", "1", "2"]);
  });

  test("--init shows nothing of the caller's environment, and its program cannot be overwritten (CVE-2019-5736)", async () => {
    const executor = join(at.place.sampan, "..", "sampan-executor");
    const before = statSync(executor);
    const actions = ["read", "/proc/1/environ", "--", "read", "/proc/1/cmdline", "--", "write", "/proc/1/exe", "x"];
    const ran = await at.place.run(["--init", at.rootfs, "/bin/probe", ...actions], {
      env: { SECRET: "of the caller" },
    });
    const [environment, words, write] = parseLines(ran.stdout);
    expect([environment?.text?.replaceAll("\0", ""), words?.text?.replaceAll("\0", "")]).toEqual([
      "",
      "sampan-executor",
    ]);
    expect(write?.errno).toBe("ETXTBSY");
    expect([statSync(executor).size, statSync(executor).mtimeMs]).toEqual([before.size, before.mtimeMs]);
  });

  test("a command line is the same the second time, when its plan is remembered", async () => {
    const args = ["--root", at.place.root, "run", "--hostname", "raft", at.rootfs, "/bin/probe", "look"];
    const twice = [0, 1, 2].map(() => follow(at.place.spawn([at.place.sampan, ...args])).done);
    const looks = (await Promise.all(twice)).map((ran) => parseLook(ran.stdout));
    for (const { hostname, uid, pid, cwd } of looks) expect([hostname, uid, pid, cwd]).toEqual(["raft", 0, 1, "/"]);
    const said = await probe([], ["stat", "/etc/passwd"]);
    expect(parseLines(JSON.stringify(said[0]))[0]?.errno).toBe(null);
  });

  test("a remembered plan notices another working folder, another user and another root", async () => {
    const call = (rootfs: string) =>
      follow(at.place.spawn([at.place.sampan, "--root", at.place.root, "run", rootfs, "/bin/probe", "look"])).done;
    const own = at.place.makeRootfs();
    expect(parseLook((await call(own)).stdout).environment).toContain("HOME=/root");
    writeFileSync(join(own, "etc/passwd"), "root:x:0:0::/elsewhere:/bin/probe\n");
    expect(parseLook((await call(own)).stdout).environment).toContain("HOME=/elsewhere");
  });
});
