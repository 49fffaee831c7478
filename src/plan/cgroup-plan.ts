/** The control groups of one container as data: what to make, write, join, read and remove. */
export interface CgroupPlan {
  /** Folders to make, parents first; those that may exist already (shared parents) say so. */
  readonly directories: readonly { readonly path: string; readonly shared: boolean }[];
  /** Files to write before a process joins, in order. */
  readonly writes: readonly CgroupWrite[];
  /** `tasks` files of v1 hierarchies: the container writes 0 there and is in. */
  readonly join: readonly string[];
  /** Folder on the unified hierarchy; the container is born into it (CLONE_INTO_CGROUP). */
  readonly unified?: string;
  /** The cgroup.procs file that lists every process of the container. */
  readonly procs?: string;
  /** `cgroup.kill` file (Linux 5.14), when there is a unified hierarchy. */
  readonly kill?: string;
  /** Folders to remove at the end, children first; never the shared parents. */
  readonly remove: readonly string[];
  /** Files to read when the container has ended, before the folders are removed. */
  readonly accounting: readonly { readonly name: string; readonly path: string; readonly size: number }[];
}

export interface CgroupWrite {
  readonly path: string;
  readonly value: string;
  /** For people: what the write does, and the option it comes from. */
  readonly why: string;
  readonly option?: string;
}
