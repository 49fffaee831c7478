import { allOptions, type Completes, type GrammarShape, type OptionShape } from "../grammar.ts";
import { grammars, letters, spellings, type Vocabulary } from "./vocabulary.ts";

/** For fish 3.4 and later. */
export function fishCompletion(vocabulary: Vocabulary): string {
  const { top, commands } = vocabulary;
  return `# fish completion for sampan, written by: sampan completion fish

${readers(vocabulary)}
complete -c sampan -f
${optionLines(top)}${commands.map(({ name, summary }) => `complete -c sampan -n '__sampan_at sampan' -a ${name} -d ${quote(summary)}\n`).join("")}
${commands.map(({ grammar }) => `${optionLines(grammar)}${operandLines(grammar)}`).join("\n")}`;
}

function readers(vocabulary: Vocabulary): string {
  const all = grammars(vocabulary);
  const values = all.flatMap((grammar) =>
    allOptions(grammar)
      .filter((option) => option.kind === "value")
      .flatMap(spellings)
      .map((spelling) => `${grammar.name}:${spelling}`),
  );
  const groups = all.map((grammar) => {
    const taking = letters(grammar, true);
    return taking === ""
      ? ""
      : `        case ${grammar.name}\n            string match -qr '^-[${letters(grammar, false)}]*[${taking}]$' -- $argv[2]\n`;
  });
  return `# Whether the word $argv[2], an option of command $argv[1], takes the next word as its value.
function __sampan_wants_value
    contains -- "$argv[1]:$argv[2]" ${values.join(" ")}
    and return
    switch $argv[1]
${groups.join("")}        case '*'
            false
    end
end

${GENERIC}`;
}

const GENERIC = `# Prints the command, the number of operands before the cursor, and whether options have ended.
function __sampan_read
    set -l words (commandline -opc)
    set -l command sampan
    set -l operands 0
    set -l pending 0
    set -l ended 0
    for word in $words[2..]
        if test $pending = 1
            set pending 0
        else if test $ended = 0; and string match -q -- -- $word
            set ended 1
        else if test $ended = 0; and string match -qr '^-.' -- $word
            __sampan_wants_value $command $word
            and set pending 1
        else if test $command = sampan
            set command $word
        else
            set operands (math $operands + 1)
            contains -- $command run exec
            and set ended 1
        end
    end
    echo $command
    echo $operands
    echo $ended
end

# Whether the cursor is where command $argv[1] takes options.
function __sampan_at
    set -l state (__sampan_read)
    test "$state[1]" = $argv[1]
    and test "$state[3]" = 0
end

# Whether the cursor is at operand $argv[2], from 0, of command $argv[1]; without $argv[2] at any.
function __sampan_operand
    set -l state (__sampan_read)
    test "$state[1]" = $argv[1]
    and test (count $argv) = 1 -o "$state[2]" = "$argv[2]"
end

# Names and ids of the running containers.
function __sampan_containers
    sampan ps --no-trunc --format json 2>/dev/null | string match -arig '"(?:id|names?)": *"([^"]*)"'
end

# The words, after those that the current one has before its last comma.
function __sampan_list
    set -l current (commandline -ct | string replace -r '^--[^=]*=' '')
    set -l before (string match -r '^.*,' -- $current)
    for word in $argv
        echo "$before$word"
    end
end
`;

function optionLines(grammar: GrammarShape): string {
  return allOptions(grammar)
    .map((option) => `complete -c sampan -n '__sampan_at ${grammar.name}' ${optionArguments(option)}\n`)
    .join("");
}

function optionArguments(option: OptionShape): string {
  const names = [option.name, ...(option.aliases ?? [])].map((name) => `-l ${name}`);
  const short = option.short === undefined ? [] : [`-s ${option.short}`];
  return [...short, ...names, ...valueArguments(option), `-d ${quote(option.summary)}`].join(" ");
}

function valueArguments({ kind, choices, isList, completes }: OptionShape): readonly string[] {
  if (kind === "switch") return [];
  // Without -r the value is optional, and then fish offers it only after an equals sign.
  const required = kind === "value" ? ["-r"] : [];
  if (choices !== undefined) {
    const words = choices.join(" ");
    return [...required, "-f", "-a", quote(isList ? `(__sampan_list ${words})` : words)];
  }
  return completes === undefined ? [...required, "-f"] : [...required, ...OFFERS[completes]];
}

function operandLines(grammar: GrammarShape): string {
  const { name, operandChoices, operandCompletes, operands, stopsAtOperand } = grammar;
  const position = operands.endsWith("...") && !stopsAtOperand ? "" : " 0";
  const at = `complete -c sampan -n '__sampan_operand ${name}${position}'`;
  const lines = [
    ...(operandChoices === undefined ? [] : [`${at} -a ${quote(operandChoices.join(" "))}\n`]),
    ...(operandCompletes === undefined ? [] : [`${at} ${OFFERS[operandCompletes].join(" ")}\n`]),
    ...(stopsAtOperand
      ? [`complete -c sampan -n '__sampan_operand ${name}; and not __sampan_operand ${name} 0' -F\n`]
      : []),
  ];
  return lines.join("");
}

const OFFERS: Readonly<Record<Completes, readonly string[]>> = {
  file: ["-F"],
  folder: ["-f", "-a", "'(__fish_complete_directories (commandline -ct))'"],
  container: ["-f", "-a", "'(__sampan_containers)'"],
  variable: ["-f", "-a", "'(set -xn)'"],
};

function quote(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
