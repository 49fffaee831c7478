/** The probe, built once from `test/probe/*.c`, and what it says. */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import type { Reason } from "../../support/skip.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
const OUTPUT = join(REPOSITORY, ".cache", "probe", "probe");

function modified(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function compile(): Reason {
  const sources = globSync(join(REPOSITORY, "test", "probe", "*.[ch]"));
  if (modified(OUTPUT) > Math.max(...sources.map(modified))) return undefined;
  mkdirSync(join(OUTPUT, ".."), { recursive: true });
  const fresh = `${OUTPUT}.${process.pid}`;
  const files = sources.filter((path) => path.endsWith(".c"));
  const { status, error, stderr } = spawnSync("cc", ["-static", "-O1", "-Wall", ...files, "-o", fresh]);
  if (status !== 0) return `cc -static does not build the probe: ${error?.message ?? String(stderr).split("\n")[0]}`;
  renameSync(fresh, OUTPUT);
  return undefined;
}

let reason: { readonly value: Reason } | undefined;

/** Why there is no probe here, or undefined. */
export function missingProbe(): Reason {
  reason ??= { value: compile() };
  return reason.value;
}

/** The executable on this machine. */
export function probePath(): string {
  return OUTPUT;
}

export interface Descriptor {
  readonly kind: string;
  readonly terminal: boolean;
  readonly target: string | null;
}

export interface Interface {
  readonly up: boolean;
  readonly running: boolean;
  readonly loopback: boolean;
}

export type NamespaceName = "cgroup" | "ipc" | "mnt" | "net" | "pid" | "time" | "user" | "uts";

/** What `probe look` says. */
export interface Look {
  readonly pid: number;
  readonly ppid: number;
  readonly sid: number;
  readonly pgid: number;
  readonly uid: number;
  readonly euid: number;
  readonly suid: number;
  readonly gid: number;
  readonly egid: number;
  readonly groups: readonly number[];
  readonly hostname: string;
  readonly domainname: string;
  readonly cwd: string | null;
  readonly umask: number;
  readonly blockedSignals: readonly number[];
  readonly ignoredSignals: readonly number[];
  readonly status: Readonly<Record<string, string>>;
  readonly noNewPrivs: number;
  readonly deathSignal: number;
  readonly namespaces: Readonly<Record<NamespaceName, string | null>>;
  readonly descriptors: Readonly<Record<string, Descriptor>>;
  readonly controllingTerminal: boolean;
  readonly mounts: readonly string[];
  readonly cgroups: readonly string[];
  readonly uidMap: readonly string[];
  readonly gidMap: readonly string[];
  readonly limits: Readonly<Record<string, readonly [number, number]>>;
  readonly environment: readonly string[];
  readonly oomScoreAdj: string | null;
  readonly monotonicMs: number;
  readonly boottimeMs: number;
  readonly realtimeMs: number;
  readonly interfaces: Readonly<Record<string, Interface>>;
  readonly processes: readonly number[];
}

/** A line of any other action; which fields there are depends on the action. */
export interface Said {
  readonly do: string;
  readonly errno?: string | null;
  readonly text?: string;
  readonly names?: readonly string[];
  readonly kind?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  readonly size?: number;
  readonly device?: number;
  readonly target?: string | null;
  readonly readable?: boolean;
  readonly writable?: boolean;
  readonly bytes?: number;
  readonly readOnly?: boolean;
  readonly noexec?: boolean;
  readonly nosuid?: boolean;
  readonly nodev?: boolean;
  readonly typed?: boolean;
  readonly signals?: readonly number[];
  readonly count?: number;
  readonly made?: number;
  readonly columns?: number;
  readonly rows?: number;
}

export function parseLines(stdout: string): Said[] {
  return stdout.split("\n").flatMap((line) => (line.startsWith("{") ? [JSON.parse(line) as Said] : []));
}

/** The one `look` among the lines. */
export function parseLook(stdout: string): Look {
  const look = parseLines(stdout).find((line) => line.do === "look");
  if (look === undefined) throw new Error(`no look in: ${stdout}`);
  return look as unknown as Look;
}
