/** Records of running containers: one folder each, written by the program and removed by its janitor. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import type { IdMapping, NamespaceType, Process } from "../oci/index.ts";
import { type CgroupPlan, PID_FILE, RECORD_FILE, type RecordPlan } from "../plan/index.ts";
import { isOwnedBy, isOwnerAlive } from "./owner.ts";
import type { StateFolders } from "./state-folders.ts";

export const RECORD_VERSION = 1;

/** What `ps`, `kill` and `exec` know about a container. */
export interface ContainerRecord {
  readonly version: typeof RECORD_VERSION;
  readonly id: string;
  readonly name: string;
  /** The process whose death ends the container: the executor, or the program that uses the library; see owner.ts. */
  readonly owner: string;
  /** The container's first process, as the host numbers it; 0 while it is being made. */
  readonly pid: number;
  /** ISO 8601. */
  readonly created: string;
  readonly source: string;
  readonly namespaces: readonly NamespaceType[];
  readonly process: Process;
  readonly cgroups?: Pick<CgroupPlan, "join" | "unified" | "kill" | "procs" | "remove">;
  /** Of its own user namespace. */
  readonly idMaps?: { readonly uid: readonly IdMapping[]; readonly gid: readonly IdMapping[] };
  /** Whether an id map without setgroups(2) is in force. */
  readonly denySetgroups: boolean;
  readonly ownRoot: boolean;
}

/** The record as the program writes it. The process id is not known yet, and comes in a file of its own. */
export function recordPlan(folders: StateFolders, record: Omit<ContainerRecord, "pid">): RecordPlan {
  return {
    directory: join(folders.run, "containers", record.id),
    nameLink: join(folders.run, "names", record.name),
    nameOwner: `${record.id} ${record.owner}`,
    text: JSON.stringify(record, limitsAsText),
  };
}

/** Another version of Sampan keeps its records here too: they are its own business. */
const FOREIGN = "foreign";

/** Limits of processes go up to 2^64-1, which JSON's numbers do not hold: they are decimal texts in the file. */
function limitsAsText(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function limitsFromText(key: string, value: unknown): unknown {
  return (key === "soft" || key === "hard") && typeof value === "string" ? BigInt(value) : value;
}

/** 0 while there is no process yet. */
function readPid(folder: string): number {
  try {
    return Number.parseInt(readFileSync(join(folder, PID_FILE), "latin1"), 10) || 0;
  } catch {
    return 0;
  }
}

function readRecord(folder: string): ContainerRecord | typeof FOREIGN | undefined {
  try {
    const text = readFileSync(join(folder, RECORD_FILE), "utf8");
    const record = JSON.parse(text, limitsFromText) as Omit<ContainerRecord, "pid">;
    const known = record.version === RECORD_VERSION && typeof record.owner === "string";
    return known ? { ...record, pid: readPid(folder) } : FOREIGN;
  } catch {
    return undefined; // it is being made, or was removed a moment ago
  }
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Containers whose owner and first process live, oldest first. */
export function listRecords(folders: StateFolders): ContainerRecord[] {
  const base = join(folders.run, "containers");
  const found = names(base).map((id) => readRecord(join(base, id)));
  return found
    .filter((record) => record !== undefined && record !== FOREIGN)
    .filter(({ owner, pid }) => pid > 0 && isOwnerAlive(owner) && isOwnedBy(pid, owner))
    .sort((a, b) => a.created.localeCompare(b.created));
}

/** Records whose owner and janitor were both killed: what they made has to be removed by somebody else. */
export function listStale(folders: StateFolders): StaleRecord[] {
  const base = join(folders.run, "containers");
  return names(base).flatMap((id): StaleRecord[] => {
    const folder = join(base, id);
    const record = readRecord(folder);
    if (record === FOREIGN) return [];
    const stale = record ? !isOwnerAlive(record.owner) : !isYoung(folder);
    return stale ? [{ folder, record }] : [];
  });
}

export interface StaleRecord {
  readonly folder: string;
  readonly record: ContainerRecord | undefined;
}

const YOUNG_MS = 10_000;

/** A folder without a record may be one that is being made at this moment. */
function isYoung(folder: string): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  return stat === undefined || Date.now() - stat.ctimeMs < YOUNG_MS;
}

export function removeRecordFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Gives back the names whose holders have died. */
export function sweepNames(folders: StateFolders): void {
  const base = join(folders.run, "names");
  for (const name of names(base)) releaseIfDead(join(base, name));
}

function releaseIfDead(link: string): void {
  try {
    const target = readlinkSync(link);
    if (!isOwnerAlive(target.slice(target.indexOf(" ") + 1))) unlinkSync(link);
  } catch {
    // Somebody else was faster.
  }
}

/** Gives back one name when its holder has died, so that it can be taken. */
export function releaseName(folders: StateFolders, name: string): void {
  const link = join(folders.run, "names", name);
  if (lstatSync(link, { throwIfNoEntry: false })) releaseIfDead(link);
}
