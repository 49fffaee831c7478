/** `sampan run`: mounts, copies, devices, and what is done to the root file system. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { missingFile, testUnless } from "../support/skip.ts";
import { describeInPlace, withoutStep } from "./support/describe-place.ts";
import { follow } from "./support/place.ts";
import { parseLines, probePath } from "./support/probe.ts";

describeInPlace("an option about files", (at) => {
  const { look, probe, run } = at;
  const folderWith = (text: string) => {
    const folder = at.place.makeFolder("host");
    writeFileSync(join(folder, "file"), text);
    return folder;
  };
  const errnos = (said: readonly { readonly errno?: string | null }[]) => said.map(({ errno }) => errno);

  test("-v shows a folder of the host, to read and write", async () => {
    const folder = folderWith("from outside");
    const said = await probe(["-v", `${folder}:/data/in`], ["read", "/data/in/file"], ["write", "/data/in/new", "x"]);
    expect([said[0]?.text, said[1]?.errno]).toEqual(["from outside", null]);
    expect(readFileSync(join(folder, "new"), "utf8")).toBe("x");
    expect(existsSync(join(at.rootfs, "data"))).toBe(false);
  });

  test("-v makes a source that is missing, --mount does not", async () => {
    const missing = at.place.path("made");
    await probe(["-v", `${missing}:/data`], ["list", "/data"]);
    expect(statSync(missing).isDirectory()).toBe(true);
  });

  test("-v and --mount with ro cannot be written, nor made writable again", async () => {
    const folder = folderWith("x");
    const mount = `type=bind,source=${folder},target=/b,readonly`;
    const said = await probe(
      ["-v", `${folder}:/a:ro`, "--mount", mount],
      ["write", "/a/file", "y"],
      ["write", "/b/file", "y"],
      ["remount-rw", "/a"],
      ["read", "/b/file"],
    );
    expect(errnos(said)).toEqual(["EROFS", "EROFS", "EPERM", null]);
  });

  test("-v with a file shows the file", async () => {
    const folder = folderWith("just this");
    const said = await probe(["-v", `${folder}/file:/etc/hosts`], ["read", "/etc/hosts"], ["stat", "/etc/hosts"]);
    expect([said[0]?.text, said[1]?.kind]).toEqual(["just this", "file"]);
    expect(existsSync(join(at.rootfs, "etc/hosts"))).toBe(false);
  });

  /** A mount namespace of the test's own, in which a shared folder holds another mount. */
  const shared = (folder: string) => `mount -t tmpfs top ${folder} && mount --make-rshared ${folder} &&
    mkdir ${folder}/sub && mount -t tmpfs below ${folder}/sub`;
  const inOwnMounts = (script: string) => ["unshare", "-m", "sh", "-c", `${script} && exec "$@"`, "sh"];

  test("ro is for the top mount, rro and ro=recursive for those below it too", async () => {
    const folder = at.place.makeFolder("shared");
    const args = [
      ...["-v", `${folder}:/plain:ro`, "-v", `${folder}:/deep:rro`],
      ...["--mount", `type=bind,source=${folder},target=/mount,bind-recursive=readonly`],
      ...["--mount", `type=bind,source=${folder},target=/single,bind-nonrecursive`],
    ];
    const actions = ["/plain/x", "/plain/sub/x", "/deep/x", "/deep/sub/x", "/mount/sub/x", "/single/sub/y"].flatMap(
      (path, i) => [...(i === 0 ? [] : ["--"]), "write", path, "x"],
    );
    const ran = await at.place.run([...args, at.rootfs, "/bin/probe", ...actions, "--", "list", "/single/sub"], {
      through: inOwnMounts(shared(folder)),
    });
    const said = parseLines(ran.stdout);
    expect(errnos(said)).toEqual(["EROFS", null, "EROFS", "EROFS", "EROFS", null, null]);
    // Without the mounts below, what is seen is the folder that they hide.
    expect(said[6]?.names).toEqual(["y"]);
  });

  test("rslave receives mounts of the host, rprivate does not, and none go back", async () => {
    const folder = at.place.makeFolder("shared");
    const flags = ["-v", `${folder}:/slave:rslave`, "-v", `${folder}:/private`];
    const actions = ["/bin/probe", "sleep", "0", "--", "wait-for", "/slave/late/x", "--", "list", "/private/late"];
    const script = `${shared(folder)} && mkdir ${folder}/late && "$@" & sleep 0.4;
      mount -t tmpfs late ${folder}/late && : >${folder}/late/x; wait $!`;
    const own = [at.place.sampan, "--root", at.place.root, "run", ...flags, at.rootfs, ...actions];
    const ran = await follow(at.place.spawn(["unshare", "-m", "sh", "-c", script, "sh", ...own])).done;
    const said = parseLines(ran.stdout);
    expect(ran.stderr).toBe("");
    expect(said.map(({ do: what, errno, names }) => [what, errno, names]).slice(-2)).toEqual([
      ["wait-for", null, undefined],
      ["list", null, []],
    ]);
  });

  test("rshared gives mounts back to the host", async () => {
    const folder = at.place.makeFolder("shared");
    const flags = ["--privileged", "-v", `${folder}:/both:rshared`];
    const actions = ["/bin/probe", "mkdir", "/both/made", "--", "mount", "tmpfs", "/both/made"];
    const script = `${shared(folder)} && "$@" && grep -c "${folder}/made " /proc/self/mountinfo`;
    const own = [at.place.sampan, "--root", at.place.root, "run", ...flags, at.rootfs, ...actions];
    const ran = await follow(at.place.spawn(["unshare", "-m", "sh", "-c", script, "sh", ...own])).done;
    expect([ran.stderr, ran.stdout.split("\n").at(-2), ran.status]).toEqual(["", "1", 0]);
  });

  test("-v with noexec, nosuid and nodev has these flags", async () => {
    const folder = at.place.makeFolder("host");
    const [fs] = await probe(["-v", `${folder}:/data:noexec,nosuid`], ["statfs", "/data"]);
    expect([fs?.noexec, fs?.nosuid, fs?.nodev, fs?.readOnly]).toEqual([true, true, true, false]);
  });

  test("--tmpfs has its size and mode, and is never on the host", async () => {
    const said = await probe(
      ["--tmpfs", "/memory:size=64k,mode=1750"],
      ["stat", "/memory"],
      ["statfs", "/memory"],
      ["write", "/memory/x", "x"],
      ["fill", "/memory/full"],
    );
    expect([said[0]?.mode, said[1]?.bytes, said[1]?.noexec, said[2]?.errno]).toEqual([0o1750, 65536, true, null]);
    expect([said[3]?.errno, (said[3]?.bytes ?? 0) <= 65536]).toEqual(["ENOSPC", true]);
    expect(existsSync(join(at.rootfs, "memory"))).toBe(false);
  });

  test("--mount type=tmpfs has its size and mode", async () => {
    const mount = "type=tmpfs,target=/memory,tmpfs-size=128k,tmpfs-mode=0700,readonly";
    const said = await probe(
      ["--mount", mount],
      ["stat", "/memory"],
      ["statfs", "/memory"],
      ["write", "/memory/x", "x"],
    );
    expect([said[0]?.mode, said[1]?.bytes, said[2]?.errno]).toEqual([0o700, 131072, "EROFS"]);
  });

  test("--tmpfs with exec lets programs run in it", async () => {
    const [fs] = await probe(["--tmpfs", "/memory:exec"], ["statfs", "/memory"]);
    expect(fs?.noexec).toBe(false);
  });

  test("--read-only makes the root read-only, and leaves mounts writable", async () => {
    const said = await probe(
      ["--read-only", "--tmpfs", "/tmp", "-w", "/made"],
      ["write", "/x", "x"],
      ["write", "/etc/passwd", "x"],
      ["write", "/tmp/x", "x"],
      ["write", "/dev/shm/x", "x"],
      ["remount-rw", "/"],
    );
    expect(errnos(said)).toEqual(["EROFS", "EROFS", null, null, "EPERM"]);
  });

  test("--shm-size is the size of /dev/shm", async () => {
    const [usual] = await probe([], ["statfs", "/dev/shm"]);
    const [given] = await probe(["--shm-size", "1m"], ["statfs", "/dev/shm"]);
    expect([usual?.bytes, given?.bytes]).toEqual([64 << 20, 1 << 20]);
  });

  test("--layer-size is the room for what is written", async () => {
    const said = await probe(["--layer-size", "1m"], ["fill", "/full"]);
    expect([said[0]?.errno, (said[0]?.bytes ?? 0) <= 1 << 20]).toEqual(["ENOSPC", true]);
  });

  test("--in-place writes into the folder itself", async () => {
    const rootfs = at.place.makeRootfs();
    const ran = await at.place.run(["--in-place", rootfs, "/bin/probe", "write", "/new", "x"]);
    expect(ran.status).toBe(0);
    expect(readFileSync(join(rootfs, "new"), "utf8")).toBe("x");
  });

  test("--copy with scratch is a program alone", async () => {
    const args = ["--copy", `${probePath()}:/deep/in/probe`, "scratch", "/deep/in/probe"];
    const ran = await at.place.run([...args, "list", "/", "--", "stat", "/deep/in/probe"]);
    const said = parseLines(ran.stdout);
    expect([ran.status, ran.stderr, said[0]?.names?.toSorted()]).toEqual([0, "", ["deep", "dev", "proc", "sys"]]);
    expect([said[1]?.kind, said[1]?.mode]).toEqual(["file", statSync(probePath()).mode & 0o777]);
  });

  test("--copy of what is no file says so", async () => {
    const ran = await run(["--copy", "/no/such/file:/x"], ["look"]);
    expect([ran.status, ran.stderr]).toEqual([125, "sampan: --copy: /no/such/file is not there.\n"]);
    const folder = await run(["--copy", `${at.rootfs}:/x`], ["look"]);
    expect([folder.status, folder.stderr]).toEqual([125, `sampan: --copy: ${at.rootfs} is no regular file.\n`]);
  });

  testUnless(missingFile("/dev/fuse", "the kernel has no FUSE"))(
    "--device lets a device of the host be opened, under a name of its own",
    async () => {
      const without = await probe([], ["read-some", "/dev/fuse"]);
      expect(without[0]?.errno).toBe("ENOENT");
      const said = await probe(
        ["--device", "/dev/fuse", "--device", "/dev/zero:/dev/sub/nothing", "--device", "/dev/zero:/elsewhere/zero"],
        ["stat", "/dev/fuse"],
        ["read-some", "/dev/sub/nothing"],
        ["read-some", "/elsewhere/zero"],
      );
      expect([said[0]?.kind, said[0]?.device]).toEqual(["character device", statSync("/dev/fuse").rdev]);
      expect(said.slice(1).map(({ text }) => text)).toEqual(["\0".repeat(16), "\0".repeat(16)]);
    },
  );

  test("--device with a file, or with nothing, says so", async () => {
    const file = await run(["--device", "/etc/passwd"], ["look"]);
    expect([file.status, file.stderr]).toEqual([
      125,
      "sampan: /etc/passwd is no device. Use -v for files and folders.\n",
    ]);
    const missing = await run(["--device", "/dev/no-such"], ["look"]);
    expect([missing.status, missing.stderr]).toEqual([125, "sampan: the device /dev/no-such does not exist.\n"]);
  });

  test("a mount option that the kernel does not know says so", async () => {
    const ran = await run(["--tmpfs", "/x:nr_inodes=abc"], ["look"]);
    expect(ran.status).toBe(125);
    expect(withoutStep(ran.stderr)).toMatch(/^sampan: /);
  });

  test("mounts come in the order of their targets' depth, as they were given", async () => {
    const outer = folderWith("outer");
    const inner = folderWith("inner");
    mkdirSync(join(outer, "in"));
    const said = await probe(
      ["-v", `${outer}:/d`, "-v", `${inner}:/d/in`],
      ["read", "/d/file"],
      ["read", "/d/in/file"],
    );
    expect(said.map(({ text }) => text)).toEqual(["outer", "inner"]);
    const seen = await look("-v", `${outer}:/d`);
    expect(seen.mounts.filter((line) => line.includes(" /d ")).length).toBe(1);
  });
});
