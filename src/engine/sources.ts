/** What a user means by SOURCE: this machine, a folder, an archive, or nothing at all. */
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { SampanError } from "../errors/index.ts";
import type { RootEntry, RootfsPlan, Submount } from "../plan/index.ts";
import { statOfHost } from "./host-files.ts";
import type { IsolationSet } from "./isolation.ts";
import type { RunOptions } from "./run-options.ts";

export interface Source {
  readonly rootfs: RootfsPlan;
  /** Host folders in which the files of the root file system are found, topmost first. */
  readonly roots: readonly string[];
  readonly image?: ImageDefaults;
  /** What the user should know about the source, a sentence each. */
  readonly notes?: readonly string[];
}

/** What an image says about how it is to be run (image-spec, config.md). */
export interface ImageDefaults {
  readonly env: readonly string[];
  readonly entrypoint: readonly string[];
  readonly command: readonly string[];
  readonly workdir?: string;
  readonly user?: string;
  /** As in the image's configuration: a name or a number. */
  readonly stopSignal?: string;
}

/** Folders of the host that every container has of its own. */
const OWN_FOLDERS: ReadonlySet<string> = new Set(["proc", "sys", "dev", "run", "tmp"]);

interface MountEntry {
  readonly path: string;
  readonly filesystem: string;
}

