/** Writes docs/reference/cli.md from the tables in src/cli; `--check` compares instead and exits with 1 on drift. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { loadVocabulary, type Vocabulary } from "../src/cli/completion/vocabulary.ts";
import type { GrammarShape, OptionShape } from "../src/cli/grammar.ts";
import { byGroup } from "../src/cli/help/layout.ts";
import { longForms } from "../src/cli/help/option-text.ts";
import { usage } from "../src/cli/operands.ts";

const TARGET = fileURLToPath(new URL("../docs/reference/cli.md", import.meta.url));

const INTRODUCTION = `# The command line

<!-- Written by scripts/generate-cli-reference.ts from the tables in src/cli; do not edit. -->

Options are named as Docker and Podman name them. \`--option value\` and \`--option=value\` say the same, and so do
\`-o value\`, \`-o=value\` and \`-ovalue\`; short switches may be grouped, as in \`-it\`. A switch is on by being there, or is
\`=true\` or \`=false\`. Options marked with * may be repeated; of all others the last one counts. \`--\` ends the options.
`;

function page({ top, commands }: Vocabulary): string {
  const list = commands.map(({ name, summary }) => `- [\`sampan ${name}\`](#sampan-${name}): ${summary}\n`);
  const sections = commands.map(({ name, grammar }) => commandSection(name, grammar));
  return [INTRODUCTION, list.join(""), "## Everywhere\n", optionTable(top.common), ...sections].join("\n");
}

function commandSection(name: string, grammar: GrammarShape): string {
  const groups = byGroup(grammar.options).map(([group, options]) => `### ${group}\n\n${optionTable(options)}`);
  return [
    `## sampan ${name}\n`,
    `\`\`\`text\n${usage(grammar)}\n\`\`\`\n`,
    ...grammar.description.map((paragraph) => `${paragraph}\n`),
    ...groups,
    ...examples(grammar),
  ].join("\n");
}

function optionTable(options: readonly OptionShape[]): string {
  return `| option | meaning |\n| --- | --- |\n${options.map(optionRow).join("")}`;
}

function optionRow(option: OptionShape): string {
  const short = option.short === undefined ? "" : `-${option.short}, `;
  const star = option.repeats ? " *" : "";
  const conflicts = option.conflicts?.map((name) => `\`--${name}\``).join(", ");
  const without = conflicts === undefined ? "" : `; not with ${conflicts}`;
  return `| \`${cell(`${short}${longForms(option)}`)}\`${star} | ${cell(option.summary)}${without} |\n`;
}

/** A bar ends a cell even between backquotes. */
function cell(text: string): string {
  return text.replaceAll("|", "\\|");
}

function examples({ examples }: GrammarShape): readonly string[] {
  if (examples.length === 0) return [];
  const lines = examples.map(({ line, says }) => `# ${says}\n${line}\n`);
  return [`Examples:\n\n\`\`\`sh\n${lines.join("\n")}\`\`\`\n`];
}

const wanted = page(await loadVocabulary());

if (!process.argv.includes("--check")) {
  writeFileSync(TARGET, wanted);
} else if (readFileSync(TARGET, "utf8") !== wanted) {
  console.error("docs/reference/cli.md differs from the tables in src/cli: run scripts/generate-cli-reference.ts");
  process.exitCode = 1;
}
