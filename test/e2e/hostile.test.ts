/**
 * Root file systems that want out: a link, a file or something worse wherever Sampan has to put something. Each run
 * either works inside of its root or is a clear error; nothing of the host changes, and nothing hangs.
 *
 * CVE-2021-30465, CVE-2019-14271, CVE-2024-21626, CVE-2025-31133, CVE-2025-52565, CVE-2025-52881.
 */
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describeUnless } from "../support/skip.ts";
import { describeHost, describeTree, plantCanary } from "./support/canary.ts";
import { missingForRoot } from "./support/needs.ts";
import { Place, type Ran, type RootfsOptions } from "./support/place.ts";
import { parseLines } from "./support/probe.ts";

/** Puts a link (or something worse) at `path` in the root. */
function plant(rootfs: string, path: string, target: string): string {
  const place = join(rootfs, path);
  rmSync(place, { recursive: true, force: true });
  mkdirSync(dirname(place), { recursive: true });
  symlinkSync(target, place);
  return rootfs;
}

interface Target {
  /** Where the link is. */
  readonly path: string;
  readonly options: (canary: string, own: string) => readonly string[];
}

/** Every place of a root file system that a run touches. */
const TARGETS: Readonly<Record<string, Target>> = {
  "/proc": { path: "proc", options: () => [] },
  "/dev": { path: "dev", options: () => [] },
  "/sys": { path: "sys", options: () => [] },
  "/etc": { path: "etc", options: () => ["-u", "1000"] },
  "the target of a bind": { path: "data", options: (_, own) => ["-v", `${own}:/data`] },
  "the parent of a bind's target": { path: "data", options: (_, own) => ["-v", `${own}:/data/deep/er`] },
  "the target of a file's bind": { path: "data", options: (_, own) => ["-v", `${own}/file:/data`] },
  "the target of a tmpfs": { path: "data", options: () => ["--tmpfs", "/data"] },
  "the parent of a tmpfs": { path: "data", options: () => ["--tmpfs", "/data/deep/er"] },
  "the working folder": { path: "data", options: () => ["-w", "/data"] },
  "the parent of the working folder": { path: "data", options: () => ["-w", "/data/deep/er"] },
  "the target of a copy": { path: "data", options: (_, own) => ["--copy", `${own}/file:/data`] },
  "the parent of a copy": { path: "data", options: (_, own) => ["--copy", `${own}/file:/data/deep/er`] },
  "the folder of a device": { path: "data", options: () => ["--device", "/dev/zero:/data/zero"] },
};

const LINKS: Readonly<Record<string, (canary: string, path: string) => string>> = {
  "an absolute link to a folder of the host": (canary) => canary,
  "an absolute link to /etc": () => "/etc",
  "a relative link out of the root": (canary) => `${"../".repeat(20)}${canary.slice(1)}`,
  "a link to a file of the host": (canary) => join(canary, "file"),
  "a link that leads nowhere": (canary) => join(canary, "missing"),
  "a link to itself": (_, path) => `/${path}`,
  "a magic link": () => "/proc/self/fd/3",
  "a link to /": () => "/",
};

