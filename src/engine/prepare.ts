/** From `RunOptions` to a program: everything that a run decides, and nothing that it does. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { isatty } from "node:tty";
import { SampanError } from "../errors/index.ts";
import { readCgroupLayout, readHostFacts } from "../host/index.ts";
import { SIGNALS, type SignalName } from "../kernel/index.ts";
import type { Mount, Resources, Spec } from "../oci/index.ts";
import {
  type CgroupPlan,
  deniesSetgroups,
  type FileCopy,
  type HostFacts,
  type PlanInput,
  plan,
  planCgroups,
  type RecordPlan,
} from "../plan/index.ts";
import type { Program, Reporter } from "../program/index.ts";
import { type ContainerRecord, RECORD_VERSION, recordPlan, type StateFolders } from "../runtime/index.ts";
import { DEFAULT_SHM_SIZE, defaultMounts } from "./default-mounts.ts";
import { statOfHost } from "./host-files.ts";
import { chooseIdMaps, type IdMaps } from "./id-maps.ts";
import { chooseIsolations, type IsolationSet } from "./isolation.ts";
import { checkPropagation } from "./propagation.ts";
import { targetInRoot } from "./read-in-root.ts";
import type { CopyOption, RunOptions } from "./run-options.ts";
import { newRunWords, type RunWords } from "./run-words.ts";
import { type ArchiveOpener, type ImageDefaults, openSource, type Source } from "./sources.ts";
import { makeSpec, resourcesOf } from "./spec.ts";
import { type BindSource, bindSource, userMount } from "./user-mounts.ts";

export interface PrepareContext {
  readonly folders: StateFolders;
  /** Gives up a long unpacking. */
  readonly signal?: AbortSignal;
  readonly reporter?: Reporter;
  /** Words of this run, when they have been chosen already. */
  readonly words?: RunWords;
  /** Have control groups that measure, and read their figures at the end: for a report. */
  readonly measure: boolean;
}

/** Reading archives takes libraries that other sources do not need. */
function lazyOpener({ folders, signal }: PrepareContext): ArchiveOpener {
  return async (path) => (await import("./archives.ts")).archiveOpener(folders, signal)(path);
}

/** A run that has been decided. */
export interface PreparedRun {
  readonly id: string;
  readonly name: string;
  readonly program: Program;
  readonly spec: Spec;
  /** What the user should know, a sentence each. */
  readonly notes: readonly string[];
  /** Folders of the host that `-v` names and that are to be made first. */
  readonly missingFolders: readonly string[];
}

interface Groups {
  readonly layout: HostFacts["cgroups"];
  readonly plan: CgroupPlan;
}

const NO_GROUPS = { mode: "none", v1: {} } as const;

/**
 * Groups are made for limits and reports; and as root always, since a group is what `exec` joins, what `kill` empties,
 * and what the container's own cgroup namespace shows. An ordinary user has none without delegation.
 */
function planGroups(
  resources: Resources | undefined,
  context: PrepareContext,
  set: IsolationSet,
  id: string,
  host: Omit<HostFacts, "cgroups">,
): Groups | undefined {
  // Without a PID namespace nothing but a group holds together what the command starts.
  if (!set.has("limits") && !context.measure && set.has("pid")) return undefined;
  if (host.uid !== 0 && resources === undefined) return undefined;
  const measure = context.measure && host.uid === 0;
  const layout = readCgroupLayout();
  if (layout.mode === "none" && resources === undefined) return undefined;
  const groups = planCgroups({ id, resources, layout, uid: host.uid, kernel: host.kernel, measure });
  return groups.remove.length === 0 ? undefined : { layout, plan: groups };
}

/** The host's resolver and host table, for a container that uses the host's network from another root. */
function networkFiles(options: RunOptions, set: IsolationSet, uid: number, roots: readonly string[]): Mount[] {
  if (set.has("net") || !set.has("root") || options.source === "host") return [];
  const [root] = roots;
  return ["/etc/resolv.conf", "/etc/hosts"].flatMap((path): Mount[] => {
    // An image's resolv.conf often is a link to a file that a running system makes: that file is what is made here.
    const destination = root === undefined ? path : targetInRoot(root, path);
    // Nobody asked for these files by name: where an ordinary user cannot make the place for them, they stay away.
    if (destination === undefined || !existsSync(path)) return [];
    const placeable = uid === 0 || root === undefined || existsSync(join(root, destination));
    if (!placeable) return [];
    return [{ destination, type: "bind", source: path, options: ["bind", "ro", "rprivate"] }];
  });
}

