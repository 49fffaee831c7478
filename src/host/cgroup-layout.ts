/**
 * Where this host's control groups are. On the start path: two small files of /proc and one of the hierarchy are read at
 * once, everything else when a plan looks at it.
 */
import { accessSync, constants, existsSync, readdirSync, readFileSync } from "node:fs";
import {
  type CgroupLayout,
  type CpusetFacts,
  type Hierarchy,
  SHARED_GROUP,
  type UnifiedGroup,
  type UnifiedHierarchy,
} from "../plan/index.ts";

/** How the layout is read: tests give a tree of their own. */
export interface CgroupReader {
  /** The whole text, or undefined when there is no such file or it may not be read. */
  readText(path: string): string | undefined;
  /** Names in a folder; none when there is no such folder. */
  list(path: string): readonly string[];
  /** Whether it exists and this process may write there; undefined when it does not exist. */
  writable(path: string): boolean | undefined;
}

export const systemReader: CgroupReader = {
  readText(path) {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return undefined;
    }
  },
  list(path) {
    try {
      return readdirSync(path);
    } catch {
      return [];
    }
  },
  writable(path) {
    if (!existsSync(path)) return undefined;
    try {
      accessSync(path, constants.W_OK);
      return true;
    } catch {
      return false;
    }
  },
};

interface CgroupMount {
  readonly mount: string;
  /** Which group of the hierarchy is at the mount point: not `/` within a container without a cgroup namespace. */
  readonly root: string;
  /** Controllers of a v1 hierarchy, named ones as `name=…`; undefined for cgroup2. */
  readonly controllers: readonly string[] | undefined;
}

/** Options of a v1 mount that name no controller (cgroup(7), mount options); release_agent is one as well. */
const PLAIN_OPTIONS = " rw ro none xattr noprefix clone_children cpuset_v2_mode ";

