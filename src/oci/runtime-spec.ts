/** The OCI runtime configuration (runtime-spec 1.2, config.md and config-linux.md): the parts that plans understand. */

export interface Spec {
  readonly ociVersion: string;
  readonly process: Process;
  readonly root: Root;
  readonly hostname?: string;
  readonly domainname?: string;
  readonly mounts: readonly Mount[];
  readonly linux: Linux;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface Root {
  readonly path: string;
  readonly readonly?: boolean;
}

export interface Process {
  readonly terminal?: boolean;
  readonly user: User;
  readonly args: readonly string[];
  /** `NAME=value`. */
  readonly env: readonly string[];
  readonly cwd: string;
  readonly capabilities?: Capabilities;
  readonly rlimits?: readonly Rlimit[];
  readonly noNewPrivileges?: boolean;
  readonly oomScoreAdj?: number;
}

export interface User {
  readonly uid: number;
  readonly gid: number;
  /** An octal mask as a number, e.g. 0o022. */
  readonly umask?: number;
  readonly additionalGids?: readonly number[];
}

export interface Capabilities {
  readonly bounding: readonly string[];
  readonly effective: readonly string[];
  readonly permitted: readonly string[];
  readonly inheritable: readonly string[];
  readonly ambient: readonly string[];
}

/** `type` as in setrlimit(2): `RLIMIT_NOFILE`. Values in the kernel's units; RLIM_INFINITY is 2^64-1. */
export interface Rlimit {
  readonly type: string;
  readonly soft: bigint;
  readonly hard: bigint;
}

/** `options` as in mount(8) and the table of config.md. */
export interface Mount {
  readonly destination: string;
  readonly type?: string;
  readonly source?: string;
  readonly options?: readonly string[];
}

export type NamespaceType = "pid" | "network" | "mount" | "ipc" | "uts" | "user" | "cgroup" | "time";

export interface Namespace {
  readonly type: NamespaceType;
  readonly path?: string;
}

export interface IdMapping {
  readonly containerID: number;
  readonly hostID: number;
  readonly size: number;
}

export interface Device {
  readonly type: "c" | "b" | "u" | "p";
  readonly path: string;
  readonly major?: number;
  readonly minor?: number;
  /** Permission bits, e.g. 0o666. */
  readonly fileMode?: number;
  readonly uid?: number;
  readonly gid?: number;
}

export interface TimeOffset {
  readonly secs: number;
  readonly nanosecs?: number;
}

export interface Linux {
  readonly namespaces: readonly Namespace[];
  readonly uidMappings?: readonly IdMapping[];
  readonly gidMappings?: readonly IdMapping[];
  readonly devices?: readonly Device[];
  readonly cgroupsPath?: string;
  readonly resources?: Resources;
  readonly rootfsPropagation?: "shared" | "slave" | "private" | "unbindable";
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly sysctl?: Readonly<Record<string, string>>;
  readonly timeOffsets?: Readonly<Partial<Record<"monotonic" | "boottime", TimeOffset>>>;
}

export interface DeviceRule {
  readonly allow: boolean;
  readonly type?: "a" | "c" | "b";
  readonly major?: number;
  readonly minor?: number;
  readonly access?: string;
}

/** config-linux.md, "Control groups". Bytes, microseconds and counts as there. */
export interface Resources {
  readonly devices?: readonly DeviceRule[];
  readonly memory?: MemoryResources;
  readonly cpu?: CpuResources;
  readonly pids?: { readonly limit: number };
  readonly blockIO?: BlockIoResources;
}

export interface MemoryResources {
  readonly limit?: number;
  readonly reservation?: number;
  /** Memory and swap together, as on v1; -1 is unlimited. */
  readonly swap?: number;
}

export interface CpuResources {
  /** v1 shares, 2 to 262144. */
  readonly shares?: number;
  /** Microseconds in each period. */
  readonly quota?: number;
  readonly period?: number;
  readonly cpus?: string;
  readonly mems?: string;
}

export interface ThrottleDevice {
  readonly major: number;
  readonly minor: number;
  /** Bytes per second, or operations per second. */
  readonly rate: number;
}

export interface BlockIoResources {
  /** 10 to 1000. */
  readonly weight?: number;
  readonly weightDevice?: readonly { readonly major: number; readonly minor: number; readonly weight: number }[];
  readonly throttleReadBpsDevice?: readonly ThrottleDevice[];
  readonly throttleWriteBpsDevice?: readonly ThrottleDevice[];
  readonly throttleReadIOPSDevice?: readonly ThrottleDevice[];
  readonly throttleWriteIOPSDevice?: readonly ThrottleDevice[];
}