describeUnless(missingForRoot())("a hostile root file system", () => {
  let place: Place;
  let canary: string;
  let own: string;
  let before: readonly string[];

  beforeAll(() => {
    place = new Place();
    canary = place.path("canary");
    plantCanary(canary);
    own = makeOwn();
  });
  const makeOwn = () => {
    const folder = place.makeFolder("own");
    writeFileSync(join(folder, "file"), "own\n");
    return folder;
  };
  const describeAll = () => [...describeTree(canary), ...describeHost()];
  beforeEach(() => {
    before = describeAll();
  });
  afterEach(() => expect(describeAll()).toEqual([...before]));
  afterAll(() => place[Symbol.dispose]());

  const make = (options: RootfsOptions = {}) => place.makeRootfs(options);

  /** Either it works, or Sampan says what is wrong: no message of the kernel's or of JavaScript's. */
  const worksOrSays = (ran: Ran) => {
    if (ran.status === 0) expect(ran.stderr).toBe("");
    else {
      expect(ran.status).toBeGreaterThanOrEqual(125);
      expect(ran.stderr).toMatch(/^sampan: (cannot|there is no) .*: E[A-Z]+ \(step \d+ of \d+\)\. [A-Z].*\.\n$/);
    }
  };

  for (const [where, { path, options }] of Object.entries(TARGETS)) {
    for (const [what, target] of Object.entries(LINKS)) {
      test(`with ${what} at ${where} stays in its root`, async () => {
        const rootfs = plant(make(), path, target(canary, path));
        const actions = ["/bin/probe", "write", "/data/written", "x", "--", "write", "/data", "x", "--", "exit", "0"];
        // In place it is dangerous; over a layer of its own a container could write where it likes.
        const modes = what.startsWith("an absolute") ? [["--in-place"], []] : [["--in-place"]];
        for (const mode of modes) {
          worksOrSays(await place.run([...mode, ...options(canary, makeOwn()), rootfs, ...actions]));
        }
      });
    }
  }

  test("cannot mount its links to the host's folders in place of the host's folders", async () => {
    // The link leads to a path that exists inside: the bind is mounted there, and not outside.
    const rootfs = plant(make({ folders: [canary.slice(1)] }), "data", canary);
    const ran = await place.run(["-v", `${own}:/data`, rootfs, "/bin/probe", "list", canary, "--", "list", "/data"]);
    expect(parseLines(ran.stdout).map(({ names }) => names)).toEqual([["file"], ["file"]]);
    expect(ran.stderr).toBe("");
  });

  for (let fd = 3; fd < 16; fd++) {
    test(`has no working folder behind /proc/self/fd/${fd} (CVE-2024-21626)`, async () => {
      const ran = await place.run(["-w", `/proc/self/fd/${fd}`, make(), "/bin/probe", "look"]);
      expect(ran.status).toBe(125);
      expect(ran.stderr).toMatch(/^sampan: cannot open or make \/proc\/self\/fd\/\d+ in the root file system: \w+ /);
    });
  }

  test("has no working folder behind a link to /proc/self/fd/7", async () => {
    const rootfs = plant(make(), "data", "/proc/self/fd/7");
    const ran = await place.run(["-w", "/data", rootfs, "/bin/probe", "look"]);
    expect(ran.status).toBe(125);
  });

  const OBSTACLES = ["proc", "dev", "sys"];
  for (const name of OBSTACLES) {
    test(`with a file at /${name} says so`, async () => {
      const rootfs = make({ files: { [name]: "a file" } });
      const ran = await place.run([rootfs, "/bin/probe", "look"]);
      expect([ran.status, ran.stderr.replace(/step \d+ of \d+/, "step N")]).toEqual([
        125,
        `sampan: cannot open or make /${name} in the root file system: ENOTDIR (step N). The image has a file where a folder belongs.\n`,
      ]);
    });
  }

  test("with a file where a bind wants a folder says so", async () => {
    const ran = await place.run(["-v", `${own}:/data`, make({ files: { data: "a file" } }), "/bin/probe", "look"]);
    expect([ran.status, ran.stderr.replace(/step \d+ of \d+/, "step N")]).toEqual([
      125,
      "sampan: cannot open or make /data in the root file system: ENOTDIR (step N). The image has a file where a folder belongs.\n",
    ]);
  });

  test("with a folder where a bind wants a file says so", async () => {
    const ran = await place.run(["-v", `${own}/file:/data`, make({ folders: ["data"] }), "/bin/probe", "look"]);
    expect([ran.status, ran.stderr.replace(/step \d+ of \d+/, "step N")]).toEqual([
      125,
      `sampan: cannot mount ${own}/file on /data: EINVAL (step N). The source is a file and the target a folder, or the other way round.\n`,
    ]);
  });

  test("with a folder where a copy goes says so", async () => {
    const ran = await place.run(["--copy", `${own}/file:/data`, make({ folders: ["data"] }), "/bin/probe", "look"]);
    expect([ran.status, ran.stderr.replace(/step \d+ of \d+/, "step N")]).toEqual([
      125,
      "sampan: cannot copy a file to /data: EISDIR (step N). A folder is there: name the file in it.\n",
    ]);
  });

  test("with a FIFO where a copy goes does not hang: the file takes its place", async () => {
    const rootfs = make();
    execFileSync("mkfifo", [join(rootfs, "data")]);
    const ran = await place.run(["--copy", `${own}/file:/data`, rootfs, "/bin/probe", "read", "/data"]);
    expect(parseLines(ran.stdout)[0]?.text).toBe("own\n");
  });

  test("with a device where a copy goes is not written through it", async () => {
    const rootfs = make();
    execFileSync("mknod", [join(rootfs, "data"), "c", "1", "7"]); // full: every write to it is ENOSPC
    const ran = await place.run(["--copy", `${own}/file:/data`, rootfs, "/bin/probe", "read", "/data"]);
    expect(parseLines(ran.stdout)[0]?.text).toBe("own\n");
  });

  test("can have a path of 4,000 bytes, and not one of 4,200", async () => {
    const path = (bytes: number) => `/${"d".repeat(199)}`.repeat(bytes / 200);
    const rootfs = make();
    for (const options of [
      (target: string) => ["-w", target],
      (target: string) => ["-v", `${own}:${target}`],
      (target: string) => ["--tmpfs", target],
    ]) {
      const fits = await place.run([...options(path(4000)), rootfs, "/bin/probe", "look"]);
      expect([fits.status, fits.stderr]).toEqual([0, ""]);
      const tooLong = await place.run([...options(path(4200)), rootfs, "/bin/probe", "look"]);
      expect(tooLong.status).toBe(125);
      expect(tooLong.stderr).toMatch(
        /ENAMETOOLONG \(step \d+ of \d+\)\. The kernel takes 255 bytes for a name and 4095 for a path\.\n$/,
      );
    }
  });

  test("can be called by no path of 4,096 bytes", async () => {
    const ran = await place.run([`/${"d".repeat(199)}`.repeat(21), "/bin/probe", "look"]);
    expect(ran.status).toBe(125);
    expect(ran.stderr).toMatch(/^sampan: cannot look at \/ddd.*: ENAMETOOLONG\. The kernel takes 255 bytes /);
  });

  const accounts: Readonly<Record<string, (path: string) => void>> = {
    "a FIFO": (path) => execFileSync("mkfifo", [path]),
    "a link to the host's /etc/shadow": (path) => symlinkSync("/etc/shadow", path),
    "a relative link to the host's /etc/passwd": (path) => symlinkSync(`${"../".repeat(20)}etc/passwd`, path),
    "a device": (path) => execFileSync("mknod", [path, "c", "1", "5"]),
    "a folder": (path) => mkdirSync(path),
    "a huge file": (path) => writeFileSync(path, "x".repeat(64 << 20)),
    "a huge line": (path) => writeFileSync(path, `${"x:".repeat(400_000)}\n`),
    "not text": (path) => writeFileSync(path, Buffer.alloc(4096, 0xff)),
  };
  for (const [what, replace] of Object.entries(accounts)) {
    test(`with ${what} as /etc/passwd has no users, but numbers`, async () => {
      const rootfs = make();
      const path = join(rootfs, "etc/passwd");
      rmSync(path);
      replace(path);
      const named = await place.run(["-u", "daemon", rootfs, "/bin/probe", "look"]);
      expect([named.status, named.stderr]).toEqual([
        125,
        'sampan: there is no user "daemon" in the container. Its /etc/passwd does not list it; give a number instead, such as --user 1000.\n',
      ]);
      const look = await place.look(rootfs, "-u", "77");
      expect([look.uid, look.gid]).toEqual([77, 0]);
    });
  }

  test("whose folder becomes a link and back all the time is never left", async () => {
    const rootfs = make({ folders: ["data", "spare"] });
    symlinkSync(canary, join(rootfs, "link"));
    const names = ["data", "spare", "link"].map((name) => join(rootfs, name)) as [string, string, string];
    const [data, spare, link] = names;
    let swapped = false;
    const swap = () => {
      const [first, second] = swapped ? ([link, spare] as const) : ([spare, link] as const);
      try {
        renameSync(data, first);
        renameSync(second, data);
        swapped = !swapped;
      } catch {
        // Between the two, Sampan has made the folder itself.
        rmSync(data, { recursive: true, force: true });
        renameSync(second, data);
        swapped = !swapped;
      }
    };
    const timer = setInterval(() => {
      for (let i = 0; i < 41; i++) swap();
    }, 0);
    try {
      for (let i = 0; i < 15; i++) {
        const options =
          i % 3 === 0 ? ["-v", `${own}:/data/in`] : i % 3 === 1 ? ["--tmpfs", "/data"] : ["-w", "/data/in"];
        const ran = await place.run(["--in-place", ...options, rootfs, "/bin/probe", "exit", "0"]);
        if (ran.status !== 0) expect(ran.stderr).toMatch(/^sampan: cannot /);
      }
    } finally {
      clearInterval(timer);
    }
    expect(existsSync(join(canary, "in"))).toBe(false);
    expect(readFileSync(join(own, "file"), "utf8")).toBe("own\n");
  });
});
