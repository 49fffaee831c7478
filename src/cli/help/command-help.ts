import { allOptions, type GrammarShape, type OptionShape } from "../grammar.ts";
import { usage } from "../operands.ts";
import { byGroup, COLUMNS, twoColumns, wrap } from "./layout.ts";
import { optionForms } from "./option-text.ts";

const LEFT_WIDTH = 34;

/** What `sampan COMMAND --help` prints. */
export function commandHelp(grammar: GrammarShape): string {
  const paragraphs = grammar.description.map((text) => `${wrap(text, COLUMNS).join("\n")}\n`);
  const groups = byGroup(allOptions(grammar)).map(([group, options]) => `${group}:\n${optionLines(options)}`);
  return [`Usage: ${usage(grammar)}\n`, ...paragraphs, ...groups, ...exampleLines(grammar)].join("\n");
}

export function optionLines(options: readonly OptionShape[]): string {
  return twoColumns(
    options.map((option) => [optionForms(option), option.summary]),
    LEFT_WIDTH,
  );
}

function exampleLines({ examples }: GrammarShape): readonly string[] {
  if (examples.length === 0) return [];
  const width = Math.max(...examples.map(({ line }) => line.length));
  return [
    `Examples:\n${twoColumns(
      examples.map(({ line, says }) => [line, says]),
      width,
    )}`,
  ];
}
