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
}

export interface UnifiedHierarchy extends Hierarchy {
  /** Controllers available at its root (cgroup.controllers), e.g. `["cpu", "memory"]`. */
  readonly controllers: readonly string[];
}
