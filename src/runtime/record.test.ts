import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, spyOn, test } from "bun:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SampanError } from "../errors/index.ts";
import { PID_FILE, RECORD_FILE } from "../plan/index.ts";
import {
  type ContainerRecord,
  ensureRunFolders,
  isOwnerAlive,
  listRecords,
  listStale,
  ownerWord,
  RECORD_VERSION,
  recordPlan,
  releaseName,
  removeRecordFolder,
  type StateFolders,
  stateFolders,
  sweepNames,
} from "./index.ts";

let base = "";
let folders: StateFolders = { run: "", data: "" };

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "sampan-records-"));
  folders = stateFolders({ root: base, uid: 0, env: {} });
  ensureRunFolders(folders);
});

afterEach(() => rmSync(base, { recursive: true, force: true }));

/** A child of this process, which stands for a container's first process. */
let child: ChildProcess;
let childPid = "";

beforeAll(() => {
  child = spawn("sleep", ["60"], { stdio: "ignore" });
  childPid = String(child.pid);
});

afterAll(() => {
  child.kill("SIGKILL");
});

/** A process that has ended, with the start time of another one. */
const DEAD = `${spawnSync("true").pid} 1`.padEnd(32);

function record(id: string, more: Partial<Planned> = {}): Planned {
  return {
    version: RECORD_VERSION,
    id,
    name: `name-of-${id}`,
    owner: ownerWord(),
    created: "2026-01-02T03:04:05.000Z",
    source: "host",
    namespaces: ["pid"],
    process: {
      args: ["sh"],
      env: ['A="soft":"1"'],
      cwd: "/",
      user: { uid: 0, gid: 0 },
      rlimits: [{ type: "RLIMIT_CORE", soft: 0n, hard: 2n ** 64n - 1n }],
    },
    denySetgroups: false,
    ownRoot: true,
    ...more,
  };
}

type Planned = Omit<ContainerRecord, "pid">;

/** As the program writes it. */
function write(one: Planned, pid?: string): void {
  const { directory, text } = recordPlan(folders, one);
  mkdirSync(directory);
  writeFileSync(join(directory, RECORD_FILE), text);
  if (pid !== undefined) writeFileSync(join(directory, PID_FILE), pid);
}

const fileOf = (id: string) => join(folders.run, "containers", id);

describe("a record", () => {
  test("is planned as a text, in a folder of its own, with a link that takes the name", () => {
    const one = record("c1");
    const { text, ...paths } = recordPlan(folders, one);
    expect(paths).toEqual({
      directory: join(base, "run", "containers", "c1"),
      nameLink: join(base, "run", "names", "name-of-c1"),
      nameOwner: `c1 ${one.owner}`,
    });
    expect(JSON.parse(text)).toMatchObject({ version: 1, id: "c1", owner: one.owner });
  });

  test("is read again with everything in it, limits beyond 2^53 included", () => {
    write(record("c1"), childPid.padEnd(11));
    expect(listRecords(folders)).toEqual([{ ...record("c1"), pid: Number(childPid) }]);
  });

  test.each([undefined, "", "0", "-1", "x"])("is not listed while the file of its process id says %j", (pid) => {
    write(record("c1"), pid);
    expect([listRecords(folders), listStale(folders)]).toEqual([[], []]);
  });

  test("is one of a list, oldest first", () => {
    write(record("new", { created: "2026-03-01T00:00:00.000Z" }), childPid);
    write(record("old", { created: "2026-01-01T00:00:00.000Z" }), childPid);
    expect(listRecords(folders).map(({ id }) => id)).toEqual(["old", "new"]);
  });

  test("of an owner that has died is no longer listed, but stale", () => {
    write(record("dead", { owner: DEAD }), "1");
    write(record("live"), childPid);
    expect(listRecords(folders).map(({ id }) => id)).toEqual(["live"]);
    expect(listStale(folders)).toEqual([
      { folder: fileOf("dead"), record: { ...record("dead", { owner: DEAD }), pid: 1 } },
    ]);
  });

  test("of a process that has ended, or whose number belongs to a stranger, is not listed", () => {
    write(record("ended"), DEAD.split(" ")[0]);
    write(record("stranger"), String(process.ppid));
    expect([listRecords(folders), listStale(folders)]).toEqual([[], []]);
  });

  test("of another version is left alone by both", () => {
    write(record("other", { version: 99 as 1, owner: DEAD }), "1");
    mkdirSync(fileOf("strange"));
    writeFileSync(join(fileOf("strange"), RECORD_FILE), '{"owner":5}');
    expect([listRecords(folders), listStale(folders)]).toEqual([[], []]);
  });

  test("that is being made is neither listed nor stale while it is young", () => {
    mkdirSync(fileOf("empty"));
    mkdirSync(fileOf("half"));
    writeFileSync(join(fileOf("half"), RECORD_FILE), '{"version":1,"ow');
    expect([listRecords(folders), listStale(folders)]).toEqual([[], []]);
  });

  test("that was never written is stale after a while", () => {
    mkdirSync(fileOf("empty"));
    const clock = spyOn(Date, "now").mockReturnValue(Date.now() + 11_000);
    try {
      expect(listStale(folders)).toEqual([{ folder: fileOf("empty"), record: undefined }]);
    } finally {
      clock.mockRestore();
    }
  });

  test("without any folders is none", () => {
    const nowhere = { run: join(base, "nowhere"), data: base };
    expect([listRecords(nowhere), listStale(nowhere)]).toEqual([[], []]);
    sweepNames(nowhere);
    releaseName(nowhere, "x");
  });

  test("is removed with its folder, twice if need be", () => {
    write(record("c1"), "1");
    removeRecordFolder(fileOf("c1"));
    removeRecordFolder(fileOf("c1"));
    expect(readdirSync(join(folders.run, "containers"))).toEqual([]);
  });
});

