/** A tutorial page as data: its console blocks, the commands in them and what each is to print. */

export interface Command {
  /** Of the page, from 1. */
  readonly line: number;
  /** `#` needs root. */
  readonly prompt: "$" | "#";
  readonly text: string;
  readonly expected: readonly string[];
}

export interface Block {
  readonly line: number;
  readonly commands: readonly Command[];
  readonly directives: Directives;
}

/** What a comment `<!-- test: …; … -->` above a block says. */
export interface Directives {
  readonly root: boolean;
  /** The commands run as an ordinary user, even when the tests run as root. */
  readonly user: boolean;
  /** The command has a terminal; what is typed there follows `prompt`. */
  readonly terminal: boolean;
  readonly prompt?: string;
  readonly skip?: string;
  /** Texts that differ from run to run, and the pattern for each. */
  readonly varies: readonly (readonly [text: string, pattern: string])[];
}

export const PATTERNS: Readonly<Record<string, string>> = {
  "<number>": "[0-9]+(?:[.,][0-9]+)*",
  "<hex>": "[0-9a-f]+",
  "<word>": "\\S+",
  "<text>": "[^\\n]*",
};

type Draft = { -readonly [Key in keyof Directives]: Directives[Key] };

function readDirective(draft: Draft, item: string): void {
  const [word = "", rest] = splitOnce(item, " ");
  const [text, pattern] = splitOnce(item, " ~ ");
  if (pattern !== undefined) {
    const known = PATTERNS[pattern];
    if (known === undefined) throw new Error(`${pattern} is none of ${Object.keys(PATTERNS).join(", ")}`);
    draft.varies = [...draft.varies, [text, known]];
  } else if (item === "root") draft.root = true;
  else if (item === "user") draft.user = true;
  else if (item === "tty") draft.terminal = true;
  else if (word === "prompt" && rest !== undefined) draft.prompt = JSON.parse(rest);
  else if (word === "skip" && rest !== undefined) draft.skip = rest;
  else throw new Error(`unknown test directive: ${item}`);
}

function splitOnce(text: string, separator: string): [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length).trim()];
}

/** @throws Error naming a directive that does not exist. */
export function parseDirectives(comment: string | undefined): Directives {
  const draft: Draft = { root: false, user: false, terminal: false, varies: [] };
  const body = /^<!-- test: (.*) -->$/.exec(comment?.trim() ?? "")?.[1];
  for (const item of body?.split(";") ?? []) readDirective(draft, item.trim());
  return draft;
}

/** A line of `> ` directly below a command goes on with it, and so does every line after a backslash. */
function isContinuation(command: string, line: string | undefined): line is string {
  return line !== undefined && (line.startsWith("> ") || line === ">" || command.endsWith("\\"));
}

function parseCommands(lines: readonly string[], firstLine: number): Command[] {
  const commands: Command[] = [];
  for (let at = 0; at < lines.length; ) {
    const start = at;
    const line = lines[at++] ?? "";
    const prompt = line[0];
    if ((prompt !== "$" && prompt !== "#") || line[1] !== " ") {
      throw new Error(`line ${firstLine + start}: a console block begins with "$ COMMAND" or "# COMMAND"`);
    }
    let text = line.slice(2);
    for (let next = lines[at]; isContinuation(text, next); next = lines[++at]) text += `\n${next.replace(/^> ?/, "")}`;
    const expected: string[] = [];
    for (let next = lines[at]; next !== undefined && !/^[$#] /.test(next); next = lines[++at]) expected.push(next);
    commands.push({ line: firstLine + start, prompt, text, expected });
  }
  return commands;
}

/** With a terminal there is one command; whatever follows it, shell prompts included, is what the terminal shows. */
function parseTerminalCommand(lines: readonly string[], firstLine: number): Command[] {
  const [command] = parseCommands(lines.slice(0, 1), firstLine);
  return command === undefined ? [] : [{ ...command, expected: lines.slice(1) }];
}

function parseBlock(lines: readonly string[], fence: number, end: number): Block {
  const directives = parseDirectives(lines[fence - 1]);
  const inside = lines.slice(fence + 1, end);
  const parse = directives.terminal ? parseTerminalCommand : parseCommands;
  return { line: fence + 1, directives, commands: parse(inside, fence + 2) };
}

export function parsePage(markdown: string): Block[] {
  const lines = markdown.split("\n");
  const blocks: Block[] = [];
  for (let at = 0; at < lines.length; at++) {
    const fence = /^(`{3,})(.*)$/.exec(lines[at] ?? "");
    if (fence === null) continue;
    const end = lines.indexOf(fence[1] ?? "", at + 1);
    if (end < 0) throw new Error(`line ${at + 1}: this block does not end`);
    if (fence[2]?.trim() === "console") blocks.push(parseBlock(lines, at, end));
    at = end;
  }
  return blocks;
}