function unescapePath(path: string): string {
  if (!path.includes("\\")) return path;
  return path.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function controllersOf(options: string): readonly string[] {
  const controllers: string[] = [];
  for (const option of options.split(",")) {
    if (!PLAIN_OPTIONS.includes(` ${option} `) && !option.startsWith("release_agent=")) controllers.push(option);
  }
  return controllers;
}

/**
 * proc_pid_mountinfo(5): `36 35 98:0 /root /mount rw,… shared:1 - type source options`; spaces in paths are octal. Taken
 * apart by searching: the code runs once, before anything is compiled, and patterns cost several times as much then.
 */
function parseMount(line: string, separator: number): CgroupMount {
  const device = line.indexOf(" ", line.indexOf(" ") + 1) + 1;
  const root = line.indexOf(" ", device) + 1;
  const mount = line.indexOf(" ", root) + 1;
  const type = separator + 3;
  return {
    mount: unescapePath(line.slice(mount, line.indexOf(" ", mount))),
    root: unescapePath(line.slice(root, mount - 1)),
    controllers: line.startsWith("cgroup2 ", type) ? undefined : controllersOf(line.slice(line.lastIndexOf(" ") + 1)),
  };
}

/** Only the lines of control groups are taken apart: a host may have thousands of others. */
export function parseCgroupMounts(mountinfo: string): readonly CgroupMount[] {
  const mounts: CgroupMount[] = [];
  let at = mountinfo.indexOf(" - cgroup");
  while (at !== -1) {
    const start = mountinfo.lastIndexOf("\n", at) + 1;
    const newline = mountinfo.indexOf("\n", at);
    const end = newline === -1 ? mountinfo.length : newline;
    mounts.push(parseMount(mountinfo.slice(start, end), at - start));
    at = mountinfo.indexOf(" - cgroup", end);
  }
  return mounts;
}

/** cgroups(7), /proc/[pid]/cgroup: `4:memory:/path` per v1 hierarchy, `0::/path` for the unified one. */
export function parseOwnGroups(text: string): ReadonlyMap<string, string> {
  const groups = new Map<string, string>();
  for (const line of text.split("\n")) {
    const first = line.indexOf(":");
    const second = line.indexOf(":", first + 1);
    if (second === -1) continue;
    const path = line.slice(second + 1);
    for (const name of line.slice(first + 1, second).split(",")) groups.set(name, path);
  }
  return groups;
}

/**
 * The own group below a mount point. A group outside of what is mounted (`/../x` in a cgroup namespace, or another branch)
 * cannot be named here: the mount point is then the nearest thing to it.
 */
export function ownBelow(root: string, group: string | undefined): string {
  if (group === undefined || group.startsWith("/..")) return "/";
  if (root === "/") return group;
  if (group === root || !group.startsWith(`${root}/`)) return "/";
  return group.slice(root.length);
}

function directoryOf(mount: string, group: string): string {
  return group === "/" ? mount : mount + group;
}

/** Of a file with one line, such as cgroup.controllers. */
function words(text: string | undefined): readonly string[] {
  const trimmed = text?.trim() ?? "";
  return trimmed === "" ? [] : trimmed.split(" ");
}

/** The folder that containers share may belong to a user to whom its parent does not. */
function mayMakeGroups(reader: CgroupReader, directory: string): boolean {
  return reader.writable(`${directory}/${SHARED_GROUP}`) ?? reader.writable(directory) ?? false;
}

function readCpuset(reader: CgroupReader, directory: string): CpusetFacts | undefined {
  const read = (...names: string[]) => {
    for (const name of names) {
      const text = reader.readText(`${directory}/${name}`)?.trim();
      if (text) return text;
    }
    return undefined;
  };
  const cpus = read("cpuset.cpus.effective", "cpuset.cpus", "cpuset.effective_cpus");
  const mems = read("cpuset.mems.effective", "cpuset.mems", "cpuset.effective_mems");
  return cpus && mems ? { cpus, mems } : undefined;
}

/** A v1 hierarchy, with facts that are read when they are looked at. */
class LazyHierarchy implements Hierarchy {
  readonly mount: string;
  readonly own: string;
  readonly #reader: CgroupReader;
  #files: readonly string[] | undefined;

  constructor(reader: CgroupReader, mount: string, own: string) {
    this.#reader = reader;
    this.mount = mount;
    this.own = own;
  }

  get #directory(): string {
    return directoryOf(this.mount, this.own);
  }

  get writable(): boolean {
    return mayMakeGroups(this.#reader, this.#directory);
  }

  get files(): readonly string[] {
    this.#files ??= this.#reader.list(this.#directory);
    return this.#files;
  }

  get available(): CpusetFacts | undefined {
    return readCpuset(this.#reader, this.#directory);
  }
}

class LazyGroup implements UnifiedGroup {
  readonly path: string;
  readonly #directory: string;
  readonly #reader: CgroupReader;

  constructor(reader: CgroupReader, mount: string, path: string) {
    this.#reader = reader;
    this.path = path;
    this.#directory = directoryOf(mount, path);
  }

  get controllers(): readonly string[] {
    return words(this.#reader.readText(`${this.#directory}/cgroup.controllers`));
  }

  get enabled(): readonly string[] {
    return words(this.#reader.readText(`${this.#directory}/cgroup.subtree_control`));
  }

  /** Only the kernel's root group has no cgroup.type; the root of a cgroup namespace has one, and its rules. */
  get occupied(): boolean {
    if (this.#reader.readText(`${this.#directory}/cgroup.type`) === undefined) return false;
    return (this.#reader.readText(`${this.#directory}/cgroup.procs`) ?? "") !== "";
  }

  /** To place a process, the common ancestor's cgroup.procs has to be writable too (cgroup-v2.rst, "Delegation"). */
  get writable(): boolean {
    return (
      this.#reader.writable(`${this.#directory}/cgroup.procs`) === true && mayMakeGroups(this.#reader, this.#directory)
    );
  }
}

class LazyUnified implements UnifiedHierarchy {
  readonly mount: string;
  readonly own: string;
  readonly controllers: readonly string[];
  readonly #reader: CgroupReader;

  constructor(reader: CgroupReader, mount: string, own: string) {
    this.#reader = reader;
    this.mount = mount;
    this.own = own;
    this.controllers = words(reader.readText(`${mount}/cgroup.controllers`));
  }

  /** The own group first, the mount point last. */
  get groups(): readonly UnifiedGroup[] {
    const paths: string[] = [];
    for (let path = this.own; path !== "/" && path !== ""; path = path.slice(0, path.lastIndexOf("/")))
      paths.push(path);
    return [...paths, "/"].map((path) => new LazyGroup(this.#reader, this.mount, path));
  }

  /** Many files lie in every group but the root: the root's children are looked at too. */
  get files(): readonly string[] {
    const top = this.#reader.list(this.mount);
    const children = top.filter((name) => this.#reader.list(`${this.mount}/${name}`).includes("cgroup.procs"));
    return [...new Set([...top, ...children.flatMap((name) => this.#reader.list(`${this.mount}/${name}`))])];
  }

  get available(): CpusetFacts | undefined {
    return readCpuset(this.#reader, this.mount);
  }
}

/** A named hierarchy (`name=systemd`) has no controller. */
function hasController(v1: CgroupLayout["v1"]): boolean {
  for (const name in v1) if (!name.startsWith("name=")) return true;
  return false;
}

/**
 * Reads the layout; a host without control groups has the mode `none`. Nothing is thrown: what cannot be read is absent.
 *
 * A unified hierarchy beside named v1 hierarchies alone (`name=systemd`) counts as v2, for it has all the controllers.
 */
export function readCgroupLayout(reader: CgroupReader = systemReader): CgroupLayout {
  const mounts = parseCgroupMounts(reader.readText("/proc/self/mountinfo") ?? "");
  if (mounts.length === 0) return { mode: "none", v1: {} };
  const own = parseOwnGroups(reader.readText("/proc/self/cgroup") ?? "");
  const v1: Record<string, Hierarchy> = {};
  let unified: UnifiedHierarchy | undefined;
  for (const { mount, root, controllers } of mounts) {
    if (controllers === undefined) unified ??= new LazyUnified(reader, mount, ownBelow(root, own.get("")));
    for (const name of controllers ?? []) v1[name] ??= new LazyHierarchy(reader, mount, ownBelow(root, own.get(name)));
  }
  const hasV1 = hasController(v1);
  if (unified === undefined) return { mode: hasV1 ? "v1" : "none", v1 };
  return { mode: hasV1 ? "hybrid" : "v2", v1, unified };
}
