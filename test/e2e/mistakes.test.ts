/** Common mistakes and the exact message of each: the text is interface. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeUnless, firstReason, missingCommand, testUnless } from "../support/skip.ts";
import { missingController, missingForRoot } from "./support/needs.ts";
import { follow, Place } from "./support/place.ts";
import { probePath } from "./support/probe.ts";

const ELF_MACHINE_AT = 18;
const VAX = 75;
const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const ARCHITECTURE = process.arch === "x64" ? "x86-64" : "arm64";

function foreignProgram(): Buffer {
  const program = Buffer.from(readFileSync(probePath()));
  program.writeUInt16LE(VAX, ELF_MACHINE_AT);
  return program;
}

describeUnless(missingForRoot())("a common mistake", () => {
  let place: Place;
  let rootfs: string;

  beforeAll(() => {
    place = new Place();
    rootfs = place.makeRootfs({
      files: { "bin/plain": "text", "bin/script": "#!/no/such/shell\n", "bin/no-line": "echo\n" },
      folders: ["bin/folder"],
    });
    writeFileSync(join(rootfs, "bin/foreign"), foreignProgram());
    for (const name of ["script", "no-line", "foreign"]) chmodSync(join(rootfs, "bin", name), 0o755);
  });
  afterAll(() => place[Symbol.dispose]());

  const says = (title: string, args: () => readonly string[], status: number, message: () => string) => {
    test(`${title} says so`, async () => {
      const ran = await place.run(args());
      expect(ran.stderr).toBe(`sampan: ${message()}\n`);
      expect([ran.status, ran.stdout]).toEqual([status, ""]);
    });
  };
  const executable = (name: string) => () => [rootfs, name];

  says(
    "a missing command",
    executable("nope"),
    127,
    () => `cannot run "nope": not found in the container. PATH is ${DEFAULT_PATH}.`,
  );
  const noFile = (name: string) => () =>
    `cannot run "${name}": there is no such file in the container. If the file is there, the interpreter in its first line or its dynamic loader is missing.`;
  says("a missing command by its path", executable("/bin/nope"), 127, noFile("/bin/nope"));
  says("a script whose interpreter is missing", executable("/bin/script"), 127, noFile("/bin/script"));
  says("a path through a file", executable("/bin/plain/x"), 127, noFile("/bin/plain/x"));

  const noBit = (name: string) => () =>
    `cannot run "${name}": it is not executable. Set its x bit (chmod +x), and look whether it is a folder or lies on a noexec mount.`;
  says("a command without its x bit", executable("/bin/plain"), 126, noBit("/bin/plain"));
  says("the same, found in PATH", executable("plain"), 126, noBit("plain"));
  says("a folder as command", executable("/bin/folder"), 126, noBit("/bin/folder"));
  says(
    "a command on a noexec mount",
    () => ["-v", `${rootfs}/bin:/other:noexec`, rootfs, "/other/probe"],
    126,
    noBit("/other/probe"),
  );

  const noProgram = (name: string) => () =>
    `cannot run "${name}": it is no program for this machine. This is ${ARCHITECTURE}; the file is for another architecture, damaged, or a script without a #! line.`;
  says("a program for another architecture", executable("/bin/foreign"), 126, noProgram("/bin/foreign"));
  says("a script without its first line", executable("/bin/no-line"), 126, noProgram("/bin/no-line"));

  says(
    "a missing source of a mount",
    () => ["--mount", "type=bind,source=/no/such/folder,target=/x", rootfs, "probe"],
    125,
    () =>
      "the source of a mount, /no/such/folder, does not exist. Make it first; -v makes a missing folder, --mount does not.",
  );
  says(
    "a bad memory value",
    () => ["-m", "64x", rootfs, "probe"],
    125,
    () => '-m: "64x" is not a size. Write a number of bytes with an optional unit b, k, m, g or t, such as 64m.',
  );
  says(
    "an unknown option",
    () => ["--memry", "64m", rootfs, "probe"],
    125,
    () => "unknown option --memry for run. Did you mean --memory?",
  );
  says(
    "an unknown user",
    () => ["-u", "captain", rootfs, "probe"],
    125,
    () =>
      'there is no user "captain" in the container. Its /etc/passwd does not list it; give a number instead, such as --user 1000.',
  );
  says(
    "no command",
    () => [rootfs],
    125,
    () => `no command was given. Say what to run after the source: sampan run ${rootfs} /bin/sh.`,
  );
  says(
    "a missing source",
    () => ["/no/such/source", "probe"],
    125,
    () =>
      'there is no source "/no/such/source". A source is host, scratch, a folder, or a tar archive; names of images come with the image store.',
  );

  test("a target that cannot be made on a read-only root file system says so", async () => {
    const script = `mount --bind ${rootfs} ${rootfs} && mount -o remount,ro,bind ${rootfs} && exec "$@"`;
    const through = ["unshare", "-m", "sh", "-c", script, "sh"];
    const ran = await place.run(["--in-place", "-v", `${place.folder}:/x`, rootfs, "probe"], { through });
    expect(ran.stderr.replace(/step \d+ of \d+/, "step N")).toBe(
      "sampan: cannot make /proc in the root file system: EROFS (step N). The root file system is read-only and has nothing there to mount on: make it in the image, or leave out --in-place.\n",
    );
    expect(ran.status).toBe(125);
  });

  test("a name in use says so, and the name is free again afterwards", async () => {
    using other = new Place();
    const first = other.start(["--name", "ferry", rootfs, "/bin/probe", "trap", "1"], { careless: true });
    await first.shows("ready");
    const second = await other.run(["--name", "ferry", rootfs, "/bin/probe", "exit", "0"], { careless: true });
    expect(second.stderr).toBe(
      'sampan: the name "ferry" is in use by another container. Choose another --name, or end that one with: sampan kill ferry\n',
    );
    expect(second.status).toBe(125);
    first.kill("SIGTERM");
    await first.done;
    expect((await other.run(["--name", "ferry", rootfs, "/bin/probe", "exit", "0"])).status).toBe(0);
  });

  testUnless(firstReason(missingController("memory"), missingController("pids")))(
    "a controller that is missing says so",
    async () => {
      const through = ["unshare", "-m", "sh", "-c", 'umount /sys/fs/cgroup/memory && exec "$@"', "sh"];
      const ran = await place.run(["-m", "64m", rootfs, "probe"], { through });
      expect(ran.stderr.replace(/Present are [\w, ]+\./, "Present are ….")).toBe(
        'sampan: cannot apply --memory: there is no control group controller "memory" here. Present are …. Ask for it where Sampan runs (boot with cgroup_enable=memory, or widen the container), or leave --memory out.\n',
      );
      expect(ran.status).toBe(125);
    },
  );

  testUnless(missingCommand("setpriv", "util-linux"))("no root and no user namespaces says so", async () => {
    // A user namespace of our own, in which the limit can be set to 0 and an ordinary user exists.
    const root = join(place.makeFolder("open"), "state");
    chmodSync(join(root, ".."), 0o777);
    const holder = follow(place.spawn(["unshare", "-U", "sh", "-c", "echo born; read -r end"]));
    await holder.shows("born");
    for (const map of ["uid_map", "gid_map"]) writeFileSync(`/proc/${holder.pid}/${map}`, "0 0 65536\n");
    const script =
      'echo 0 >/proc/sys/user/max_user_namespaces && exec setpriv --reuid 54321 --regid 54321 --clear-groups "$@"';
    const enter = ["nsenter", "-U", "-S", "0", "-G", "0", "-t", String(holder.pid), "sh", "-c", script, "sh"];
    const ran = await follow(place.spawn([...enter, place.sampan, "--root", root, "run", rootfs, "probe"])).done;
    holder.stdin.end();
    await holder.done;
    expect(ran.stderr.replace(/step \d+ of \d+/, "step N")).toBe(
      "sampan: cannot make the container's namespaces: ENOSPC (step N). The limit is reached or set to 0: raise user.max_user_namespaces and its siblings (sysctl -a | grep max_.*_namespaces).\n",
    );
    expect(ran.status).toBe(125);
  });
});
