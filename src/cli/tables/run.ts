import { COMMON_RUN_OPTIONS } from "../global-options.ts";
import type { Grammar } from "../grammar.ts";
import type { RunDraft } from "../run-draft.ts";
import { FILE_OPTIONS } from "./run/files.ts";
import { ISOLATION_OPTIONS } from "./run/isolation.ts";
import { LIMIT_OPTIONS } from "./run/limits.ts";
import { PROCESS_OPTIONS } from "./run/process.ts";
import { SECURITY_OPTIONS } from "./run/security.ts";
import { SHOWING_OPTIONS } from "./run/showing.ts";

export const RUN_GRAMMAR: Grammar<RunDraft> = {
  name: "run",
  operands: "SOURCE [COMMAND...]",
  operandChoices: ["host", "scratch"],
  operandCompletes: "file",
  stopsAtOperand: true,
  description: [
    "Runs a command in a new container. SOURCE is what the container sees as its root: host (the files of this host, " +
      "under a layer that is thrown away), scratch (nothing at all), a folder, or an archive that another engine exported.",
    "Everything after SOURCE belongs to the command. Sampan exits as the command does: with its status, or with 128 and " +
      "the number of the signal that killed it; with 125 when Sampan itself fails, 126 when the command cannot be run, " +
      "and 127 when it is not found.",
    "Options that name one of several things, such as --env and --volume, may be repeated.",
  ],
  examples: [
    { line: "sampan run host ps ax", says: "The host's files, all else private" },
    { line: "sampan run -it --rm ./alpine /bin/sh", says: "A shell in an unpacked image" },
    { line: "sampan run -m 64m --pids-limit 20 alpine.tar ./build.sh", says: "With limits, from an archive" },
    { line: "sampan run --isolate uts,pid host hostname inside", says: "Two isolations and no more" },
    { line: "sampan run --copy ./server:/server --read-only scratch /server", says: "One static program, alone" },
    { line: "sampan run --dry-run --explain host true", says: "The system calls of a run, unmade" },
  ],
  options: [
    ...PROCESS_OPTIONS,
    ...FILE_OPTIONS,
    ...ISOLATION_OPTIONS,
    ...LIMIT_OPTIONS,
    ...SECURITY_OPTIONS,
    ...SHOWING_OPTIONS,
  ],
  common: COMMON_RUN_OPTIONS,
};
