/** The small parts of plans that goldens show only in part. */
import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { MOUNT_ATTR, MS, O } from "../kernel/index.ts";
import type { Mount } from "../oci/index.ts";
import { type Architecture, type Bytes, decode, encode, type Operation, type Program } from "../program/index.ts";
import { candidates, components, type HostFacts, type PlanInput, plan } from "./index.ts";
import { parseMountOptions } from "./mount-options.ts";
import { escapeLowerdir } from "./rootfs.ts";

const host = (architecture: Architecture): HostFacts => ({
  architecture,
  kernel: [6, 12],
  uid: 0,
  gid: 0,
  capabilities: 0n,
  bounding: 0n,
  lastCapability: 40,
  cgroups: { mode: "none", v1: {} },
});

function input(mounts: readonly Mount[] = [], more: Partial<PlanInput> = {}): PlanInput {
  return {
    id: "c1",
    spec: {
      ociVersion: "1.2.0",
      process: { args: ["true"], env: [], cwd: "/", user: { uid: 0, gid: 0 } },
      root: { path: "rootfs" },
      mounts,
      linux: { namespaces: [{ type: "mount" }] },
    },
    rootfs: { kind: "overlay", lower: ["/srv/rootfs"] },
    copies: [],
    bindSources: {},
    terminal: false,
    input: true,
    init: false,
    accounting: false,
    ...more,
  };
}

describe("on arm64", () => {
  const mounts = [
    { destination: "/dev", type: "tmpfs" },
    { destination: "/dev/pts", type: "devpts" },
  ];
  const terminal = input(mounts, { terminal: true });
  const programs = (["x64", "arm64"] as const).map((architecture) => plan(terminal, host(architecture)));
  const [x64, arm64] = programs as [Program, Program];

  /** What openat2 is told, as 32 bits. */
  const how = ({ operations }: Program, why: string) => {
    const op = operations.find((candidate) => candidate.why.startsWith(why)) as Operation;
    return new DataView((op.arguments[2] as Bytes).value.buffer).getUint32(0, true);
  };

  test("folders are opened with the O_DIRECTORY of arm64", () => {
    const common = O.O_PATH | O.O_CLOEXEC;
    expect(how(x64, "the working folder /").toString(8)).toBe((common | 0o200000).toString(8));
    expect(how(arm64, "the working folder /").toString(8)).toBe((common | 0o40000).toString(8));
  });

  test("files are opened with the O_NOFOLLOW of arm64", () => {
    const common = O.O_PATH | O.O_CLOEXEC;
    expect(how(x64, "open it").toString(8)).toBe((common | 0o400000).toString(8));
    expect(how(arm64, "open it").toString(8)).toBe((common | 0o100000).toString(8));
  });

  test("the image has the numbers of its system calls, and is of its architecture", () => {
    const number = (program: Program, name: string) => {
      const { image } = encode(program);
      const step = program.operations.findIndex((op) => op.name === name);
      return new DataView(image.buffer).getUint16(48 + step * 88 + 64, true);
    };
    expect(["pivot_root", "mkdirat", "openat2"].map((name) => number(x64, name))).toEqual([155, 258, 437]);
    expect(["pivot_root", "mkdirat", "openat2"].map((name) => number(arm64, name))).toEqual([41, 34, 437]);
    expect(decode(encode(arm64).image).architecture).toBe("arm64");
  });
});

describe("where a command is looked for", () => {
  test.each([
    ["/bin/sh", ["PATH=/a"], ["/bin/sh"]],
    ["./sh", ["PATH=/a"], ["./sh"]],
    ["sh", ["PATH=/a:/b"], ["/a/sh", "/b/sh"]],
    ["sh", ["PATH=/a", "PATH=/b"], ["/b/sh"]],
    ["sh", ["PATH=:/a:"], ["./sh", "/a/sh", "./sh"]],
    ["sh", [], ["/usr/local/bin/sh", "/bin/sh", "/usr/bin/sh"]],
    ["sh", ["XPATH=/a"], ["/usr/local/bin/sh", "/bin/sh", "/usr/bin/sh"]],
  ])("%s with %j", (command, env, expected) => {
    expect(candidates(command, env)).toEqual(expected);
  });
});

