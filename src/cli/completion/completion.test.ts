import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { missingCommand, testUnless } from "../../../test/support/skip.ts";
import { bashCompletion } from "./bash.ts";
import { fishCompletion } from "./fish.ts";
import { loadVocabulary } from "./vocabulary.ts";
import { zshCompletion } from "./zsh.ts";

const vocabulary = await loadVocabulary();
const scripts = {
  bash: bashCompletion(vocabulary),
  zsh: zshCompletion(vocabulary),
  fish: fishCompletion(vocabulary),
};

/** Splits a line as readline does (at spaces, = and :), calls the completion and prints what it offers. */
const DRIVER = `
COMP_LINE=$1
COMP_POINT=\${#1}
mapfile -t COMP_WORDS < <(grep -oE '[^ =:]+|[=:]+' <<<"$1")
[[ $1 == *' ' ]] && COMP_WORDS+=('')
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
compopt() { :; }
_sampan
printf '%s\\n' "\${COMPREPLY[@]}" | sort -u
`;

const CONTAINERS = '[{"id":"abc123","name":"web"},\n {"id":"def456", "name": "cache"}]';

describe("bash offers", () => {
  let folder = "";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "sampan-completion-"));
    mkdirSync(join(folder, "data"));
    writeFileSync(join(folder, "database.txt"), "");
    writeFileSync(join(folder, "sampan"), `#!/bin/sh\ncat <<'E'\n${CONTAINERS}\nE\n`);
    chmodSync(join(folder, "sampan"), 0o755);
    writeFileSync(join(folder, "complete.bash"), `${scripts.bash}\n${DRIVER}`);
  });

  afterAll(() => rmSync(folder, { recursive: true }));

  function offers(line: string): readonly string[] {
    const env = { PATH: `${folder}:${process.env["PATH"]}`, HOME: folder };
    const text = execFileSync("bash", ["complete.bash", line], { cwd: folder, env, encoding: "utf8" });
    return text.split("\n").filter((word) => word !== "");
  }

  const cases: Readonly<Record<string, readonly string[]>> = {
    "sampan ": ["completion", "doctor", "exec", "help", "kill", "ps", "run", "version"],
    "sampan r": ["run"],
    "sampan --ro": ["--root"],
    "sampan --root data ki": ["kill"],
    "sampan run --iso": ["--isolate"],
    "sampan run --isolate u": ["user", "uts"],
    "sampan run --isolate=u": ["user", "uts"],
    "sampan run --isolate uts,p": ["uts,pid"],
    "sampan run --net ": ["host", "none", "private"],
    "sampan run --pid=h": ["host"],
    "sampan run -itv da": ["data"],
    "sampan run -v /a:da": [],
    "sampan run --env-file data": ["data", "database.txt"],
    "sampan run --rm -m 64m h": ["host"],
    "sampan run --security-opt no-new-privileges:t": ["true"],
    "sampan run --ulimit nof": ["nofile="],
    "sampan run -m ": [],
    "sampan run host -": [],
    "sampan run host ./no/such": [],
    "sampan run -- ho": ["host"],
    "sampan kill ": ["abc123", "cache", "def456", "web"],
    "sampan kill web -s TE": ["TERM"],
    "sampan exec -it w": ["web"],
    "sampan ps -f n": ["name="],
    "sampan help pow": [],
    "sampan completion z": ["zsh"],
  };
  for (const [line, wanted] of Object.entries(cases)) {
    test(line, () => expect(offers(line)).toEqual([...wanted]));
  }
});

describe("each shell can read its script", () => {
  for (const [shell, script] of Object.entries(scripts)) {
    testUnless(missingCommand(shell))(shell, () => {
      expect(spawnSync(shell, ["-n"], { input: script, encoding: "utf8" })).toMatchObject({ status: 0, stderr: "" });
    });
  }
});

test("every script knows every option of run", () => {
  const run = vocabulary.commands.find(({ name }) => name === "run");
  for (const { name } of run?.grammar.options ?? []) {
    expect(scripts.bash).toContain(`--${name} `);
    expect(scripts.zsh).toContain(`--${name}`);
    expect(scripts.fish).toContain(` -l ${name} `);
  }
});
