import { visibleCommands } from "../command-list.ts";
import { TOP_GRAMMAR } from "../global-options.ts";
import { allOptions, type GrammarShape, type OptionShape } from "../grammar.ts";

/** All that a completion script knows. */
export interface Vocabulary {
  /** The words before a command. */
  readonly top: GrammarShape;
  readonly commands: readonly { readonly name: string; readonly summary: string; readonly grammar: GrammarShape }[];
}

export async function loadVocabulary(): Promise<Vocabulary> {
  const commands = visibleCommands().map(async ({ name, summary, grammar }) => ({
    name,
    summary,
    grammar: await grammar(),
  }));
  return { top: TOP_GRAMMAR, commands: await Promise.all(commands) };
}

/** Every grammar, that of the words before a command first. */
export function grammars({ top, commands }: Vocabulary): readonly GrammarShape[] {
  return [top, ...commands.map(({ grammar }) => grammar)];
}

/** `--memory` and `-m`: all ways to write an option. */
export function spellings(option: OptionShape): readonly string[] {
  const long = [option.name, ...(option.aliases ?? [])].map((name) => `--${name}`);
  return option.short === undefined ? long : [...long, `-${option.short}`];
}

/** Letters of the short options that take a value, or of those that do not. */
export function letters(grammar: GrammarShape, takesValue: boolean): string {
  return allOptions(grammar)
    .filter((option) => (option.kind === "value") === takesValue)
    .map((option) => option.short ?? "")
    .join("");
}

/** The longest text that a shell takes between single quotes: all of it, but for the quotes themselves. */
export function singleQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