function mountsOf(
  options: RunOptions,
  set: IsolationSet,
  host: Omit<HostFacts, "cgroups">,
  idMaps: IdMaps | undefined,
  groups: Groups | undefined,
  roots: readonly string[],
): Mount[] {
  const own = set.has("root")
    ? defaultMounts({
        set,
        rootless: host.uid !== 0,
        idMaps,
        shmSizeBytes: options.shmSizeBytes ?? DEFAULT_SHM_SIZE,
        privileged: options.privileged ?? false,
        cgroups: groups,
      })
    : [];
  return [
    ...own,
    ...networkFiles(options, set, host.uid, roots),
    ...(options.mounts ?? []).map((mount) => userMount(mount, options.privileged ?? false)),
  ];
}

function kindsOfSources(binds: readonly BindSource[], mounts: readonly Mount[]): PlanInput["bindSources"] {
  const kinds: Record<string, "directory" | "file"> = {};
  for (const { path, kind } of binds) kinds[path] = kind;
  for (const { type, source } of mounts) {
    if (type !== "bind" || source === undefined || source in kinds) continue;
    kinds[source] = statOfHost(source, "MOUNT_SOURCE_NOT_FOUND")?.isDirectory() === false ? "file" : "directory";
  }
  return kinds;
}

/** The options with the sources of binds by their real paths: what a link leads to is decided here, once. */
function resolveBinds(options: RunOptions): { readonly options: RunOptions; readonly binds: readonly BindSource[] } {
  if (options.mounts === undefined) return { options, binds: [] };
  const mountinfo = readFileSync("/proc/self/mountinfo", "utf8");
  const binds: BindSource[] = [];
  const mounts = options.mounts.map((mount) => {
    if (mount.type !== "bind") return mount;
    const bind = bindSource(mount);
    binds.push(bind);
    const real = { ...mount, source: bind.path };
    checkPropagation(real, mountinfo);
    return real;
  });
  return { options: { ...options, mounts }, binds };
}

/** By the container's path: only a user namespace looks at the host's node. */
function deviceSources({ devices = [] }: RunOptions): Readonly<Record<string, string>> {
  return Object.fromEntries(devices.map(({ source, target }) => [target, source]));
}

function copiesOf(copies: readonly CopyOption[]): FileCopy[] {
  return copies.map(({ source, target }) => {
    const stat = statOfHost(source, "MOUNT_SOURCE_NOT_FOUND");
    if (stat?.isFile()) return { source, target, mode: stat.mode & 0o777 };
    throw new SampanError("MOUNT_SOURCE_NOT_FOUND", `--copy: ${source} is ${stat ? "no regular file" : "not there"}`, {
      object: source,
    });
  });
}

function recordOf(
  options: RunOptions,
  spec: Spec,
  words: RunWords,
  idMaps: IdMaps | undefined,
  groups: Groups | undefined,
  set: IsolationSet,
): Omit<ContainerRecord, "pid"> {
  const { id, name, created, owner } = words;
  return {
    version: RECORD_VERSION,
    id,
    name,
    owner,
    created,
    source: options.source,
    namespaces: spec.linux.namespaces.map(({ type }) => type),
    process: spec.process,
    ...(groups ? { cgroups: groups.plan } : {}),
    ...(idMaps ? { idMaps: { uid: idMaps.uidMappings, gid: idMaps.gidMappings } } : {}),
    denySetgroups: deniesSetgroups(idMaps?.mapper),
    ownRoot: set.has("root"),
  };
}

