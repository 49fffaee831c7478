import type { OptionRow } from "../../grammar.ts";
import { append, type RunDraft } from "../../run-draft.ts";
import { parseEntrypoint } from "../../values/entrypoint.ts";
import { parseEnv, parseEnvFile } from "../../values/env.ts";
import { parseContainerName, parseUtsName } from "../../values/name.ts";
import { parseContainerPath, parseHostPath } from "../../values/path.ts";
import { parseSignal, signalNames } from "../../values/signal.ts";
import { parseGroup, parseUser } from "../../values/user.ts";

const group = "Process";

/** What runs, as whom, and how one talks to it. */
export const PROCESS_OPTIONS: readonly OptionRow<RunDraft>[] = [
  {
    name: "interactive",
    short: "i",
    kind: "switch",
    group,
    summary: "Keep standard input open",
    set: ({ options }, on) => {
      options.interactive = on;
    },
  },
  {
    name: "tty",
    short: "t",
    kind: "switch",
    group,
    summary: "Give the command a terminal",
    set: ({ options }, on) => {
      options.terminal = on;
    },
  },
  {
    name: "rm",
    kind: "switch",
    group,
    summary: "Forget the container when it ends",
    set: ({ options }, on) => {
      options.remove = on;
    },
  },
  {
    name: "name",
    kind: "value",
    value: "NAME",
    group,
    summary: "Name of the container",
    set: ({ options }, value) => {
      options.name = parseContainerName(value);
    },
  },
  {
    name: "workdir",
    short: "w",
    kind: "value",
    value: "PATH",
    group,
    summary: "Folder in the container to start in",
    set: ({ options }, value) => {
      options.workdir = parseContainerPath(value);
    },
  },
  {
    name: "env",
    short: "e",
    kind: "value",
    value: "NAME[=VALUE]",
    repeats: true,
    completes: "variable",
    group,
    summary: "Environment variable; a bare NAME takes your value",
    set: (draft, value, { env }) => {
      draft.env.push(...parseEnv(value, env));
    },
  },
  {
    name: "env-file",
    kind: "value",
    value: "FILE",
    repeats: true,
    completes: "file",
    group,
    summary: "Environment variables from a file, one NAME=VALUE a line; --env wins",
    set: (draft, value, context) => {
      draft.envFromFiles.push(...parseEnvFile(value, context));
    },
  },
  {
    name: "user",
    short: "u",
    kind: "value",
    value: "USER[:GROUP]",
    group,
    summary: "User and group, by name or number",
    set: ({ options }, value) => {
      options.user = parseUser(value);
    },
  },
  {
    name: "group-add",
    kind: "value",
    value: "GROUP",
    repeats: true,
    group,
    summary: "Further group of the user",
    set: ({ options }, value) => {
      options.groupAdd = append(options.groupAdd, parseGroup(value));
    },
  },
  {
    name: "entrypoint",
    kind: "value",
    value: "PROGRAM",
    group,
    summary: 'Replace the image\'s entry point; a JSON array for several words, "" for none',
    set: ({ options }, value) => {
      options.entrypoint = parseEntrypoint(value);
    },
  },
  {
    name: "init",
    kind: "switch",
    group,
    summary: "Run an init as PID 1, which forwards signals and reaps orphans",
    set: ({ options }, on) => {
      options.init = on;
    },
  },
  {
    name: "stop-signal",
    kind: "value",
    value: "SIGNAL",
    choices: signalNames(),
    group,
    summary: "Signal that asks the command to stop",
    set: ({ options }, value) => {
      options.stopSignal = parseSignal(value);
    },
  },
  {
    name: "pidfile",
    kind: "value",
    value: "FILE",
    completes: "file",
    group,
    summary: "Write the command's process id, as the host sees it, to a file",
    set: ({ options }, value, { cwd }) => {
      options.pidFile = parseHostPath(value, cwd);
    },
  },
  {
    name: "cidfile",
    kind: "value",
    value: "FILE",
    completes: "file",
    group,
    summary: "Write the container's id to a file",
    set: ({ options }, value, { cwd }) => {
      options.cidFile = parseHostPath(value, cwd);
    },
  },
  {
    name: "hostname",
    short: "h",
    kind: "value",
    value: "NAME",
    group,
    summary: "Host name in the container",
    set: ({ options }, value) => {
      options.hostname = parseUtsName(value);
    },
  },
  {
    name: "domainname",
    kind: "value",
    value: "NAME",
    group,
    summary: "NIS domain name in the container",
    set: ({ options }, value) => {
      options.domainname = parseUtsName(value);
    },
  },
];