describe("an owner", () => {
  test("is a process and its start, in 32 characters", () => {
    expect(ownerWord()).toMatch(/^\d+ \d+ *$/);
    expect(ownerWord()).toHaveLength(32);
    expect(isOwnerAlive(ownerWord())).toBe(true);
  });

  test.each(["", " ", "1", "0 0", "self 1", "-1 1", "1.5 1", "../1 1", `${process.pid} 1`, `${process.pid}`])(
    "is not alive when it is %j",
    (word) => {
      expect(isOwnerAlive(word)).toBe(false);
    },
  );

  test("has died when its number belongs to another process", () => {
    expect(isOwnerAlive(DEAD)).toBe(false);
  });
});

describe("names", () => {
  const link = (name: string) => join(folders.run, "names", name);

  test("of holders that have died are given back, and others are kept", () => {
    symlinkSync(`c1 ${ownerWord()}`, link("live"));
    symlinkSync(`c2 ${DEAD}`, link("dead"));
    symlinkSync("garbage", link("garbage"));
    sweepNames(folders);
    expect(readdirSync(join(folders.run, "names"))).toEqual(["live"]);
    expect(readlinkSync(link("live"))).toBe(`c1 ${ownerWord()}`);
  });

  test("are given back one by one", () => {
    symlinkSync(`c1 ${DEAD}`, link("one"));
    symlinkSync(`c2 ${DEAD}`, link("two"));
    releaseName(folders, "one");
    releaseName(folders, "three");
    expect(readdirSync(join(folders.run, "names"))).toEqual(["two"]);
  });

  test("that are no links are left alone", () => {
    writeFileSync(link("file"), "");
    sweepNames(folders);
    expect(existsSync(link("file"))).toBe(true);
  });
});

describe("state folders", () => {
  test.each([
    ["one folder with --root", { root: "/x", uid: 0, env: {} }, "/x/run", "/x/data"],
    ["the system's for root", { uid: 0, env: { XDG_RUNTIME_DIR: "/ignored" } }, "/run/sampan", "/var/lib/sampan"],
    [
      "the user's for others",
      { uid: 7, env: { XDG_RUNTIME_DIR: "/run/user/7", XDG_DATA_HOME: "/home/u/d", HOME: "/home/u" } },
      "/run/user/7/sampan",
      "/home/u/d/sampan",
    ],
    [
      "below the home folder",
      { uid: 7, env: { HOME: "/home/u" } },
      "/tmp/sampan-7/sampan",
      "/home/u/.local/share/sampan",
    ],
    ["temporary without one", { uid: 7, env: {} }, "/tmp/sampan-7/sampan", "/tmp/sampan-7/.local/share/sampan"],
    ["not those of an empty --root", { root: "", uid: 0, env: {} }, "/run/sampan", "/var/lib/sampan"],
  ])("are %s", (_title, options, run, data) => {
    expect(stateFolders(options)).toEqual({ run, data });
  });

  test("are open to their owner alone, since records hold environments", () => {
    for (const name of ["containers", "names"]) expect(statSync(join(folders.run, name)).mode & 0o777).toBe(0o700);
    ensureRunFolders(folders);
  });

  test("that cannot be made are the user's business", () => {
    const file = join(base, "file");
    writeFileSync(file, "");
    try {
      ensureRunFolders({ run: file, data: base });
      throw new Error("it was accepted");
    } catch (error) {
      expect(error).toBeInstanceOf(SampanError);
      expect((error as SampanError).message).toMatch(/^cannot keep records of containers in .*file: E(EXIST|NOTDIR)$/);
    }
  });
});
