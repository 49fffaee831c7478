/** Which isolations a run has: Docker's by default, exactly those of `--isolate`, changed by `--pid host` and the like. */
import { SampanError } from "../errors/index.ts";
import type { Namespace, NamespaceType } from "../oci/index.ts";
import type { Isolation, RunOptions } from "./run-options.ts";

export interface IsolationSet {
  readonly isolations: ReadonlySet<Isolation>;
  readonly namespaces: readonly Namespace[];
  has(isolation: Isolation): boolean;
}

const NAMESPACE_OF: Readonly<Partial<Record<Isolation, NamespaceType>>> = {
  user: "user",
  mount: "mount",
  pid: "pid",
  net: "network",
  ipc: "ipc",
  uts: "uts",
  cgroup: "cgroup",
  time: "time",
};

const DEFAULT: readonly Isolation[] = ["uts", "pid", "mount", "ipc", "net", "cgroup", "root", "limits", "caps"];

function isolationOf(type: NamespaceType): Isolation {
  const entry = Object.entries(NAMESPACE_OF).find(([, namespace]) => namespace === type);
  return (entry?.[0] ?? "root") as Isolation;
}

/** The options that need an isolation which is left out would do nothing, or act on the host: refused. */
function refuse(option: string, isolation: Isolation, options: RunOptions): never {
  const leftOut = options.isolate === undefined ? "which is the host's here" : "which --isolate leaves out";
  const way =
    options.isolate === undefined
      ? `Give the container its own ${isolation} namespace`
      : `Add ${isolation} to --isolate`;
  throw new SampanError("USAGE", `${option} needs the isolation "${isolation}", ${leftOut}`, {
    object: option,
    hint: `${way}, or leave ${option} out.`,
  });
}

/** The limits that were asked for, as they are typed. */
function limitOptions({ resources = {}, blockIo = {} }: RunOptions): string[] {
  const { memory = {}, cpu = {}, pids } = resources;
  const asked: Readonly<Record<string, unknown>> = {
    "--memory": memory.limit,
    "--memory-reservation": memory.reservation,
    "--memory-swap": memory.swap,
    "--cpus": cpu.quota ?? cpu.period,
    "--cpu-shares": cpu.shares,
    "--cpuset-cpus": cpu.cpus,
    "--cpuset-mems": cpu.mems,
    "--pids-limit": pids,
    "--blkio-weight": blockIo.weight ?? blockIo.weightDevice,
    "--device-read-bps": blockIo.readBps,
    "--device-write-bps": blockIo.writeBps,
    "--device-read-iops": blockIo.readIops,
    "--device-write-iops": blockIo.writeIops,
  };
  return Object.keys(asked).filter((option) => asked[option] !== undefined);
}

function checkOptions(options: RunOptions, set: ReadonlySet<Isolation>): void {
  const needs: readonly (readonly [asked: unknown, option: string, isolation: Isolation])[] = [
    ...limitOptions(options).map((option) => [true, option, "limits"] as const),
    [options.ulimits?.length, "--ulimit", "limits"],
    [options.hostname, "--hostname", "uts"],
    [options.domainname, "--domainname", "uts"],
    [options.shmSizeBytes, "--shm-size", "ipc"],
    [options.timeOffsetSeconds, "--time-offset", "time"],
    [options.uidMap?.length, "--uidmap", "user"],
    [options.gidMap?.length, "--gidmap", "user"],
    [options.capAdd?.length, "--cap-add", "caps"],
    [options.capDrop?.length, "--cap-drop", "caps"],
    [options.privileged, "--privileged", "caps"],
    [options.mounts?.length, "a mount", "mount"],
    [options.devices?.length, "--device", "root"],
    [options.readOnly, "--read-only", "root"],
    [options.copies?.length, "--copy", "root"],
    [options.inPlace, "--in-place", "root"],
  ];
  for (const [asked, option, isolation] of needs) if (asked && !set.has(isolation)) refuse(option, isolation, options);
}

/** Explicit modes of single namespaces win over the default, and contradict `--isolate` only by an error. */
function applyModes(options: RunOptions, set: Set<Isolation>): void {
  for (const [type, mode] of Object.entries(options.namespaces ?? {})) {
    const isolation = isolationOf(type as NamespaceType);
    if (mode === "host") {
      if (options.isolate?.includes(isolation)) {
        throw new SampanError("USAGE", `--isolate ${isolation} and host mode for it contradict each other`);
      }
      set.delete(isolation);
    } else if (options.isolate !== undefined && !options.isolate.includes(isolation)) {
      refuse(`a private ${type} namespace`, isolation, options);
    } else set.add(isolation);
  }
}

/**
 * @param uid effective user id: an ordinary user needs a user namespace for anything else
 * @throws SampanError USAGE when options contradict each other, or an ordinary user asks for isolations without `user`
 */
export function chooseIsolations(options: RunOptions, uid: number): IsolationSet {
  const set = new Set<Isolation>(options.isolate ?? DEFAULT);
  if (options.isolate === undefined) {
    if (uid !== 0 || options.uidMap?.length || options.gidMap?.length) set.add("user");
    if (options.timeOffsetSeconds !== undefined) set.add("time");
  }
  applyModes(options, set);
  checkOptions(options, set);
  // pivot_root(2) works on a mount namespace of one's own alone; changing the host's root is nobody's wish.
  if (set.has("root")) set.add("mount");
  const kernelRungs = [...set].filter(
    (isolation) => isolation !== "limits" && isolation !== "caps" && isolation !== "user",
  );
  if (uid !== 0 && kernelRungs.length > 0 && !set.has("user")) {
    throw new SampanError(
      "NOT_PERMITTED",
      `an ordinary user cannot have the isolation "${kernelRungs[0]}" without "user"`,
      {
        hint: "Only a user namespace gives the power to make the others: add user to --isolate, or run as root.",
      },
    );
  }
  const namespaces = [...set].flatMap((isolation) => {
    const type = NAMESPACE_OF[isolation];
    return type === undefined ? [] : [{ type }];
  });
  return { isolations: set, namespaces, has: (isolation) => set.has(isolation) };
}
