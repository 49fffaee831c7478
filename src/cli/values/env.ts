import type { ParseContext } from "../grammar.ts";
import { invalid, quote } from "./invalid.ts";
import { splitFirst } from "./pair.ts";
import { parseHostPath } from "./path.ts";

/** `NAME=value`, or a bare NAME that takes the caller's value; nothing when the caller has none, as Docker does. */
export function parseEnv(value: string, env: ParseContext["env"]): readonly string[] {
  const [name, given] = splitFirst(value, "=");
  if (name === "") throw invalid(`${quote(value)} has no variable name`, "Write NAME=value, or NAME alone.");
  return given === undefined ? inherited(name, env) : [value];
}

/**
 * Docker's file syntax: a variable on each line, values verbatim (no quotes, no expansion), `#` starts a comment only at
 * the start of a line, a bare name takes the caller's value.
 */
export function parseEnvFile(path: string, context: ParseContext): readonly string[] {
  const text = readEnvFile(path, context).replace(/^\uFEFF/, "");
  return text.split("\n").flatMap((line, index) => {
    const trimmed = line.replace(/\r$/, "").trimStart();
    const isIgnored = trimmed === "" || trimmed.startsWith("#");
    return isIgnored ? [] : parseLine(trimmed, `${path}:${index + 1}`, context);
  });
}

function readEnvFile(path: string, { cwd, readFile }: ParseContext): string {
  try {
    return readFile(parseHostPath(path, cwd));
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    throw invalid(`cannot read ${quote(path)}: ${reason}`, "Name a file that you may read.");
  }
}

function parseLine(line: string, place: string, context: ParseContext): readonly string[] {
  const [name, value] = splitFirst(line, "=");
  if (name === "") throw invalid(`${place} has no variable name`, "Each line is NAME=value or NAME.");
  if (/\s/.test(name)) {
    throw invalid(`${place}: the variable name ${quote(name)} has a space in it`, "Each line is NAME=value or NAME.");
  }
  return value === undefined ? inherited(name, context.env) : [line];
}

function inherited(name: string, env: ParseContext["env"]): readonly string[] {
  const value = env[name];
  return value === undefined ? [] : [`${name}=${value}`];
}
