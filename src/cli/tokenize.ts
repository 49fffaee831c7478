/**
 * Splits arguments into options and operands, as pflag does for Docker and Podman.
 *
 * Why not `parseArgs` of node:util: it reads `-m=64m` as the value `=64m` and `-t=false` as six short options, goes on
 * tokenizing the container's own command line after SOURCE, and importing node:util costs some milliseconds, which is
 * as long as a whole run takes.
 */
import { SampanError } from "../errors/index.ts";
import { allOptions, type GrammarShape, invocation, type OptionShape } from "./grammar.ts";
import { closest } from "./suggest.ts";

export interface FoundOption {
  readonly row: OptionShape;
  /** As it was written: `-m` or `--memory`. */
  readonly label: string;
  readonly value: string | undefined;
}

export interface Tokens {
  readonly found: readonly FoundOption[];
  readonly operands: readonly string[];
}

interface Cursor {
  readonly grammar: GrammarShape;
  readonly options: readonly OptionShape[];
  /** What is left, next first. */
  readonly rest: string[];
  readonly found: FoundOption[];
}

/** Throws UNKNOWN_OPTION, or USAGE for an option that misses its value. */
export function tokenize(grammar: GrammarShape, argv: readonly string[]): Tokens {
  const cursor: Cursor = { grammar, options: allOptions(grammar), rest: [...argv], found: [] };
  const operands: string[] = [];
  for (let word = cursor.rest.shift(); word !== undefined; word = cursor.rest.shift()) {
    if (word === "--") {
      operands.push(...cursor.rest);
      break;
    }
    if (word.startsWith("--")) takeLong(cursor, word);
    else if (word.startsWith("-") && word.length > 1) takeShorts(cursor, word);
    else {
      operands.push(word);
      if (!grammar.stopsAtOperand) continue;
      operands.push(...cursor.rest);
      break;
    }
  }
  return { found: cursor.found, operands };
}

function takeLong(cursor: Cursor, word: string): void {
  const equals = word.indexOf("=");
  const name = equals < 0 ? word.slice(2) : word.slice(2, equals);
  const row = cursor.options.find((option) => option.name === name || option.aliases?.includes(name));
  if (row === undefined) throw unknownOption(cursor.grammar, `--${name}`);
  const inline = equals < 0 ? undefined : word.slice(equals + 1);
  cursor.found.push({ row, label: `--${name}`, value: inline ?? nextValue(cursor, row, `--${name}`) });
}

function takeShorts(cursor: Cursor, word: string): void {
  for (let at = 1; at < word.length; at++) {
    const letter = word.charAt(at);
    const row = cursor.options.find((option) => option.short === letter);
    if (row === undefined) throw unknownOption(cursor.grammar, `-${letter}`, word);
    const label = `-${letter}`;
    const tail = word.slice(at + 1);
    if (tail.startsWith("=") || (tail !== "" && row.kind === "value")) {
      cursor.found.push({ row, label, value: tail.startsWith("=") ? tail.slice(1) : tail });
      return;
    }
    cursor.found.push({ row, label, value: nextValue(cursor, row, label) });
  }
}

/** The next word is the value even when it starts with a dash: `--memory-swap -1`. */
function nextValue(cursor: Cursor, row: OptionShape, label: string): string | undefined {
  if (row.kind !== "value") return undefined;
  const value = cursor.rest.shift();
  if (value !== undefined) return value;
  throw new SampanError("USAGE", `option ${label} for ${cursor.grammar.name} needs a value`, {
    object: label,
    hint: missingValueHint(row, label),
  });
}

function missingValueHint(row: OptionShape, label: string): string {
  const write = `Write ${label} ${row.value}.`;
  return label === "-h" ? `${write} Help is --help.` : write;
}

function unknownOption(grammar: GrammarShape, label: string, word = label): SampanError {
  const place = word === label || word.length === 2 ? "" : ` (in ${word})`;
  return new SampanError("UNKNOWN_OPTION", `unknown option ${label} for ${grammar.name}${place}`, {
    object: label,
    hint: unknownOptionHint(grammar, word),
  });
}

/** What users of Docker and Podman reach for, and what is still to come. */
const NOT_YET: Readonly<Record<string, string>> = {
  d: "Detached containers are not there yet; let the shell do it: sampan run … &",
  detach: "Detached containers are not there yet; let the shell do it: sampan run … &",
  p: "Publishing ports is not there yet; --network host shares the machine's network.",
  publish: "Publishing ports is not there yet; --network host shares the machine's network.",
  restart: "Restart policies are not there yet.",
  platform: "Images of registries are not there yet.",
  pull: "Images of registries are not there yet.",
};

function unknownOptionHint(grammar: GrammarShape, word: string): string {
  const coming = grammar.name === "run" ? NOT_YET[word.replace(/^-+/, "")] : undefined;
  if (coming !== undefined) return coming;
  const names = allOptions(grammar).flatMap((option) => [option.name, ...(option.aliases ?? [])]);
  const body = word.replace(/^-+/, "");
  // One dash and a long word is most often a long option that lost a dash.
  const near = body.length > 1 ? closest(body, names) : undefined;
  return near === undefined ? `${invocation(grammar)} --help lists the options.` : `Did you mean --${near}?`;
}
