import type { DeviceRate } from "../../../engine/index.ts";
import type { OptionRow } from "../../grammar.ts";
import { append, type RunDraft, setBlockIo, setCpu, setMemory } from "../../run-draft.ts";
import { parseByteRate, parseDeviceWeight, parseOperationRate, parseWeight } from "../../values/block-io.ts";
import { parseCpuList, parseCpus } from "../../values/cpus.ts";
import { parseInteger } from "../../values/integer.ts";
import { parseSizeLimit, parseSwapLimit } from "../../values/size.ts";
import { parseUlimit, ulimitNames } from "../../values/ulimit.ts";

const group = "Limits";

/** What the container may use; 0 is no limit, as for Docker and Podman. */
export const LIMIT_OPTIONS: readonly OptionRow<RunDraft>[] = [
  {
    name: "memory",
    short: "m",
    kind: "value",
    value: "SIZE",
    group,
    summary: "Memory of all processes together, such as 64m",
    set: (draft, value) => setMemory(draft, "limit", parseSizeLimit(value)),
  },
  {
    name: "memory-reservation",
    kind: "value",
    value: "SIZE",
    group,
    summary: "Memory to keep for the container when the host runs short",
    set: (draft, value) => setMemory(draft, "reservation", parseSizeLimit(value)),
  },
  {
    name: "memory-swap",
    kind: "value",
    value: "SIZE",
    group,
    summary: "Memory and swap together; -1 is no limit",
    set: (draft, value) => setMemory(draft, "swap", parseSwapLimit(value)),
  },
  {
    name: "cpus",
    kind: "value",
    value: "NUMBER",
    conflicts: ["cpu-period", "cpu-quota"],
    group,
    summary: "CPU time, such as 1.5 CPUs",
    set: (draft, value) => {
      const cpus = parseCpus(value);
      setCpu(draft, "quota", cpus?.quota);
      setCpu(draft, "period", cpus?.period);
    },
  },
  {
    name: "cpu-shares",
    short: "c",
    kind: "value",
    value: "NUMBER",
    group,
    summary: "Weight against other containers, 2 to 262144; usually 1024",
    set: (draft, value) => {
      const range = { what: "a number of shares", minimum: 2, maximum: 262_144, also: { 0: "the default" } };
      setCpu(draft, "shares", parseInteger(value, range) || undefined);
    },
  },
  {
    name: "cpu-period",
    kind: "value",
    value: "MICROSECONDS",
    group,
    summary: "Length of a period for --cpu-quota",
    set: (draft, value) => {
      const range = { what: "a period", minimum: 1000, maximum: 1_000_000, also: { 0: "the default" } };
      setCpu(draft, "period", parseInteger(value, range) || undefined);
    },
  },
  {
    name: "cpu-quota",
    kind: "value",
    value: "MICROSECONDS",
    group,
    summary: "CPU time in each period; -1 is no limit",
    set: (draft, value) => {
      const range = {
        what: "a quota",
        minimum: 1000,
        maximum: Number.MAX_SAFE_INTEGER,
        also: { 0: "the default", [-1]: "no limit" },
      };
      setCpu(draft, "quota", parseInteger(value, range) || undefined);
    },
  },
  {
    name: "cpuset-cpus",
    kind: "value",
    value: "LIST",
    group,
    summary: "CPUs to run on, such as 0-3,5",
    set: (draft, value) => setCpu(draft, "cpus", parseCpuList(value)),
  },
  {
    name: "cpuset-mems",
    kind: "value",
    value: "LIST",
    group,
    summary: "Memory nodes to use, such as 0",
    set: (draft, value) => setCpu(draft, "mems", parseCpuList(value)),
  },
  {
    name: "pids-limit",
    kind: "value",
    value: "NUMBER",
    group,
    summary: "Number of processes and threads; -1 is no limit",
    set: ({ options }, value) => {
      const range = {
        what: "a number of processes",
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        also: { 0: "no limit", [-1]: "no limit" },
      };
      options.resources = { ...options.resources, pids: { limit: parseInteger(value, range) || -1 } };
    },
  },
  {
    name: "blkio-weight",
    kind: "value",
    value: "NUMBER",
    group,
    summary: "Weight of block I/O against other containers, 10 to 1000",
    set: (draft, value) => setBlockIo(draft, "weight", parseWeight(value)),
  },
  {
    name: "blkio-weight-device",
    kind: "value",
    value: "DEVICE:NUMBER",
    repeats: true,
    completes: "file",
    group,
    summary: "Weight for one device",
    set: (draft, value) => {
      setBlockIo(draft, "weightDevice", append(draft.options.blockIo?.weightDevice, parseDeviceWeight(value)));
    },
  },
  rateOption("device-read-bps", "readBps", parseByteRate, "Bytes read from a device in a second"),
  rateOption("device-write-bps", "writeBps", parseByteRate, "Bytes written to a device in a second"),
  rateOption("device-read-iops", "readIops", parseOperationRate, "Reads from a device in a second"),
  rateOption("device-write-iops", "writeIops", parseOperationRate, "Writes to a device in a second"),
  {
    name: "ulimit",
    kind: "value",
    value: "NAME=SOFT[:HARD]",
    repeats: true,
    choices: ulimitNames().map((name) => `${name}=`),
    group,
    summary: "Limit of each process, such as nofile=1024:4096; -1 is no limit",
    set: ({ options }, value) => {
      options.ulimits = append(options.ulimits, parseUlimit(value));
    },
  },
  {
    name: "oom-score-adj",
    kind: "value",
    value: "NUMBER",
    group,
    summary: "Who goes first when the host runs out of memory, -1000 to 1000",
    set: ({ options }, value) => {
      const range = { what: "an adjustment", minimum: -1000, maximum: 1000 };
      options.oomScoreAdj = parseInteger(value, range);
    },
  },
];

type RateKey = "readBps" | "writeBps" | "readIops" | "writeIops";

function rateOption(
  name: string,
  key: RateKey,
  parse: (value: string) => DeviceRate,
  summary: string,
): OptionRow<RunDraft> {
  return {
    name,
    kind: "value",
    value: parse === parseByteRate ? "DEVICE:SIZE" : "DEVICE:NUMBER",
    repeats: true,
    completes: "file",
    group,
    summary,
    set: (draft, value) => setBlockIo(draft, key, append(draft.options.blockIo?.[key], parse(value))),
  };
}
