import { describe, expect, test } from "bun:test";
import { type CgroupReader, ownBelow, parseCgroupMounts, readCgroupLayout } from "./cgroup-layout.ts";

type Tree = Readonly<Record<string, string>>;

/** A reader over a record of files; a path in `locked` cannot be written. */
function reader(tree: Tree, locked: readonly string[] = []): CgroupReader {
  const paths = Object.keys(tree);
  const exists = (path: string) => paths.some((name) => name === path || name.startsWith(`${path}/`));
  return {
    readText: (path) => tree[path],
    list: (path) => {
      const below = paths.filter((name) => name.startsWith(`${path}/`));
      return [...new Set(below.map((name) => name.slice(path.length + 1).split("/")[0] ?? ""))];
    },
    writable: (path) => (exists(path) ? !locked.includes(path) : undefined),
  };
}

const other = "23 1 254:0 / / rw,relatime shared:1 - ext4 /dev/root rw\n24 23 0:21 / /proc rw - proc proc rw\n";
const unified = (mount: string, root = "/") =>
  `38 31 0:35 ${root} ${mount} rw,relatime shared:9 - cgroup2 cgroup2 rw,nsdelegate\n`;
const v1 = (mount: string, options: string, root = "/") =>
  `32 31 0:29 ${root} ${mount} rw - cgroup cgroup rw,${options}\n`;

const V2_TREE: Tree = {
  "/proc/self/mountinfo": other + unified("/sys/fs/cgroup"),
  "/proc/self/cgroup": "0::/user.slice/session-1.scope\n",
  "/sys/fs/cgroup/cgroup.controllers": "cpuset cpu io memory pids\n",
  "/sys/fs/cgroup/cgroup.subtree_control": "memory\n",
  "/sys/fs/cgroup/cgroup.procs": "1\n",
  "/sys/fs/cgroup/cpuset.cpus.effective": "0-1\n",
  "/sys/fs/cgroup/cpuset.mems.effective": "0\n",
  "/sys/fs/cgroup/user.slice/cgroup.controllers": "memory\n",
  "/sys/fs/cgroup/user.slice/cgroup.type": "domain\n",
  "/sys/fs/cgroup/user.slice/cgroup.procs": "",
  "/sys/fs/cgroup/user.slice/io.weight": "default 100\n",
  "/sys/fs/cgroup/user.slice/session-1.scope/cgroup.type": "domain\n",
  "/sys/fs/cgroup/user.slice/session-1.scope/cgroup.procs": "77\n",
};

describe("readCgroupLayout", () => {
  test("a host without control groups has none", () => {
    expect(readCgroupLayout(reader({ "/proc/self/mountinfo": other }))).toEqual({ mode: "none", v1: {} });
    expect(readCgroupLayout(reader({}))).toEqual({ mode: "none", v1: {} });
  });

  test("v2: controllers, and the groups from the own one up to the mount point", () => {
    const layout = readCgroupLayout(reader(V2_TREE, ["/sys/fs/cgroup/user.slice/cgroup.procs"]));
    expect([layout.mode, layout.unified?.mount, layout.unified?.own]).toEqual([
      "v2",
      "/sys/fs/cgroup",
      "/user.slice/session-1.scope",
    ]);
    expect(layout.unified?.controllers).toEqual(["cpuset", "cpu", "io", "memory", "pids"]);
    const groups = layout.unified?.groups?.map((g) => [
      g.path,
      g.controllers.length,
      g.enabled,
      g.occupied,
      g.writable,
    ]);
    expect(groups).toEqual([
      ["/user.slice/session-1.scope", 0, [], true, true],
      ["/user.slice", 1, [], false, false],
      ["/", 5, ["memory"], false, true],
    ]);
    expect(layout.unified?.available).toEqual({ cpus: "0-1", mems: "0" });
    expect(layout.unified?.files).toContain("io.weight");
  });

  test("v1: controllers that are mounted together, named hierarchies, options that are no controllers", () => {
    const layout = readCgroupLayout(
      reader({
        "/proc/self/mountinfo":
          other +
          v1("/sys/fs/cgroup/cpu,cpuacct", "cpu,cpuacct") +
          v1("/sys/fs/cgroup/systemd", "xattr,release_agent=/x,name=systemd"),
        "/proc/self/cgroup": "2:cpu,cpuacct:/a\n1:name=systemd:/init\n",
      }),
    );
    const own = Object.entries(layout.v1).map(([name, { mount, own }]) => `${name} ${mount} ${own}`);
    expect(own).toEqual([
      "cpu /sys/fs/cgroup/cpu,cpuacct /a",
      "cpuacct /sys/fs/cgroup/cpu,cpuacct /a",
      "name=systemd /sys/fs/cgroup/systemd /init",
    ]);
    expect([layout.mode, layout.unified]).toEqual(["v1", undefined]);
  });

  test("hybrid: v1 controllers with a unified hierarchy beside them", () => {
    const tree = {
      "/proc/self/mountinfo": v1("/sys/fs/cgroup/memory", "memory") + unified("/sys/fs/cgroup/unified"),
      "/proc/self/cgroup": "4:memory:/m\n0::/\n",
      "/sys/fs/cgroup/unified/cgroup.controllers": "\n",
    };
    const layout = readCgroupLayout(reader(tree));
    expect([layout.mode, layout.unified?.controllers, layout.v1["memory"]?.own]).toEqual(["hybrid", [], "/m"]);
  });

  test("a unified hierarchy beside name=systemd alone is v2", () => {
    const tree = { "/proc/self/mountinfo": v1("/s", "name=systemd") + unified("/sys/fs/cgroup") };
    expect(readCgroupLayout(reader(tree)).mode).toBe("v2");
    expect(readCgroupLayout(reader({ "/proc/self/mountinfo": v1("/s", "name=systemd") })).mode).toBe("none");
  });

  test("in a container the mount point is the container's group", () => {
    const tree = {
      "/proc/self/mountinfo": v1("/sys/fs/cgroup/memory", "memory", "/docker/abc"),
      "/proc/self/cgroup": "4:memory:/docker/abc/job\n",
    };
    expect(readCgroupLayout(reader(tree)).v1["memory"]?.own).toBe("/job");
  });

  test("a shared folder that root has handed over is enough on v1", () => {
    const tree = {
      "/proc/self/mountinfo": v1("/m", "memory") + v1("/p", "pids"),
      "/m/sampan/tasks": "",
      "/m/tasks": "",
      "/p/tasks": "",
      "/m/cpuset.cpus": "",
    };
    const layout = readCgroupLayout(reader(tree, ["/m", "/p"]));
    expect([layout.v1["memory"]?.writable, layout.v1["pids"]?.writable]).toEqual([true, false]);
    expect(layout.v1["memory"]?.files).toContain("tasks");
  });
});

describe("the parts", () => {
  test("mount points with spaces are unescaped, and no newline is needed at the end", () => {
    const [mount] = parseCgroupMounts("38 31 0:35 / /my\\040groups rw - cgroup2 none rw");
    expect(mount?.mount).toBe("/my groups");
  });

  test("a group outside of the mount becomes the mount point", () => {
    const below = (root: string, own: string | undefined) => ownBelow(root, own);
    expect([
      below("/", "/a"),
      below("/a", "/a"),
      below("/a", "/ab"),
      below("/", "/../x"),
      below("/", undefined),
    ]).toEqual(["/a", "/", "/", "/", "/"]);
  });

  test("this machine's layout can be read", () => {
    const layout = readCgroupLayout();
    expect(["none", "v1", "v2", "hybrid"]).toContain(layout.mode);
  });
});
