import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { testUnless } from "../../test/support/skip.ts";
import { SampanError } from "../errors/index.ts";
import { readTextInRoot, resolveInRoot } from "./read-in-root.ts";
import { resolveUser } from "./users.ts";

const base = mkdtempSync(join(tmpdir(), "sampan-users-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));
writeFileSync(join(base, "secret"), "secret:x:7:7::/secret:/bin/sh\n");

let count = 0;

interface Content {
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
}

/** A root file system with these, below a folder that has a file `secret` in it. */
function root({ files = {}, links = {}, folders = [] }: Content): string {
  const folder = join(base, `root-${count++}`);
  mkdirSync(folder);
  for (const name of folders) mkdirSync(join(folder, name), { recursive: true });
  const parents = [...Object.keys(files), ...Object.keys(links)].map((name) => dirname(join(folder, name)));
  for (const parent of parents) mkdirSync(parent, { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  for (const [name, target] of Object.entries(links)) symlinkSync(target, join(folder, name));
  return folder;
}

describe("a path in a root", () => {
  const tree = root({
    files: { "etc/passwd": "p", "usr/lib/passwd": "lib" },
    links: {
      absolute: "/etc/passwd",
      relative: "etc/../etc/./passwd",
      outside: "../../../../../../etc/passwd",
      dangling: "/nowhere",
      loop: "loop",
      ping: "pong",
      pong: "ping",
      folder: "/etc",
      up: "..",
      "etc/back": "../usr/lib",
    },
  });

  test.each([
    ["etc/passwd", "etc/passwd"],
    ["/etc//./passwd", "etc/passwd"],
    ["/../../etc/passwd", "etc/passwd"],
    ["absolute", "etc/passwd"],
    ["relative", "etc/passwd"],
    ["outside", "etc/passwd"],
    ["folder/passwd", "etc/passwd"],
    ["etc/back/passwd", "usr/lib/passwd"],
    ["etc/back/../passwd", undefined],
    ["up/secret", undefined],
    ["dangling", undefined],
    ["loop", undefined],
    ["ping", undefined],
    ["etc/missing/passwd", undefined],
    ["", ""],
    ["/..", ""],
  ])("%j leads to %j", (path, expected) => {
    expect(resolveInRoot(tree, path)).toBe(expected === undefined ? undefined : join(tree, expected));
  });

  test("below a file leads nowhere", () => {
    expect(readTextInRoot(tree, "etc/passwd/x")).toBeUndefined();
  });

  test("over more than forty links is not followed", () => {
    const links = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`l${i}`, `l${i + 1}`]));
    const chain = root({ files: { l50: "end" }, links });
    expect(resolveInRoot(chain, "l11")).toBe(join(chain, "l50"));
    expect(resolveInRoot(chain, "l0")).toBeUndefined();
  });
});

describe("the text of a file in a root", () => {
  test("is read", () => {
    expect(readTextInRoot(root({ files: { "etc/passwd": "root:x\n" } }), "etc/passwd")).toBe("root:x\n");
  });

  test("is not that of a link out, but of what it means inside", () => {
    const tree = root({ links: { "etc/passwd": "../../secret" }, files: { secret: "inside" } });
    expect(readTextInRoot(tree, "etc/passwd")).toBe("inside");
    expect(readTextInRoot(root({ links: { "etc/passwd": join(base, "secret") } }), "etc/passwd")).toBeUndefined();
  });

  test("is nothing for folders, and files larger than the limit", () => {
    const tree = root({ folders: ["etc/passwd"], files: { "etc/group": "12345" } });
    expect(readTextInRoot(tree, "etc/passwd")).toBeUndefined();
    expect(readTextInRoot(tree, "etc/group", 4)).toBeUndefined();
    expect(readTextInRoot(tree, "etc/group", 5)).toBe("12345");
    const huge = root({ files: { "etc/passwd": "" } });
    truncateSync(join(huge, "etc/passwd"), 2 ** 40);
    expect(readTextInRoot(huge, "etc/passwd")).toBeUndefined();
  });

  test("is nothing for a FIFO, which nobody waits for", () => {
    const tree = root({ folders: ["etc"] });
    expect(spawnSync("mkfifo", [join(tree, "etc/passwd")]).status).toBe(0);
    expect(readTextInRoot(tree, "etc/passwd")).toBeUndefined();
  });

  test("is nothing for a socket", async () => {
    const tree = root({ folders: ["etc"] });
    const server = createServer().listen(join(tree, "etc/passwd"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(readTextInRoot(tree, "etc/passwd")).toBeUndefined();
    server.close();
  });

  testUnless(process.getuid?.() === 0 ? undefined : "needs root to make a device")("is nothing for a device", () => {
    const tree = root({ folders: ["etc"] });
    expect(spawnSync("mknod", [join(tree, "etc/passwd"), "c", "1", "5"]).status).toBe(0);
    expect(readTextInRoot(tree, "etc/passwd")).toBeUndefined();
  });
});

const PASSWD = "root:x:0:0:root:/root:/bin/sh\nboat:x:1000:1001::/home/boat:/bin/sh\nhomeless:x:1002:1002:::\n";
const GROUP = "root:x:0:\nboat:x:1001:\nwater:x:2000:boat,other\nriver:x:2001:other\nlake:x:2002:root,boat\n";

function refusal(text: string, groups: readonly string[], roots: readonly string[]): string[] {
  try {
    resolveUser(text, groups, roots);
  } catch (error) {
    if (error instanceof SampanError) return [error.code, error.message, error.hint ?? ""];
    throw error;
  }
  throw new Error("it was accepted");
}

describe("a user", () => {
  const tree = root({ files: { "etc/passwd": PASSWD, "etc/group": GROUP } });
  const resolved = (text: string, ...groups: string[]) => {
    const { uid, gid, additionalGids, home } = resolveUser(text, groups, [tree]);
    return `${uid}:${gid} ${additionalGids.join(",")} ${home}`;
  };

  test.each([
    ["root", "0:0 0,2002 /root"],
    ["0", "0:0 0,2002 /root"],
    ["boat", "1000:1001 1001,2000,2002 /home/boat"],
    ["1000", "1000:1001 1001,2000,2002 /home/boat"],
    ["boat:water", "1000:2000 2000 /home/boat"],
    ["boat:5", "1000:5 5 /home/boat"],
    ["4711", "4711:0 0 /"],
    ["4711:water", "4711:2000 2000 /"],
    [":river", "0:2001 2001 /root"],
    ["homeless", "1002:1002 1002 /"],
    ["4294967294:4294967294", "4294967294:4294967294 4294967294 /"],
  ])("%s is %s", (text, expected) => {
    expect(resolved(text)).toBe(expected);
  });

  test("gets further groups by name and number, each once", () => {
    expect(resolved("boat", "river", "42", "water")).toBe("1000:1001 1001,2000,2002,2001,42 /home/boat");
  });

  test("that the container does not know has to be a number", () => {
    expect(refusal("captain", [], [tree])).toEqual([
      "USER_NOT_FOUND",
      'there is no user "captain" in the container',
      "Its /etc/passwd does not list it; give a number instead, such as --user 1000.",
    ]);
    expect(refusal("boat:crew", [], [tree])).toEqual([
      "USER_NOT_FOUND",
      'there is no group "crew" in the container',
      "Its /etc/group does not list it; give a number instead.",
    ]);
    expect(refusal("boat", ["crew"], [tree])[1]).toBe('there is no group "crew" in the container');
    expect(refusal("-1", [], [tree])[1]).toBe('there is no user "-1" in the container');
  });

  test("has an id that setresuid(2) does not take for another meaning", () => {
    expect(refusal("4294967295", [], [tree])).toEqual([
      "INVALID_VALUE",
      "the user id 4294967295 is larger than 4294967294",
      "",
    ]);
    expect(refusal("0:99999999999", [], [tree])[1]).toBe("the group id 99999999999 is larger than 4294967294");
  });

  test("is looked up in the topmost layer that has the file", () => {
    const upper = root({ files: { "etc/passwd": "boat:x:5:6::/upper:/bin/sh\n" } });
    expect(resolveUser("boat", [], [upper, tree])).toEqual({
      uid: 5,
      gid: 6,
      additionalGids: [6, 2000, 2002],
      addedGids: [],
      home: "/upper",
    });
    expect(resolveUser("boat", [], [root({}), tree]).uid).toBe(1000);
  });

  test("is a number where there are no files", () => {
    expect(resolveUser("0", [], [])).toEqual({ uid: 0, gid: 0, additionalGids: [0], addedGids: [], home: "/root" });
    expect(resolveUser("7:8", ["9"], [])).toEqual({
      uid: 7,
      gid: 8,
      additionalGids: [8, 9],
      addedGids: [9],
      home: "/",
    });
  });
});

describe("hostile account files", () => {
  test("lines without ids that are numbers count for nothing", () => {
    const lines = [
      "evil::::",
      "evil:x:abc:0::/:",
      "evil:x:-1:0::/:",
      "evil:x:4294967295:0::/:",
      "evil:x:0x0:0::/:",
      "evil:x:1e3:0::/:",
      "evil:x:1000::/::",
      "evil",
      ":x:0:0::/:",
      "evil:x:1:1::/ho\0me:",
    ];
    const tree = root({ files: { "etc/passwd": lines.join("\n"), "etc/group": "crew:x:x:\ncrew:x:4294967295:\n" } });
    expect(refusal("evil", [], [tree])[0]).toBe("USER_NOT_FOUND");
    expect(refusal("0:crew", [], [tree])[0]).toBe("USER_NOT_FOUND");
  });

  test("a link to an account file of the host shows nothing of it", () => {
    const tree = root({ links: { "etc/passwd": join(base, "secret") } });
    expect(refusal("secret", [], [tree])[0]).toBe("USER_NOT_FOUND");
    const climbing = root({ links: { "etc/passwd": "../../secret" } });
    expect(refusal("secret", [], [climbing])[0]).toBe("USER_NOT_FOUND");
    const folder = root({ links: { etc: ".." } });
    expect(refusal("secret", [], [folder])[0]).toBe("USER_NOT_FOUND");
  });

  test("a FIFO and a file of a terabyte are no account files", () => {
    const tree = root({ files: { "etc/group": "" } });
    expect(spawnSync("mkfifo", [join(tree, "etc/passwd")]).status).toBe(0);
    truncateSync(join(tree, "etc/group"), 2 ** 40);
    expect(resolveUser("1000:7", [], [tree])).toEqual({
      uid: 1000,
      gid: 7,
      additionalGids: [7],
      addedGids: [],
      home: "/",
    });
    expect(refusal("boat", [], [tree])[0]).toBe("USER_NOT_FOUND");
  });

  test("the first line of a name wins", () => {
    const tree = root({ files: { "etc/passwd": "boat:x:1:1::/a:\nboat:x:0:0::/b:\n" } });
    expect(resolveUser("boat", [], [tree])).toMatchObject({ uid: 1, home: "/a" });
  });
});
