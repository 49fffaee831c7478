/** What a plan has to know about this host: a value, read by `host/`, written by hand in tests. */
import type { Architecture } from "../program/index.ts";

export interface HostFacts {
  readonly architecture: Architecture;
  /** Release as numbers, e.g. [6, 18]. */
  readonly kernel: readonly [number, number];
  /** Effective ids of this process. */
  readonly uid: number;
  readonly gid: number;
  /** This process's effective capabilities and its bounding set, as 64-bit masks. */
  readonly capabilities: bigint;
  readonly bounding: bigint;
  /** The highest capability number the kernel knows (/proc/sys/kernel/cap_last_cap). */
  readonly lastCapability: number;
  readonly cgroups: CgroupLayout;
}

/**
 * Where control groups are: `v1` has controllers on v1 hierarchies alone; `v2` has the unified hierarchy alone;
 * `hybrid` has v1 controllers and a unified hierarchy beside them (with or without controllers of its own).
 */
export interface CgroupLayout {
  readonly mode: "none" | "v1" | "v2" | "hybrid";
  /** v1 hierarchies by controller name (`memory`, `cpu`, `name=systemd` …). */
  readonly v1: Readonly<Record<string, Hierarchy>>;
  readonly unified?: UnifiedHierarchy;
}

export interface Hierarchy {
  /** Mount point, e.g. `/sys/fs/cgroup/memory`. */
  readonly mount: string;
  /** This process's own group in it, an absolute path below the mount point, `/` for its root. */
  readonly own: string;
  /**
   * This process may make groups below its own: the mount is not read-only, and the folder belongs to this user.
   * Here and below: a fact that is absent stands in nobody's way.
   */
  readonly writable?: boolean | undefined;
  /** Names of the files there; some kernels lack some (`memory.memsw.*`, `blkio.weight`). */
  readonly files?: readonly string[] | undefined;
  /** CPUs and memory nodes that a group may be given (cpuset, or the unified hierarchy with it). */
  readonly available?: CpusetFacts | undefined;
}

export interface UnifiedHierarchy extends Hierarchy {
  /** Controllers available at its root (cgroup.controllers), e.g. `["cpu", "memory"]`. */
  readonly controllers: readonly string[];
  /** This process's own group and its ancestors, up to the mount point: where a group could be made. */
  readonly groups?: readonly UnifiedGroup[] | undefined;
}

/** A group of the unified hierarchy, as far as it matters for making groups in it. */
export interface UnifiedGroup {
  readonly path: string;
  /** Controllers that it may hand to its children (cgroup.controllers). */
  readonly controllers: readonly string[];
  /** Controllers that it hands to its children already (cgroup.subtree_control). */
  readonly enabled: readonly string[];
  /**
   * Processes live directly in it, and it is not the kernel's root group: no further controller can be enabled for its
   * children (cgroup-v2.rst, "No Internal Process Constraint").
   */
  readonly occupied: boolean;
  readonly writable: boolean;
}

/** Lists in the kernel's format, e.g. `0-3,8`. */
export interface CpusetFacts {
  readonly cpus: string;
  readonly mems: string;
}

/** All containers' groups are made in a folder of this name; it is shared, and never removed. */
export const SHARED_GROUP = "sampan";
