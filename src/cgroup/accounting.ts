/** What a container has used, from the texts of the files that its plan lists (`CgroupPlan.accounting`). Pure. */

/** A figure is absent when the host does not tell: no such controller, or a kernel that is too old. */
export interface Accounting {
  readonly peakMemoryBytes?: number;
  /** Processes that the kernel has killed because the memory limit was reached. */
  readonly oomKills?: number;
  readonly cpuUsageUs?: number;
  readonly cpuUserUs?: number;
  readonly cpuSystemUs?: number;
  /** Periods in which the CPU quota was used up, and how long processes waited for the next one. */
  readonly throttledPeriods?: number;
  readonly throttledUs?: number;
  /** Processes and threads at once. */
  readonly peakProcesses?: number;
  /** Block I/O, over all devices. */
  readonly readBytes?: number;
  readonly writtenBytes?: number;
}

/** Texts by name: as in cgroup v2, or with the prefix `v1/`. Zero bytes at the end are ignored (fixed-size buffers). */
export type AccountingTexts = Readonly<Record<string, string | undefined>>;

/** A file that holds one number; `max` is none. */
function single(text: string | undefined): number | undefined {
  const match = /^\d+/.exec(text ?? "");
  return match ? Number(match[0]) : undefined;
}

/** A flat-keyed file (cgroup-v2.rst, "Format"): one `KEY VALUE` a line. */
function keyed(text: string | undefined, key: string): number | undefined {
  const match = text === undefined ? null : new RegExp(`^${key} (\\d+)$`, "m").exec(text);
  return match ? Number(match[1]) : undefined;
}

/** The sum over all matches of one pattern, which captures a number; undefined without any text. */
function sum(text: string | undefined, pattern: RegExp): number | undefined {
  if (text === undefined) return undefined;
  let total = 0;
  for (const match of text.matchAll(pattern)) total += Number(match[1]);
  return total;
}

function microseconds(nanoseconds: number | undefined): number | undefined {
  return nanoseconds === undefined ? undefined : Math.round(nanoseconds / 1000);
}

function withoutPadding(texts: AccountingTexts): AccountingTexts {
  const clean: Record<string, string | undefined> = {};
  for (const [name, text] of Object.entries(texts)) {
    const end = text?.indexOf("\0") ?? -1;
    const content = end === -1 ? text : text?.slice(0, end);
    if (content) clean[name] = content;
  }
  return clean;
}

/**
 * Decodes accounting texts. On a hybrid host both versions contribute, each what it knows.
 *
 * ```ts
 * readAccounting({ "memory.peak": "4096\n", "memory.events": "low 0\noom_kill 1\n" });
 * // { peakMemoryBytes: 4096, oomKills: 1 }
 * ```
 */
export function readAccounting(texts: AccountingTexts): Accounting {
  const clean = withoutPadding(texts);
  const figures = { ...memoryFigures(clean), ...cpuFigures(clean), ...taskFigures(clean), ...ioFigures(clean) };
  return Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== undefined));
}

/** oom_kill is in v1's memory.oom_control since Linux 4.13; failcnt would count reclaims as well. */
function memoryFigures(texts: AccountingTexts) {
  return {
    peakMemoryBytes: single(texts["memory.peak"]) ?? single(texts["v1/memory.max_usage_in_bytes"]),
    oomKills: keyed(texts["memory.events"], "oom_kill") ?? keyed(texts["v1/memory.oom_control"], "oom_kill"),
  };
}

/** v1 counts in nanoseconds, v2 in microseconds; v2's cpu.stat has throttling only where the controller is enabled. */
function cpuFigures(texts: AccountingTexts) {
  const [v1, v2] = [texts["v1/cpu.stat"], texts["cpu.stat"]];
  return {
    cpuUsageUs: keyed(v2, "usage_usec") ?? microseconds(single(texts["v1/cpuacct.usage"])),
    cpuUserUs: keyed(v2, "user_usec") ?? microseconds(single(texts["v1/cpuacct.usage_user"])),
    cpuSystemUs: keyed(v2, "system_usec") ?? microseconds(single(texts["v1/cpuacct.usage_sys"])),
    throttledPeriods: keyed(v2, "nr_throttled") ?? keyed(v1, "nr_throttled"),
    throttledUs: keyed(v2, "throttled_usec") ?? microseconds(keyed(v1, "throttled_time")),
  };
}

function taskFigures(texts: AccountingTexts) {
  return { peakProcesses: single(texts["pids.peak"]) ?? single(texts["v1/pids.peak"]) };
}

/** An empty io.stat means that nothing was transferred: its lines come with the first transfer. */
function ioFigures(texts: AccountingTexts) {
  const [v1, v2] = [texts["v1/blkio.throttle.io_service_bytes_recursive"], texts["io.stat"]];
  return {
    readBytes: sum(v2, / rbytes=(\d+)/g) ?? sum(v1, /^\d+:\d+ Read (\d+)$/gm),
    writtenBytes: sum(v2, / wbytes=(\d+)/g) ?? sum(v1, /^\d+:\d+ Write (\d+)$/gm),
  };
}
