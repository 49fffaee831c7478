import { describe, expect, test } from "bun:test";
import { formatError, SampanError } from "../errors/index.ts";
import type { ParseContext } from "./grammar.ts";
import { parseCompletion } from "./parse-completion.ts";
import { parseDoctor } from "./parse-doctor.ts";
import { parseExec } from "./parse-exec.ts";
import { parseHelp } from "./parse-help.ts";
import { parseInternalReport } from "./parse-internal-report.ts";
import { parseKill } from "./parse-kill.ts";
import { parsePs } from "./parse-ps.ts";
import { parseVersion } from "./parse-version.ts";
import { parseContext } from "./testing/parse-context.ts";

const CONTEXT = parseContext({ HOME: "/home/me" }, { "/dock/vars": "ONE=1\n" });

type Parse = (argv: readonly string[], context: ParseContext) => unknown;

function split(words: string): readonly string[] {
  return words === "" ? [] : words.split(" ");
}

function errorText(parse: Parse, words: string): string {
  try {
    parse(split(words), CONTEXT);
  } catch (error) {
    if (error instanceof SampanError) return formatError(error);
    throw error;
  }
  throw new Error(`no error: ${words}`);
}

function accepts(parse: Parse, cases: Readonly<Record<string, unknown>>): void {
  for (const [words, wanted] of Object.entries(cases)) {
    test(words === "" ? "(nothing)" : words, () => expect(parse(split(words), CONTEXT)).toEqual(wanted));
  }
}

function refuses(parse: Parse, cases: Readonly<Record<string, string>>): void {
  for (const [words, text] of Object.entries(cases)) {
    test(`not: ${words}`, () => expect(errorText(parse, words)).toBe(`sampan: ${text}`));
  }
}

describe("exec", () => {
  const none = { interactive: false, terminal: false, privileged: false, env: [] };
  accepts(parseExec, {
    "web ls -la": { ...none, container: "web", command: ["ls", "-la"] },
    "-it web sh": { ...none, container: "web", command: ["sh"], interactive: true, terminal: true },
    "-e A=1 --env-file vars -e HOME web env": {
      ...none,
      container: "web",
      command: ["env"],
      env: ["ONE=1", "A=1", "HOME=/home/me"],
    },
    "-u 0:0 -w /srv --privileged web id": {
      ...none,
      container: "web",
      command: ["id"],
      user: "0:0",
      workdir: "/srv",
      privileged: true,
    },
  });
  refuses(parseExec, {
    "": "exec needs a CONTAINER. sampan ps lists the containers.",
    web: "exec needs a COMMAND. Write it after the container: sampan exec web /bin/sh.",
    "--name x web sh": "unknown option --name for exec. sampan exec --help lists the options.",
    "--evn A=1 web sh": "unknown option --evn for exec. Did you mean --env?",
  });
});

describe("ps", () => {
  const plain = { all: false, quiet: false, noTrunc: false, format: "table", filters: { name: [], id: [] } };
  accepts(parsePs, {
    "": plain,
    "-aq": { ...plain, all: true, quiet: true },
    "--no-trunc --format json": { ...plain, noTrunc: true, format: "json" },
    "-f name=a -f name=b --filter id=1": { ...plain, filters: { name: ["a", "b"], id: ["1"] } },
  });
  refuses(parsePs, {
    web: 'ps does not take "web". Usage: sampan ps [OPTIONS].',
    "-f web": '-f: "web" is not a filter. Write name=TEXT or id=TEXT.',
    "-f status=up": '-f: "status" is not a filter. Write name or id.',
    "--format yaml": '--format: "yaml" is not a format. Write table or json.',
  });
});

describe("kill", () => {
  accepts(parseKill, {
    web: { signal: 9, containers: ["web"] },
    "-s TERM web cache": { signal: 15, containers: ["web", "cache"] },
    "web --signal=sigusr1": { signal: 10, containers: ["web"] },
  });
  refuses(parseKill, {
    "": "kill needs a CONTAINER. sampan ps lists the containers.",
    "-s HUB web": '-s: "HUB" is not a signal. Did you mean HUP?',
    "-9 web": "unknown option -9 for kill. sampan kill --help lists the options.",
  });
});

describe("doctor and version", () => {
  accepts(parseDoctor, { "": { format: "text" }, "--format json": { format: "json" } });
  accepts(parseVersion, { "": { format: "text" }, "--format=text": { format: "text" } });
  refuses(parseDoctor, { me: 'doctor does not take "me". Usage: sampan doctor [OPTIONS].' });
  refuses(parseVersion, { "--format jsn": '--format: "jsn" is not a format. Did you mean json?' });
});

describe("help", () => {
  accepts(parseHelp, { "": {}, run: { command: "run" } });
  refuses(parseHelp, {
    rn: "unknown command rn. Did you mean run?",
    "run exec": 'help does not take "exec". Usage: sampan help [OPTIONS] [COMMAND].',
  });
});

describe("completion", () => {
  accepts(parseCompletion, { zsh: { shell: "zsh" } });
  refuses(parseCompletion, {
    "": "completion needs the name of a shell. Write bash, zsh or fish.",
    bsh: "no completion for bsh. Did you mean bash?",
    powershell: "no completion for powershell. Write bash, zsh or fish.",
  });
});

describe("internal-report", () => {
  accepts(parseInternalReport, { "json 5": { kind: "json", fd: 5 } });
  const usage = "internal-report needs a kind of report and the number of a descriptor. It is for Sampan's own use.";
  refuses(parseInternalReport, { "": usage, "json x": usage, "yaml 5": usage, "json 5 6": usage });
});
