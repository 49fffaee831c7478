/** What a plan is made from, besides the OCI configuration and the facts about the host. Pure data. */
import type { NamespaceType, Spec } from "../oci/index.ts";
import type { Reporter } from "../program/index.ts";
import type { CgroupPlan } from "./cgroup-plan.ts";

export interface PlanInput {
  readonly id: string;
  readonly spec: Spec;
  readonly rootfs: RootfsPlan;
  /** Regular files copied into the root file system before anything is mounted there. */
  readonly copies: readonly FileCopy[];
  /** What the sources of bind mounts are; a directory and a file need different targets. */
  readonly bindSources: Readonly<Record<string, "directory" | "file">>;
  /** Where the host has a device that the container has at another path, by that path. */
  readonly deviceSources?: Readonly<Record<string, string>>;
  /** The user's terminal is relayed to a pty (`-t`); otherwise descriptors 0 to 2 are inherited. */
  readonly terminal: boolean;
  /** Standard input is the user's terminal, lent to the container as it is: its settings are restored at the end. */
  readonly lendsTerminal?: boolean;
  /** Standard input is connected (`-i`); otherwise it is /dev/null. */
  readonly input: boolean;
  /** PID 1 is Sampan's own init, and the command its child (`--init`). */
  readonly init: boolean;
  /** What the command gets when the executor is asked to end by SIGTERM; absent means SIGTERM. */
  readonly stopSignal?: number;
  readonly cgroups?: CgroupPlan;
  readonly record?: RecordPlan;
  readonly pidFile?: string;
  readonly cidFile?: string;
  /** How a user namespace gets its maps: written directly, or by the set-uid helpers of shadow-utils. */
  readonly idMapper?: IdMapper;
  readonly reporter?: Reporter;
  /** Read the accounting files at the end, for a report. */
  readonly accounting: boolean;
  /**
   * Device nodes can be opened only where this plan has put them: the root and /dev get `nodev`. It takes the place of
   * the devices controller, which costs milliseconds, and holds against nodes that came with an image too.
   */
  readonly plannedDevicesOnly?: boolean;
}

export type IdMapper =
  | { readonly kind: "direct"; readonly denySetgroups: boolean }
  | { readonly kind: "helpers"; readonly newuidmap: string; readonly newgidmap: string };

/** Whether setgroups(2) is given up for the map (user_namespaces(7)). */
export function deniesSetgroups(mapper: IdMapper | undefined): boolean {
  return mapper?.kind === "direct" && mapper.denySetgroups;
}

/** How the root file system comes about; `none` shares the host's. */
export type RootfsPlan =
  | { readonly kind: "none" }
  | {
      readonly kind: "overlay";
      /** Folders, topmost first. */
      readonly lower: readonly string[];
      readonly layerSizeBytes?: number;
      /** What else is mounted below the (only) folder, parents first: an overlay shows one file system, not those on it. */
      readonly submounts?: readonly Submount[];
      /** Show the folders' owners through the container's id maps (idmapped mounts, Linux 5.12; needs root). */
      readonly idmapped?: boolean;
    }
  | { readonly kind: "bind"; readonly path: string; readonly idmapped?: boolean }
  | { readonly kind: "empty"; readonly layerSizeBytes?: number }
  | { readonly kind: "assembled"; readonly entries: readonly RootEntry[]; readonly layerSizeBytes?: number };

/** A mount of the host that belongs to its files: copied on write where overlayfs can, otherwise read-only. */
export interface Submount {
  readonly path: string;
  readonly kind: "overlay" | "bind";
}

/** One entry of an assembled root: a user namespace may not overlay `/` itself, but the folders in it. */
export type RootEntry =
  | { readonly kind: "overlay" | "bind"; readonly name: string; readonly source: string }
  | { readonly kind: "directory"; readonly name: string; readonly mode: number }
  | { readonly kind: "symlink"; readonly name: string; readonly target: string };

export interface FileCopy {
  readonly source: string;
  readonly target: string;
  /** Permission bits. */
  readonly mode: number;
}

/** The record of a running container, see runtime/. Made by the program, removed by its janitor. */
export interface RecordPlan {
  /** Folder of this container; its parent exists. */
  readonly directory: string;
  /** The name's symbolic link, and what it points to: who holds the name. */
  readonly nameLink: string;
  readonly nameOwner: string;
  /** JSON; the container's process id is in a file of its own, once there is one. */
  readonly text: string;
}

export function hasNamespace(spec: Spec, type: NamespaceType): boolean {
  return spec.linux.namespaces.some((namespace) => namespace.type === type);
}
