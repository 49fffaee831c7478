import type { RunOptions } from "../../../engine/index.ts";
import type { OptionRow } from "../../grammar.ts";
import { append, type RunDraft } from "../../run-draft.ts";
import { parseIdMap } from "../../values/id-map.ts";
import { isolationWords, parseIsolations } from "../../values/isolation.ts";
import { NAMESPACE_MODES, NETWORK_MODES, parseNamespaceMode } from "../../values/namespace-mode.ts";
import { parseTimeOffset } from "../../values/time-offset.ts";

const group = "Isolation";

/** Which walls stand between the container and the host. */
export const ISOLATION_OPTIONS: readonly OptionRow<RunDraft>[] = [
  {
    name: "isolate",
    kind: "value",
    value: "LIST",
    repeats: true,
    choices: isolationWords(),
    isList: true,
    group,
    summary: "Exactly these isolations, with commas; none, all; by default all but user and time",
    set: ({ options }, value) => {
      options.isolate = parseIsolations(value, options.isolate);
    },
  },
  namespaceOption("pid", "pid", "PID", "Process ids"),
  namespaceOption("ipc", "ipc", "IPC", "System V IPC, message queues and /dev/shm"),
  namespaceOption("uts", "uts", "UTS", "Host and domain name"),
  namespaceOption("userns", "user", "user", "User and group ids"),
  namespaceOption("cgroupns", "cgroup", "cgroup", "View of the control groups"),
  namespaceOption("network", "network", "network", "Network; none is loopback only"),
  {
    name: "time-offset",
    kind: "value",
    value: "[CLOCK=]SECONDS",
    repeats: true,
    choices: ["monotonic=", "boottime="],
    group,
    summary: "Move the monotonic and the boot-time clock, or one of them",
    set: ({ options }, value) => {
      options.timeOffsetSeconds = { ...options.timeOffsetSeconds, ...parseTimeOffset(value) };
    },
  },
  {
    name: "uidmap",
    kind: "value",
    value: "CONTAINER:HOST:SIZE",
    repeats: true,
    group,
    summary: "User ids of the container and where they lie on the host",
    set: ({ options }, value) => {
      options.uidMap = append(options.uidMap, parseIdMap(value));
    },
  },
  {
    name: "gidmap",
    kind: "value",
    value: "CONTAINER:HOST:SIZE",
    repeats: true,
    group,
    summary: "Group ids of the container and where they lie on the host",
    set: ({ options }, value) => {
      options.gidMap = append(options.gidMap, parseIdMap(value));
    },
  },
];

type NamespaceKey = keyof NonNullable<RunOptions["namespaces"]>;

function namespaceOption(name: string, key: NamespaceKey, what: string, summary: string): OptionRow<RunDraft> {
  const choices = key === "network" ? NETWORK_MODES : NAMESPACE_MODES;
  return {
    name,
    ...(key === "network" ? { aliases: ["net"] } : {}),
    kind: "value",
    value: "MODE",
    choices,
    group,
    summary: `${summary}: ${choices.join(", ")}`,
    set: ({ options }, value) => {
      options.namespaces = { ...options.namespaces, [key]: parseNamespaceMode(value, choices, what) };
    },
  };
}