describe("the components of a path", () => {
  test.each([
    ["/", []],
    ["", []],
    ["/a//b/./c/", ["a", "b", "c"]],
    ["a/../b", ["b"]],
    ["/../../etc", ["etc"]],
    ["/a/../../..", []],
    ["/...", ["..."]],
  ])("%j are %j", (path, expected) => {
    expect(components(path)).toEqual(expected);
  });
});

describe("names of layers", () => {
  test("are escaped where overlayfs would take them apart", () => {
    expect(escapeLowerdir("/srv/a:b\\c,d")).toBe("/srv/a\\:b\\\\c,d");
    expect(escapeLowerdir("/srv/plain")).toBe("/srv/plain");
  });
});

describe("options of a mount", () => {
  const parse = (...list: string[]) => parseMountOptions(list);
  const A = MOUNT_ATTR;

  test("set and clear attributes, and the last word counts", () => {
    expect(parse("ro", "nosuid").set).toBe(A.MOUNT_ATTR_RDONLY | A.MOUNT_ATTR_NOSUID);
    expect(parse("ro", "rw")).toMatchObject({ set: 0, clear: A.MOUNT_ATTR_RDONLY });
    expect(parse("rw", "ro").set).toBe(A.MOUNT_ATTR_RDONLY);
  });

  test("exclude each other where they are about access times", () => {
    expect(parse("noatime", "strictatime")).toMatchObject({ set: A.MOUNT_ATTR_STRICTATIME, clear: 0x70 });
    expect(parse("noatime", "relatime")).toMatchObject({ set: 0, clear: 0x70 });
  });

  test("are recursive with an r before them", () => {
    expect(parse("rro", "rnodev", "rexec")).toMatchObject({
      set: 0,
      recursiveSet: A.MOUNT_ATTR_RDONLY | A.MOUNT_ATTR_NODEV,
      recursiveClear: A.MOUNT_ATTR_NOEXEC,
    });
    expect(parse("relatime").recursiveClear).toBe(0);
  });

  test("say how mounts travel", () => {
    expect(parse("rslave").propagation).toEqual({ flag: MS.MS_SLAVE, recursive: true });
    expect(parse("shared", "private").propagation).toEqual({ flag: MS.MS_PRIVATE, recursive: false });
    expect(parse().propagation).toBeUndefined();
  });

  test("say what is bound", () => {
    expect(parse("bind")).toMatchObject({ bind: true, recursive: false });
    expect(parse("rbind")).toMatchObject({ bind: true, recursive: true });
    expect(parse("defaults")).toEqual(parse());
  });

  test("are the file system's own otherwise, in their order", () => {
    expect(parse("size=64k", "newinstance", "context=a=b", "mode=").data).toEqual([
      { key: "size", value: "64k" },
      { key: "newinstance", value: undefined },
      { key: "context", value: "a=b" },
      { key: "mode", value: "" },
    ]);
  });

  test("have a name", () => {
    const error = (() => {
      try {
        return parse("=x");
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toBeInstanceOf(SampanError);
    expect(String(error)).toBe('SampanError: the mount option "=x" has no name');
  });
});

describe("a plan", () => {
  test("that needs more registers than the protocol has is refused", () => {
    const shared = Array.from({ length: 200 }, (_, i): Mount => {
      return { destination: `/m${i}`, type: "bind", source: "/srv", options: ["rbind", "rshared"] };
    });
    expect(() => plan(input(shared), host("x64"))).toThrow(new RangeError("a program has at most 192 registers"));
  });

  test("does not change what it was made from", () => {
    const given = Object.freeze(input([Object.freeze({ destination: "/t", type: "tmpfs", source: "t" })]));
    expect(() => plan(given, Object.freeze(host("x64")))).not.toThrow();
  });
});
