/** What a run used, for people and programs. */
import { type Accounting, readAccounting } from "../cgroup/index.ts";
import type { Outcome } from "../executor/index.ts";

/** The library's value of `--report`. Figures that the host does not tell are absent. */
export interface RunReport extends Accounting {
  readonly exitCode: number;
  /** Number of the signal that ended the command. */
  readonly signal?: number;
  /** True when the kernel killed a process of the container because its memory limit was reached. */
  readonly oomKilled: boolean;
  readonly wallTimeMs: number;
  /** Of the command and what it waited for (getrusage(2)); the group's own figures are `cpuUserUs` and `cpuSystemUs`. */
  readonly userTimeMs: number;
  readonly systemTimeMs: number;
  /** Largest resident set of a single process. */
  readonly maxRssBytes: number;
}

export function makeReport(outcome: Outcome): RunReport {
  const decoder = new TextDecoder("latin1");
  const texts = Object.entries(outcome.buffers).map(([name, bytes]) => [name, decoder.decode(bytes)] as const);
  const accounting = readAccounting(Object.fromEntries(texts));
  return {
    exitCode: outcome.exitCode,
    ...(outcome.signal === undefined ? {} : { signal: outcome.signal }),
    oomKilled: (accounting.oomKills ?? 0) > 0,
    wallTimeMs: Number(outcome.wallTimeNs) / 1e6,
    userTimeMs: outcome.userTimeUs / 1000,
    systemTimeMs: outcome.systemTimeUs / 1000,
    maxRssBytes: outcome.maxRssBytes,
    ...accounting,
  };
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

export function formatBytes(bytes: number): string {
  const power = Math.min(bytes < 1 ? 0 : Math.floor(Math.log2(bytes) / 10), UNITS.length - 1);
  const value = bytes / 1024 ** power;
  return `${power === 0 ? value : value.toFixed(1)} ${UNITS[power]}`;
}

function milliseconds(ms: number): string {
  return ms >= 1000 ? `${(ms / 1000).toFixed(2)} s` : `${ms.toFixed(1)} ms`;
}

function exitLine(report: RunReport): string {
  const how = report.signal === undefined ? "" : `, ended by signal ${report.signal}`;
  return `${report.exitCode}${how}${report.oomKilled ? ", killed for memory" : ""}`;
}

/** Lines of `name: value`; what the host did not tell is left out. */
export function formatReport(report: RunReport): string {
  const rows: (readonly [string, string | undefined])[] = [
    ["exit status", exitLine(report)],
    ["wall time", milliseconds(report.wallTimeMs)],
    ["CPU time", `${milliseconds(report.userTimeMs)} user, ${milliseconds(report.systemTimeMs)} system`],
    ["CPU time of all", report.cpuUsageUs === undefined ? undefined : milliseconds(report.cpuUsageUs / 1000)],
    ["peak memory", report.peakMemoryBytes === undefined ? undefined : formatBytes(report.peakMemoryBytes)],
    ["largest process", formatBytes(report.maxRssBytes)],
    ["killed for memory", report.oomKills === undefined ? undefined : String(report.oomKills)],
    ["peak processes", report.peakProcesses === undefined ? undefined : String(report.peakProcesses)],
    ["throttled", throttled(report)],
    ["read", report.readBytes === undefined ? undefined : formatBytes(report.readBytes)],
    ["written", report.writtenBytes === undefined ? undefined : formatBytes(report.writtenBytes)],
  ];
  return rows.flatMap(([name, value]) => (value === undefined ? [] : [`${`${name}:`.padEnd(19)}${value}\n`])).join("");
}

function throttled({ throttledPeriods, throttledUs }: RunReport): string | undefined {
  if (throttledPeriods === undefined) return undefined;
  return `${throttledPeriods} periods${throttledUs === undefined ? "" : `, ${milliseconds(throttledUs / 1000)}`}`;
}
