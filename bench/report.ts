/** How results are told: every scenario gives rows and targets; this prints them. */
import type { Summary } from "./statistics.ts";

export interface Row {
  readonly name: string;
  readonly wall: Summary;
  /** User and system time of the command and all it waited for. */
  readonly cpu?: Summary;
}

export interface Target {
  readonly what: string;
  readonly measured: number;
  readonly limit: number;
  readonly unit: string;
}

export interface Section {
  readonly title: string;
  readonly rows: readonly Row[];
  readonly targets: readonly Target[];
  /** What a reader has to know beside the numbers: peers that are missing, what was left behind. */
  readonly notes: readonly string[];
}

/** False for what could not be measured, too. */
export function isReached({ measured, limit }: Target): boolean {
  return measured <= limit;
}

function milliseconds(value: number): string {
  return value.toFixed(2).padStart(9);
}

function rowLine({ name, wall, cpu }: Row, width: number, withCpu: boolean): string {
  const times = [wall.min, wall.median, wall.p90].map(milliseconds).join("");
  const cpuTimes = cpu ? `${milliseconds(cpu.min)}${milliseconds(cpu.median)}` : withCpu ? " ".repeat(18) : "";
  return `  ${name.padEnd(width)}${times}${cpuTimes}${String(wall.runs).padStart(6)}`;
}

function targetLine(target: Target): string {
  const unit = target.unit === "" ? "" : ` ${target.unit}`;
  const verdict = isReached(target) ? "pass" : "MISS";
  return `  ${verdict}  ${target.what}: ${target.measured.toFixed(2)}${unit} (target: at most ${target.limit}${unit})`;
}

function table(rows: readonly Row[]): string[] {
  if (rows.length === 0) return [];
  const width = Math.max(30, ...rows.map(({ name }) => name.length)) + 2;
  const withCpu = rows.some(({ cpu }) => cpu !== undefined);
  const columns = ["min", "median", "p90", ...(withCpu ? ["cpu min", "cpu med"] : [])];
  const header = `  ${"milliseconds".padEnd(width)}${columns.map((name) => name.padStart(9)).join("")}  runs`;
  return [header, ...rows.map((row) => rowLine(row, width, withCpu))];
}

export function formatSection({ title, rows, targets, notes }: Section): string {
  const lines = [title, ...table(rows), ...targets.map(targetLine), ...notes.map((note) => `  note  ${note}`)];
  return `${lines.join("\n")}\n`;
}
