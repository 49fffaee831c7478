/**
 * What a command understands, as data. Each command's options are written once, in a table of these rows: the parser,
 * `--help`, shell completion, suggestions for misspelt options and the reference page all read the same rows.
 */

/** What the outside world lends to parsing; everything else follows from the arguments. */
export interface ParseContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Absolute; relative paths are resolved against it. */
  readonly cwd: string;
  readonly readFile: (path: string) => string;
}

/** What a shell may offer for a value. */
export type Completes = "file" | "folder" | "container" | "variable";

/** The part of a row that people and shells see. */
export interface OptionShape {
  /** Long name without dashes. */
  readonly name: string;
  readonly aliases?: readonly string[];
  /** One letter without its dash. */
  readonly short?: string;
  /** `switch`: on by being there, or `=true|false`. `optional`: a value only after `=`. */
  readonly kind: "switch" | "value" | "optional";
  /** Placeholder of the value in help, e.g. `SIZE`. */
  readonly value?: string;
  readonly repeats?: boolean;
  /** All legal values, or the usual ones where a value is richer than a word. */
  readonly choices?: readonly string[];
  /** The value may be several choices with commas. */
  readonly isList?: boolean;
  readonly completes?: Completes;
  readonly group: string;
  readonly summary: string;
  /** Long names of options that say the same thing differently. */
  readonly conflicts?: readonly string[];
}

/** A row that knows what its option does to the draft of a command. */
export type OptionRow<Draft> = OptionShape &
  (
    | { readonly kind: "switch"; set(draft: Draft, on: boolean): void }
    | { readonly kind: "value"; readonly value: string; set(draft: Draft, value: string, context: ParseContext): void }
    | { readonly kind: "optional"; readonly value: string; set(draft: Draft, value: string | undefined): void }
  );

/** What every command takes, before its name or among its own options. */
export interface GlobalDraft {
  root?: string;
  debug?: boolean;
  help?: boolean;
  version?: boolean;
}

export interface GrammarShape {
  readonly name: string;
  /** The words after the options, e.g. `SOURCE [COMMAND...]`. */
  readonly operands: string;
  /** What a shell may offer for the first operand. */
  readonly operandChoices?: readonly string[];
  readonly operandCompletes?: Completes;
  /** Options end at the first operand, because what follows is another program's command line. */
  readonly stopsAtOperand: boolean;
  readonly options: readonly OptionShape[];
  /** Read before the command starts; the command itself does not see them. */
  readonly common: readonly OptionRow<GlobalDraft>[];
  /** Paragraphs. */
  readonly description: readonly string[];
  readonly examples: readonly { readonly line: string; readonly says: string }[];
}

export interface Grammar<Draft> extends GrammarShape {
  readonly options: readonly OptionRow<Draft>[];
}

export function allOptions(grammar: GrammarShape): readonly OptionShape[] {
  return [...grammar.options, ...grammar.common];
}

/** How one calls it: `sampan run`; the grammar of the words before a command is named `sampan` itself. */
export function invocation(grammar: GrammarShape): string {
  return grammar.name === "sampan" ? "sampan" : `sampan ${grammar.name}`;
}
