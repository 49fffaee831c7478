/** From what a user asks for to an OCI configuration. */
import { readFileSync } from "node:fs";
import { SampanError } from "../errors/index.ts";
import type {
  BlockIoResources,
  CpuResources,
  Linux,
  Mount,
  Process,
  Resources,
  Rlimit,
  Spec,
  ThrottleDevice,
} from "../oci/index.ts";
import { DEFAULT_DEVICES, deniesSetgroups, type HostFacts } from "../plan/index.ts";
import { shortId } from "../runtime/index.ts";
import { capabilitySets } from "./capabilities.ts";
import { MASKED_PATHS, READONLY_PATHS } from "./default-mounts.ts";
import { mergeEnvironment } from "./environment.ts";
import { hostDevices } from "./host-devices.ts";
import { type IdMaps, isMapped } from "./id-maps.ts";
import type { IsolationSet } from "./isolation.ts";
import type { BlockIoOption, DeviceRate, RunOptions } from "./run-options.ts";
import type { ImageDefaults, Source } from "./sources.ts";
import { checkSysctls } from "./sysctls.ts";
import { deviceNumbers, userDevice } from "./user-mounts.ts";
import { type ResolvedUser, resolveUser } from "./users.ts";

export const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export interface SpecFacts {
  readonly id: string;
  readonly host: Omit<HostFacts, "cgroups">;
  readonly set: IsolationSet;
  readonly source: Source;
  readonly idMaps: IdMaps | undefined;
  readonly mounts: readonly Mount[];
  readonly resources: Resources | undefined;
}

/** Docker's rules: an entry point given on the command line also clears the image's command. */
export function commandLine(options: RunOptions, image: ImageDefaults | undefined): string[] {
  const given = options.command ?? [];
  const entrypoint = options.entrypoint ?? image?.entrypoint ?? [];
  const command = given.length > 0 || options.entrypoint !== undefined ? given : (image?.command ?? []);
  const args = [...entrypoint.filter((part) => part !== ""), ...command];
  if (args.length > 0) return args;
  throw new SampanError("USAGE", "no command was given", {
    hint: `Say what to run after the source: sampan run ${options.source} /bin/sh.`,
  });
}

function environment(options: RunOptions, facts: SpecFacts, user: ResolvedUser): string[] {
  const own = [`PATH=${DEFAULT_PATH}`];
  if (facts.set.has("uts")) own.push(`HOSTNAME=${hostname(options, facts)}`);
  if (options.terminal) own.push("TERM=xterm");
  return mergeEnvironment(own, [`HOME=${user.home}`], facts.source.image?.env ?? [], options.env ?? []);
}

function hostname(options: RunOptions, facts: SpecFacts): string {
  return options.hostname ?? shortId(facts.id);
}

function rlimits(options: RunOptions): Rlimit[] {
  return (options.ulimits ?? []).map(({ name, soft, hard }) => ({ type: `RLIMIT_${name.toUpperCase()}`, soft, hard }));
}

/** @throws SampanError ID_MAP for a user or group that the container's user namespace does not map */
export function checkUserMapped(
  user: ResolvedUser,
  idMaps: Pick<IdMaps, "uidMappings" | "gidMappings"> | undefined,
): void {
  if (idMaps === undefined) return;
  const unmapped = !isMapped(idMaps.uidMappings, user.uid) ? `user ${user.uid}` : undefined;
  const what = unmapped ?? (isMapped(idMaps.gidMappings, user.gid) ? undefined : `group ${user.gid}`);
  if (what === undefined) return;
  throw new SampanError("ID_MAP", `${what} is not mapped in the container's user namespace`, {
    hint: "Without ranges in /etc/subuid and /etc/subgid (and newuidmap) only root inside is mapped; or widen --uidmap/--gidmap.",
  });
}

/** Groups that were asked for by name; those of the user's own account are left out where they cannot be had. */
function checkGroupsMapped({ addedGids }: ResolvedUser, idMaps: IdMaps | undefined): void {
  if (idMaps === undefined || addedGids.length === 0) return;
  const denied = deniesSetgroups(idMaps.mapper);
  const unmapped = addedGids.find((gid) => !isMapped(idMaps.gidMappings, gid));
  if (!denied && unmapped === undefined) return;
  const why = unmapped === undefined ? "setgroups(2) is not allowed here" : `group ${unmapped} is not mapped`;
  throw new SampanError("ID_MAP", `--group-add cannot be honoured: ${why} in the container's user namespace`, {
    object: "--group-add",
    hint: "It takes ranges in /etc/subuid and /etc/subgid and newgidmap (package uidmap), or root.",
  });
}

/** Without a user namespace an ordinary user stays who they are. */
function chooseUser(options: RunOptions, facts: SpecFacts): ResolvedUser {
  const { host, set, source } = facts;
  const text = options.user ?? source.image?.user ?? "";
  const groupAdd = options.groupAdd ?? [];
  if (host.uid !== 0 && !set.has("user")) {
    if (text !== "" || groupAdd.length > 0) {
      throw new SampanError("NOT_PERMITTED", "an ordinary user cannot become another user without a user namespace", {
        hint: "Add user to --isolate, or leave out --user and --group-add.",
      });
    }
    const home = process.env["HOME"] ?? "/";
    return { uid: host.uid, gid: host.gid, additionalGids: [], addedGids: [], home };
  }
  const user = resolveUser(text === "" ? "0" : text, groupAdd, source.roots);
  checkUserMapped(user, facts.idMaps);
  checkGroupsMapped(user, facts.idMaps);
  const mapped = user.additionalGids.filter(
    (gid) => facts.idMaps === undefined || isMapped(facts.idMaps.gidMappings, gid),
  );
  return { ...user, additionalGids: mapped };
}