/** The image's word for it, as `SIGQUIT`, `QUIT` or a number (image-spec, config.md, StopSignal). */
function stopSignalOf(options: RunOptions, image: ImageDefaults | undefined): number | undefined {
  if (options.stopSignal !== undefined || image?.stopSignal === undefined) return options.stopSignal;
  const text = image.stopSignal.toUpperCase();
  const number = /^\d+$/.test(text) ? Number(text) : SIGNALS[`SIG${text.replace(/^SIG/, "")}` as SignalName];
  if (number !== undefined && number >= 1 && number <= 64) return number;
  throw new SampanError("ARCHIVE_INVALID", `the image's stop signal ${JSON.stringify(image.stopSignal)} is none`, {
    hint: "Give one with --stop-signal.",
  });
}

/** A name is one component of a path. */
function checkName(name: string | undefined): void {
  if (name === undefined || (/^[a-zA-Z0-9][\w.-]*$/.test(name) && name.length <= MAX_NAME)) return;
  throw new SampanError("INVALID_VALUE", `${JSON.stringify(name.slice(0, 80))} is not a container name`, {
    object: "--name",
    hint: `Names are letters, digits, dots, dashes and underscores, start with a letter or a digit, and have at most ${MAX_NAME} of them.`,
  });
}

const MAX_NAME = 128;

function checkTerminal(options: RunOptions): void {
  if (!options.terminal || !options.interactive || isatty(0)) return;
  throw new SampanError("USAGE", "-t with -i needs a terminal, and standard input is none", {
    hint: "Leave out -t to use a pipe or file as input.",
  });
}

function planInput(options: RunOptions, context: PrepareContext, parts: InputParts): PlanInput {
  const { id, spec, source, idMaps, groups, record, binds } = parts;
  const stopSignal = stopSignalOf(options, source.image);
  return {
    id,
    spec,
    rootfs: source.rootfs,
    copies: copiesOf(options.copies ?? []),
    bindSources: kindsOfSources(binds, spec.mounts),
    terminal: options.terminal ?? false,
    input: options.interactive ?? false,
    lendsTerminal: options.interactive === true && !options.terminal && isatty(0),
    init: options.init ?? false,
    record,
    accounting: context.measure || options.resources?.memory !== undefined,
    plannedDevicesOnly: !options.privileged,
    deviceSources: deviceSources(options),
    ...(stopSignal === undefined ? {} : { stopSignal }),
    ...(groups ? { cgroups: groups.plan } : {}),
    ...(idMaps ? { idMapper: idMaps.mapper } : {}),
    ...(options.pidFile === undefined ? {} : { pidFile: options.pidFile }),
    ...(options.cidFile === undefined ? {} : { cidFile: options.cidFile }),
    ...(context.reporter ? { reporter: context.reporter } : {}),
  };
}

interface InputParts {
  readonly id: string;
  readonly spec: Spec;
  readonly source: Source;
  readonly idMaps: IdMaps | undefined;
  readonly groups: Groups | undefined;
  readonly record: RecordPlan;
  readonly binds: readonly BindSource[];
}

/**
 * Decides a run. Reads the host's facts and the source; nothing is touched but the cache of unpacked archives.
 *
 * @throws SampanError for whatever is wrong with the options, the source or this host
 */
export async function prepareRun(asked: RunOptions, context: PrepareContext): Promise<PreparedRun> {
  const { options, binds } = resolveBinds(asked);
  checkTerminal(options);
  checkName(options.name);
  const host = readHostFacts();
  const set = chooseIsolations(options, host.uid);
  const idMaps = set.has("user") ? chooseIdMaps(options, host.uid, host.gid) : undefined;
  const source = await openSource(options, set, host.uid, lazyOpener(context));
  const chosen = context.words ?? newRunWords();
  const words = { ...chosen, name: options.name ?? chosen.name };
  const { id, name } = words;
  const resources = resourcesOf(options);
  const groups = planGroups(resources, context, set, id, host);
  const mounts = mountsOf(options, set, host, idMaps, groups, source.roots);
  const spec = makeSpec(options, { id, host, set, source, idMaps, mounts, resources });
  const record = recordPlan(context.folders, recordOf(options, spec, words, idMaps, groups, set));
  const input = planInput(options, context, { id, spec, source, idMaps, groups, record, binds });
  const program = plan(input, { ...host, cgroups: groups?.layout ?? NO_GROUPS });
  const missingFolders = binds.flatMap(({ path, missing }) => (missing ? [path] : []));
  return { id, name, program, spec, notes: source.notes ?? [], missingFolders };
}
