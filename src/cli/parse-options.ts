import { SampanError } from "../errors/index.ts";
import type { GlobalDraft, Grammar, GrammarShape, OptionRow, ParseContext } from "./grammar.ts";
import { type FoundOption, tokenize } from "./tokenize.ts";
import { parseBoolean } from "./values/boolean.ts";

/** Applies the command's own options to the draft, in order, and returns the operands. */
export function parseOptions<Draft>(
  grammar: Grammar<Draft>,
  argv: readonly string[],
  draft: Draft,
  context: ParseContext,
): readonly string[] {
  const { found, operands } = tokenize(grammar, argv);
  applyRows(grammar.options, found, draft, context);
  refuseConflicts(found);
  return operands;
}

/** Applies only what every command takes. */
export function parseCommonOptions(
  grammar: GrammarShape,
  argv: readonly string[],
  draft: GlobalDraft,
  context: ParseContext,
): void {
  applyRows(grammar.common, tokenize(grammar, argv).found, draft, context);
}

/** False for most command lines, at the cost of one look at each word; true does not promise anything. */
export function mayHoldCommonOptions(argv: readonly string[]): boolean {
  return argv.some((word) => (word.startsWith("--") ? COMMON.some((start) => word.startsWith(start)) : isShortH(word)));
}

const COMMON = ["--help", "--root", "--debug", "--version"];

/** `-h` alone or in a group. No regular expression, because compiling the first one takes longer than all of parsing. */
function isShortH(word: string): boolean {
  return word.startsWith("-") && word.includes("h");
}

function applyRows<Draft>(
  rows: readonly OptionRow<Draft>[],
  found: readonly FoundOption[],
  draft: Draft,
  context: ParseContext,
): void {
  for (const option of found) {
    const row = rows.find((candidate) => candidate === option.row);
    if (row !== undefined) setOption(row, option, draft, context);
  }
}

function setOption<Draft>(row: OptionRow<Draft>, option: FoundOption, draft: Draft, context: ParseContext): void {
  const { label, value } = option;
  try {
    if (row.kind === "switch") row.set(draft, value === undefined || parseBoolean(value));
    else if (row.kind === "optional") row.set(draft, value);
    else row.set(draft, value ?? "", context);
  } catch (error) {
    throw error instanceof SampanError && error.code === "INVALID_VALUE" ? named(error, label) : error;
  }
}

function named(error: SampanError, label: string): SampanError {
  return new SampanError(error.code, `${label}: ${error.message}`, { ...error.details, object: label });
}

function refuseConflicts(found: readonly FoundOption[]): void {
  for (const { row, label } of found) {
    const other = found.find((candidate) => row.conflicts?.includes(candidate.row.name));
    if (other === undefined) continue;
    throw new SampanError("USAGE", `${label} cannot be used with ${other.label}`, {
      object: label,
      hint: "They exclude each other; keep one.",
    });
  }
}