function makeProcess(options: RunOptions, facts: SpecFacts): Process {
  const { host, set, source } = facts;
  const user = chooseUser(options, facts);
  const powerless = host.uid !== 0 && !set.has("user");
  const available = set.has("user") ? (1n << BigInt(host.lastCapability + 1)) - 1n : host.bounding & host.capabilities;
  const { capAdd = [], capDrop = [], privileged = false } = options;
  const capabilities = capabilitySets({ add: capAdd, drop: capDrop, privileged, available, uid: user.uid });
  return {
    terminal: options.terminal ?? false,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: commandLine(options, source.image),
    env: environment(options, facts, user),
    cwd: options.workdir ?? source.image?.workdir ?? "/",
    // An ordinary user without a user namespace has no capability to lose, but set-uid programs could give some.
    ...(set.has("caps") && !powerless ? { capabilities } : {}),
    noNewPrivileges: (options.noNewPrivileges ?? false) || (set.has("caps") && powerless),
    rlimits: rlimits(options),
    ...(options.oomScoreAdj === undefined ? {} : { oomScoreAdj: options.oomScoreAdj }),
  };
}

function rates(list: readonly DeviceRate[] | undefined): ThrottleDevice[] {
  return (list ?? []).map(({ device, rate }) => ({ ...deviceNumbers(device), rate }));
}

function blockIo(option: BlockIoOption): BlockIoResources {
  const weightDevice = (option.weightDevice ?? []).map(({ device, weight }) => ({ ...deviceNumbers(device), weight }));
  return {
    ...(option.weight === undefined ? {} : { weight: option.weight }),
    ...(weightDevice.length > 0 ? { weightDevice } : {}),
    ...(option.readBps ? { throttleReadBpsDevice: rates(option.readBps) } : {}),
    ...(option.writeBps ? { throttleWriteBpsDevice: rates(option.writeBps) } : {}),
    ...(option.readIops ? { throttleReadIOPSDevice: rates(option.readIops) } : {}),
    ...(option.writeIops ? { throttleWriteIOPSDevice: rates(option.writeIops) } : {}),
  };
}

/** Less does not hold even the process that becomes the command. */
const LEAST_MEMORY = 512 << 10;

function checkMemory(limit: number | undefined): void {
  if (limit === undefined || limit < 0 || limit >= LEAST_MEMORY) return;
  throw new SampanError("INVALID_VALUE", `a memory limit of ${limit} bytes is too small for any program`, {
    object: "--memory",
    hint: "Give at least 512k; a shell needs about 4m.",
  });
}

/** /sys/devices/system/cpu/online: `0-3,6`. */
function onlineCpus(): number {
  const ranges = readFileSync("/sys/devices/system/cpu/online", "latin1").trim().split(",");
  return ranges.reduce((sum, range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return sum + last - first + 1;
  }, 0);
}

function checkCpus(cpu: CpuResources | undefined): void {
  if (cpu?.quota === undefined || cpu.period === undefined) return;
  const count = onlineCpus();
  if (cpu.quota / cpu.period <= count) return;
  throw new SampanError("INVALID_VALUE", `${cpu.quota / cpu.period} CPUs are more than this machine has`, {
    object: "--cpus",
    hint: `It has ${count}.`,
  });
}

/** Undefined when nothing is limited. @throws SampanError INVALID_VALUE */
export function resourcesOf(options: RunOptions): Resources | undefined {
  if (options.resources === undefined && options.blockIo === undefined) return undefined;
  checkMemory(options.resources?.memory?.limit);
  checkCpus(options.resources?.cpu);
  return { ...options.resources, ...(options.blockIo ? { blockIO: blockIo(options.blockIo) } : {}) };
}

function timeOffsets(options: RunOptions): Linux["timeOffsets"] {
  const entries = Object.entries(options.timeOffsetSeconds ?? {}).map(([clock, seconds]) => {
    const secs = Math.floor(seconds);
    return [clock, { secs, nanosecs: Math.round((seconds - secs) * 1e9) }];
  });
  return Object.fromEntries(entries);
}

function linux(options: RunOptions, facts: SpecFacts): Linux {
  const { set, idMaps, resources } = facts;
  const ownRoot = set.has("root");
  const asked = (options.devices ?? []).map(userDevice);
  const all = [...DEFAULT_DEVICES, ...(options.privileged ? hostDevices() : []), ...asked];
  const devices = [...new Map(all.map((device) => [device.path, device])).values()];
  const masked = ownRoot && set.has("pid") && !options.privileged;
  return {
    namespaces: set.namespaces,
    ...(idMaps ? { uidMappings: idMaps.uidMappings, gidMappings: idMaps.gidMappings } : {}),
    ...(ownRoot ? { devices } : {}),
    ...(resources ? { resources } : {}),
    ...(masked ? { maskedPaths: MASKED_PATHS, readonlyPaths: READONLY_PATHS } : {}),
    ...(options.sysctls ? { sysctl: options.sysctls } : {}),
    ...(set.has("time") ? { timeOffsets: timeOffsets(options) ?? {} } : {}),
  };
}

/**
 * @throws SampanError for options that contradict each other or this host, users that do not exist, and the like
 */
export function makeSpec(options: RunOptions, facts: SpecFacts): Spec {
  checkSysctls(options.sysctls ?? {}, facts.set);
  return {
    ociVersion: "1.2.0",
    process: makeProcess(options, facts),
    root: { path: "rootfs", readonly: options.readOnly ?? false },
    ...(facts.set.has("uts") ? { hostname: hostname(options, facts) } : {}),
    ...(options.domainname === undefined ? {} : { domainname: options.domainname }),
    mounts: facts.mounts,
    linux: linux(options, facts),
  };
}
