/** What a container finds mounted (config-linux.md, "Default Filesystems"; values as Docker's). */
import { existsSync } from "node:fs";
import type { Mount } from "../oci/index.ts";
import type { CgroupLayout, CgroupPlan } from "../plan/index.ts";
import type { IdMaps } from "./id-maps.ts";
import { isMapped } from "./id-maps.ts";
import type { IsolationSet } from "./isolation.ts";

export interface MountFacts {
  readonly set: IsolationSet;
  readonly rootless: boolean;
  readonly idMaps: IdMaps | undefined;
  readonly shmSizeBytes: number;
  readonly privileged: boolean;
  readonly cgroups: { readonly layout: CgroupLayout; readonly plan: CgroupPlan } | undefined;
}

const TTY_GROUP = 5;
const DEFAULT_SHM_SIZE = 64 << 20;

export { DEFAULT_SHM_SIZE };

function bindHost(path: string, options: readonly string[]): Mount {
  return { destination: path, type: "bind", source: path, options: ["rbind", ...options] };
}

/** proc shows the PID namespace it is mounted in; without an own one it is the host's. */
function proc({ set }: MountFacts): Mount {
  if (set.has("user") && !set.has("pid")) return bindHost("/proc", ["rprivate"]);
  return { destination: "/proc", type: "proc", source: "proc", options: ["nosuid", "noexec", "nodev"] };
}

/** A user namespace may mount sysfs only with a network namespace of its own (sysfs(5)). */
function sys({ set, privileged }: MountFacts): Mount {
  const own = set.has("net") || !set.has("user");
  const ro = privileged ? [] : ["ro"];
  if (!own) return bindHost("/sys", ["rprivate", ...(privileged ? [] : ["rro"])]);
  return { destination: "/sys", type: "sysfs", source: "sysfs", options: ["nosuid", "noexec", "nodev", ...ro] };
}

function devpts({ idMaps }: MountFacts): Mount {
  const gid = idMaps === undefined || isMapped(idMaps.gidMappings, TTY_GROUP) ? [`gid=${TTY_GROUP}`] : [];
  const options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", ...gid];
  return { destination: "/dev/pts", type: "devpts", source: "devpts", options };
}

/** Shared memory and message queues belong to the IPC namespace: with the host's, they are the host's. */
function ipc({ set, shmSizeBytes }: MountFacts): Mount[] {
  if (!set.has("ipc"))
    return ["/dev/shm", "/dev/mqueue"].filter(existsSync).map((path) => bindHost(path, ["rprivate"]));
  const flags = ["nosuid", "noexec", "nodev"];
  return [
    { destination: "/dev/shm", type: "tmpfs", source: "shm", options: [...flags, "mode=1777", `size=${shmSizeBytes}`] },
    { destination: "/dev/mqueue", type: "mqueue", source: "mqueue", options: flags },
  ];
}

/** v1: a folder per hierarchy that the container has a group in; v2: the one hierarchy. */
function cgroup({ cgroups, set, privileged, rootless }: MountFacts): Mount[] {
  if (cgroups === undefined || !set.has("cgroup") || rootless) return [];
  const flags = ["nosuid", "noexec", "nodev", ...(privileged ? [] : ["ro"])];
  if (cgroups.layout.mode === "v2") {
    return [{ destination: "/sys/fs/cgroup", type: "cgroup2", source: "cgroup", options: flags }];
  }
  const { v1 } = cgroups.layout;
  const joined = Object.entries(v1).filter(([, { mount }]) =>
    cgroups.plan.join.some((file) => file.startsWith(`${mount}/`)),
  );
  const mounts = [
    ...new Map(joined.map(([, { mount }]) => [mount, joined.filter(([, h]) => h.mount === mount).map(([n]) => n)])),
  ];
  if (mounts.length === 0) return [];
  return [
    {
      destination: "/sys/fs/cgroup",
      type: "tmpfs",
      source: "tmpfs",
      options: ["nosuid", "noexec", "nodev", "mode=755"],
    },
    ...mounts.map(([mount, names]) => ({
      destination: `/sys/fs/cgroup/${mount.split("/").at(-1)}`,
      type: "cgroup",
      source: "cgroup",
      options: [...flags, ...names],
    })),
  ];
}

export function defaultMounts(facts: MountFacts): Mount[] {
  const dev = ["nosuid", "strictatime", "mode=755", "size=65536k"];
  return [
    proc(facts),
    { destination: "/dev", type: "tmpfs", source: "tmpfs", options: dev },
    devpts(facts),
    ...ipc(facts),
    sys(facts),
    ...cgroup(facts),
  ];
}

/** What tells about the host or lets the container change it: moby `oci/defaults.go`. */
export const MASKED_PATHS: readonly string[] = [
  "/proc/acpi",
  "/proc/asound",
  "/proc/interrupts",
  "/proc/kcore",
  "/proc/keys",
  "/proc/latency_stats",
  "/proc/timer_list",
  "/proc/timer_stats",
  "/proc/sched_debug",
  "/proc/scsi",
  "/sys/firmware",
  "/sys/devices/virtual/powercap",
];

export const READONLY_PATHS: readonly string[] = [
  "/proc/bus",
  "/proc/fs",
  "/proc/irq",
  "/proc/sys",
  "/proc/sysrq-trigger",
];