/** proc(5), /proc/pid/mountinfo: fields are separated by spaces, which within them are octal escapes. */
function hostMounts(): MountEntry[] {
  const lines = readFileSync("/proc/self/mountinfo", "utf8")
    .split("\n")
    .filter((line) => line !== "");
  return lines.map((line) => {
    const path = (line.split(" ")[4] ?? "").replace(/\\([0-7]{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    );
    return { path, filesystem: line.slice(line.indexOf(" - ") + 3).split(" ")[0] ?? "" };
  });
}

/** File systems whose files can lie below a copy-on-write layer; others (vfat, FUSE, 9p …) come read-only. */
const LAYERABLE: ReadonlySet<string> = new Set([
  "ext2",
  "ext3",
  "ext4",
  "xfs",
  "btrfs",
  "f2fs",
  "zfs",
  "tmpfs",
  "squashfs",
  "erofs",
  "iso9660",
  "nfs",
  "nfs4",
]);

/** What belongs to the kernel and not to the machine's files. */
const KERNEL_FILESYSTEMS: ReadonlySet<string> = new Set([
  "proc",
  "sysfs",
  "devtmpfs",
  "devpts",
  "cgroup",
  "cgroup2",
  "mqueue",
  "debugfs",
  "tracefs",
  "securityfs",
  "pstore",
  "bpf",
  "autofs",
  "binfmt_misc",
  "configfs",
  "fusectl",
  "hugetlbfs",
  "rpc_pipefs",
  "efivarfs",
  "nsfs",
  "ramfs",
  "selinuxfs",
]);

/** The machine's other file systems: /home, /boot and so on, where they are mounts of their own. */
function submounts(set: IsolationSet): Submount[] {
  const wanted = hostMounts().filter(({ path, filesystem }) => {
    const first = path.split("/")[1] ?? "";
    return first !== "" && !OWN_FOLDERS.has(first) && !KERNEL_FILESYSTEMS.has(filesystem);
  });
  // The same place twice: the later mount lies on top.
  const byPath = new Map(wanted.map((mount) => [mount.path, mount]));
  const there = [...byPath.values()].filter(({ path }) => statSync(path, { throwIfNoEntry: false })?.isDirectory());
  return there
    .sort((a, b) => a.path.length - b.path.length)
    .map(({ path, filesystem }) => ({
      path,
      kind: LAYERABLE.has(filesystem) && !set.has("user") ? "overlay" : "bind",
    }));
}

/** A user namespace may not take apart what the host has mounted below a folder: such a folder comes read-only. */
function entryKind(path: string, mounted: readonly string[]): "overlay" | "bind" {
  return mounted.some((point) => point === path || point.startsWith(`${path}/`)) ? "bind" : "overlay";
}

function hostEntries(): RootEntry[] {
  const mounted = hostMounts().map(({ path }) => path);
  return readdirSync("/").flatMap((name): RootEntry[] => {
    const path = join("/", name);
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) return [{ kind: "symlink", name, target: readlinkSync(path) }];
    if (!stat?.isDirectory()) return [];
    if (OWN_FOLDERS.has(name)) return [{ kind: "directory", name, mode: stat.mode & 0o7777 }];
    return [{ kind: entryKind(path, mounted), name, source: path }];
  });
}

function layerSize(options: RunOptions): { layerSizeBytes?: number } {
  return options.layerSizeBytes === undefined ? {} : { layerSizeBytes: options.layerSizeBytes };
}

function hostSource(options: RunOptions, set: IsolationSet, uid: number): Source {
  if (options.inPlace) {
    throw new SampanError("USAGE", "--in-place is not for the source host: it would be no container's root any more", {
      hint: "Leave out root from --isolate to share the machine's files.",
    });
  }
  if (uid === 0) {
    const layers = { lower: ["/"], submounts: submounts(set), idmapped: set.has("user") };
    return { rootfs: { kind: "overlay", ...layers, ...layerSize(options) }, roots: ["/"] };
  }
  return { rootfs: { kind: "assembled", entries: hostEntries(), ...layerSize(options) }, roots: ["/"] };
}

/** An OCI layout holds layers, not files to run. */
function refuseLayout(folder: string): void {
  if (!existsSync(join(folder, "oci-layout")) || !existsSync(join(folder, "index.json"))) return;
  throw new SampanError("SOURCE_NOT_RECOGNISED", `${folder} is an OCI image layout, not a root file system`, {
    object: folder,
    hint: `Make an archive of it: tar -cf image.tar -C ${folder} .`,
  });
}

function folderSource(path: string, options: RunOptions, set: IsolationSet, uid: number): Source {
  const real = realpathSync(path);
  refuseLayout(real);
  const idmapped = set.has("user") && uid === 0;
  if (options.inPlace) return { rootfs: { kind: "bind", path: real, idmapped }, roots: [real] };
  return { rootfs: { kind: "overlay", lower: [real], idmapped, ...layerSize(options) }, roots: [real] };
}

function notFound(source: string, cause?: unknown): SampanError {
  return new SampanError("SOURCE_NOT_FOUND", `there is no source ${JSON.stringify(source)}`, {
    object: source,
    hint: "A source is host, scratch, a folder, or a tar archive; names of images come with the image store.",
    cause,
  });
}

export interface OpenedArchive {
  readonly rootfs: string;
  readonly image: ImageDefaults;
  readonly notes: readonly string[];
}

/** Unpacks an archive, or finds it unpacked: injected, since it needs an executor and a place to keep the result. */
export type ArchiveOpener = (path: string) => Promise<OpenedArchive>;

/**
 * @throws SampanError SOURCE_NOT_FOUND, SOURCE_NOT_RECOGNISED, and what opening an archive throws
 */
export async function openSource(
  options: RunOptions,
  set: IsolationSet,
  uid: number,
  openArchive: ArchiveOpener,
): Promise<Source> {
  const { source } = options;
  if (!set.has("root")) {
    if (source === "host") return { rootfs: { kind: "none" }, roots: ["/"] };
    throw new SampanError(
      "USAGE",
      `the source ${JSON.stringify(source)} needs the isolation "root", which --isolate leaves out`,
      {
        object: source,
        hint: "Without it the command runs on the files of this machine: add root to --isolate, or say host.",
      },
    );
  }
  if (source === "host") return hostSource(options, set, uid);
  if (source === "scratch") return { rootfs: { kind: "empty", ...layerSize(options) }, roots: [] };
  const stat = statOfHost(source, "SOURCE_NOT_FOUND");
  if (stat === undefined) throw notFound(source);
  if (stat.isDirectory()) return folderSource(source, options, set, uid);
  if (!stat.isFile()) {
    throw new SampanError("SOURCE_NOT_RECOGNISED", `${source} is neither a folder nor a file`, { object: source });
  }
  if (options.inPlace) {
    throw new SampanError("USAGE", "--in-place takes a folder, and this is an archive", { object: source });
  }
  const { rootfs, image, notes } = await openArchive(source);
  return { ...folderSource(rootfs, options, set, uid), image, notes };
}
