import { SampanError } from "../errors/index.ts";
import { COMMON_OPTIONS } from "./global-options.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { parseOptions } from "./parse-options.ts";
import { parseEnv, parseEnvFile } from "./values/env.ts";
import { parseContainerPath } from "./values/path.ts";
import { parseUser } from "./values/user.ts";

export interface ExecCommand {
  /** Name, id or the start of an id. */
  readonly container: string;
  readonly command: readonly string[];
  readonly interactive: boolean;
  readonly terminal: boolean;
  readonly privileged: boolean;
  /** `NAME=value`, later ones win. */
  readonly env: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
}

interface ExecDraft {
  interactive: boolean;
  terminal: boolean;
  privileged: boolean;
  readonly envFromFiles: string[];
  readonly env: string[];
  user?: string;
  workdir?: string;
}

const group = "Options";

export const EXEC_GRAMMAR: Grammar<ExecDraft> = {
  name: "exec",
  operands: "CONTAINER COMMAND...",
  operandCompletes: "container",
  stopsAtOperand: true,
  description: [
    "Runs another command inside a running container: in its namespaces, its control group and its files. CONTAINER is " +
      "a name, an id or the start of one. Everything after CONTAINER belongs to the command.",
  ],
  examples: [
    { line: "sampan exec -it web /bin/sh", says: "A shell beside the container's own command" },
    { line: "sampan exec -e DEBUG=1 -u nobody web ./check", says: "With a variable, as another user" },
  ],
  options: [
    {
      name: "interactive",
      short: "i",
      kind: "switch",
      group,
      summary: "Keep standard input open",
      set: (draft, on) => {
        draft.interactive = on;
      },
    },
    {
      name: "tty",
      short: "t",
      kind: "switch",
      group,
      summary: "Give the command a terminal",
      set: (draft, on) => {
        draft.terminal = on;
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
      name: "workdir",
      short: "w",
      kind: "value",
      value: "PATH",
      group,
      summary: "Folder in the container to start in",
      set: (draft, value) => {
        draft.workdir = parseContainerPath(value);
      },
    },
    {
      name: "user",
      short: "u",
      kind: "value",
      value: "USER[:GROUP]",
      group,
      summary: "User and group, by name or number",
      set: (draft, value) => {
        draft.user = parseUser(value);
      },
    },
    {
      name: "privileged",
      kind: "switch",
      group,
      summary: "Give the command all capabilities",
      set: (draft, on) => {
        draft.privileged = on;
      },
    },
  ],
  common: COMMON_OPTIONS,
};

export function parseExec(argv: readonly string[], context: ParseContext): ExecCommand {
  const draft: ExecDraft = { interactive: false, terminal: false, privileged: false, envFromFiles: [], env: [] };
  const [container, ...command] = parseOptions(EXEC_GRAMMAR, argv, draft, context);
  if (container === undefined) throw missing("CONTAINER", "sampan ps lists the containers.");
  if (command.length === 0) throw missing("COMMAND", `Write it after the container: sampan exec ${container} /bin/sh.`);
  const { envFromFiles, env, ...rest } = draft;
  return { container, command, ...rest, env: [...envFromFiles, ...env] };
}

function missing(operand: string, hint: string): SampanError {
  return new SampanError("USAGE", `exec needs a ${operand}`, { object: operand, hint });
}
