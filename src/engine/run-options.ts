/** What a user can ask of `run`, in the library's words; the command line is a table over these. */

import type { RlimitName } from "../kernel/index.ts";
import type { NamespaceType, Resources } from "../oci/index.ts";

/** One rung of the ladder; any subset is a legal run. */
export const ISOLATIONS = [
  "uts",
  "pid",
  "mount",
  "ipc",
  "net",
  "user",
  "cgroup",
  "time",
  "root",
  "limits",
  "caps",
] as const;
export type Isolation = (typeof ISOLATIONS)[number];

export type NamespaceMode = "host" | "none" | "private";

export interface MountOption {
  readonly type: "bind" | "tmpfs";
  /** Absolute host path; bind only. */
  readonly source?: string;
  /** Absolute path in the container. */
  readonly target: string;
  readonly readOnly?: boolean;
  /** Read-only with everything mounted below it (`ro=recursive`, Linux 5.12); otherwise only the top mount. */
  readonly recursiveReadOnly?: boolean;
  readonly propagation?: "private" | "rprivate" | "shared" | "rshared" | "slave" | "rslave";
  /** Bind without the mounts below the source. */
  readonly nonRecursive?: boolean;
  /** Make the source folder when it is missing (`-v` does, `--mount` does not). */
  readonly createSource?: boolean;
  /** tmpfs only. */
  readonly sizeBytes?: number;
  readonly mode?: number;
  /** Further mount(8) options: noexec, nosuid, nodev, … */
  readonly options?: readonly string[];
}

export interface DeviceOption {
  readonly source: string;
  readonly target: string;
  /** Some of `rwm`. */
  readonly access: string;
}

export interface UlimitOption {
  readonly name: RlimitName;
  readonly soft: bigint;
  readonly hard: bigint;
}

export interface CopyOption {
  /** Absolute host path of a regular file. */
  readonly source: string;
  /** Absolute path in the container. */
  readonly target: string;
}

export interface IdMapOption {
  readonly container: number;
  readonly host: number;
  readonly size: number;
}

/** A device throttle whose device is still a path (`/dev/sda`). */
export interface DeviceRate {
  readonly device: string;
  /** Bytes or operations per second. */
  readonly rate: number;
}

export interface BlockIoOption {
  readonly weight?: number;
  readonly weightDevice?: readonly { readonly device: string; readonly weight: number }[];
  readonly readBps?: readonly DeviceRate[];
  readonly writeBps?: readonly DeviceRate[];
  readonly readIops?: readonly DeviceRate[];
  readonly writeIops?: readonly DeviceRate[];
}

/** Everything but `source` is optional; `undefined` is the same as absent. */
export interface RunOptions {
  /** `host`, `scratch`, a folder, or an archive. */
  readonly source: string;
  readonly command?: readonly string[];
  /** Replaces the image's entry point; `[""]` clears it. */
  readonly entrypoint?: readonly string[];
  readonly interactive?: boolean;
  readonly terminal?: boolean;
  readonly name?: string;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly workdir?: string;
  /** In order, later ones win: `NAME=value`; a bare `NAME` has been resolved by the caller. */
  readonly env?: readonly string[];
  /** `name|uid[:group|gid]`. */
  readonly user?: string;
  readonly groupAdd?: readonly string[];
  readonly mounts?: readonly MountOption[];
  readonly copies?: readonly CopyOption[];
  /** Use a folder itself instead of a copy-on-write layer over it. */
  readonly inPlace?: boolean;
  /** Bytes for the copy-on-write layer, which lies in memory; default half of the memory (tmpfs(5)). */
  readonly layerSizeBytes?: number;
  readonly readOnly?: boolean;
  readonly devices?: readonly DeviceOption[];
  /** With or without `CAP_`, any case; `ALL`. */
  readonly capAdd?: readonly string[];
  readonly capDrop?: readonly string[];
  readonly privileged?: boolean;
  readonly noNewPrivileges?: boolean;
  readonly sysctls?: Readonly<Record<string, string>>;
  readonly ulimits?: readonly UlimitOption[];
  readonly shmSizeBytes?: number;
  readonly init?: boolean;
  readonly namespaces?: Readonly<Partial<Record<Exclude<NamespaceType, "mount" | "time">, NamespaceMode>>>;
  /** Seconds added to the monotonic and boot-time clocks. */
  readonly timeOffsetSeconds?: Readonly<Partial<Record<"monotonic" | "boottime", number>>>;
  readonly uidMap?: readonly IdMapOption[];
  readonly gidMap?: readonly IdMapOption[];
  readonly stopSignal?: number;
  readonly pidFile?: string;
  readonly cidFile?: string;
  readonly resources?: Omit<Resources, "blockIO" | "devices">;
  readonly blockIo?: BlockIoOption;
  readonly oomScoreAdj?: number;
  /** Exactly these isolations; absent means all but `user` and `time`, and `user` too for an ordinary user. */
  readonly isolate?: readonly Isolation[];
  readonly remove?: boolean;
}
