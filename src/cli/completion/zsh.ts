import { allOptions, type Completes, type GrammarShape, type OptionShape } from "../grammar.ts";
import { singleQuoted, type Vocabulary } from "./vocabulary.ts";

/** Works from a file `_sampan` in $fpath, and through `eval`. */
export function zshCompletion({ top, commands }: Vocabulary): string {
  const names = commands.map(
    ({ name, summary }) => `    ${singleQuoted(`${name}:${summary.replaceAll(":", "\\:")}`)}\n`,
  );
  return `#compdef sampan
# zsh completion for sampan, written by: sampan completion zsh

# Names and ids of the running containers.
_sampan_containers() {
  local -a containers
  containers=(\${(f)"$(sampan ps --no-trunc --format json 2>/dev/null | grep -oiE '"(id|names?)": *"[^"]*"' | cut -d'"' -f4)"})
  compadd "$@" -a containers
}

_sampan_commands() {
  local -a commands
  commands=(
${names.join("")}  )
  _describe command commands
}

${commands.map(({ grammar }) => commandFunction(grammar)).join("\n")}
_sampan() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C -s -S -A '-*' \\
${optionSpecs(top)}    '1:command:_sampan_commands' \\
    '*::argument:->argument'
  [[ $state == argument ]] || return
  case $line[1] in
${commands.map(({ name }) => `    ${name}) ${functionName(name)} ;;\n`).join("")}  esac
}

if [[ \${funcstack[1]} == _sampan ]]; then
  _sampan "$@"
else
  compdef _sampan sampan
fi
`;
}

function functionName(command: string): string {
  return `_sampan_${command}`;
}

function commandFunction(grammar: GrammarShape): string {
  const flags = grammar.stopsAtOperand ? "-s -S -A '-*'" : "-s -S";
  const specs = `${optionSpecs(grammar)}${operandSpecs(grammar)}`.replace(/ \\\n$/, "\n");
  return `${functionName(grammar.name)}() {\n  _arguments ${flags} \\\n${specs}}\n`;
}

function optionSpecs(grammar: GrammarShape): string {
  return allOptions(grammar)
    .map((option) => `    ${optionSpec(option)} \\\n`)
    .join("");
}

/** `'(-m --memory)'{-m+,--memory=}'[Memory]:SIZE:'` */
function optionSpec(option: OptionShape): string {
  const long = [option.name, ...(option.aliases ?? [])].map((name) => `--${name}`);
  const all = option.short === undefined ? long : [`-${option.short}`, ...long];
  const once = option.repeats ? "'*'" : singleQuoted(`(${all.join(" ")})`);
  const forms = all.map((form) => `${form}${valueSuffix(form, option)}`);
  const braces = forms.length === 1 ? forms.join("") : `{${forms.join(",")}}`;
  return `${once}${braces}${singleQuoted(`[${escapeSpec(option.summary)}]${valueSpec(option)}`)}`;
}

function valueSuffix(form: string, { kind }: OptionShape): string {
  if (kind === "switch") return "";
  if (kind === "optional") return "=-";
  return form.startsWith("--") ? "=" : "+";
}

function valueSpec(option: OptionShape): string {
  if (option.kind === "switch") return "";
  return `${option.kind === "optional" ? "::" : ":"}${escapeSpec(option.value ?? "")}:${action(option)}`;
}

function action({ choices, isList, completes }: OptionShape): string {
  if (choices === undefined) return completes === undefined ? "" : ACTIONS[completes];
  const words = choices.join(" ");
  if (isList) return `_sequence compadd - ${words}`;
  return choices.some((choice) => /[=:]/.test(choice)) ? `compadd -S "" - ${escapeSpec(words)}` : `(${words})`;
}

function operandSpecs({ operandChoices, operandCompletes, operands, stopsAtOperand }: GrammarShape): string {
  if (operands === "") return "";
  const first = operandAlternatives(operandChoices, operandCompletes);
  if (stopsAtOperand)
    return `    ${singleQuoted(`1:${operands.split(" ")[0]}:${first}`)} \\\n    '*:::COMMAND: _normal' \\\n`;
  return `    ${singleQuoted(`${operands.endsWith("...") ? "*" : "1"}:operand:${first}`)} \\\n`;
}

/** The space keeps _arguments from handing its own options to _alternative, which knows none of them. */
function operandAlternatives(choices: readonly string[] | undefined, completes: Completes | undefined): string {
  const words = choices === undefined ? "" : `(${choices.join(" ")})`;
  if (completes === undefined) return words;
  if (words === "") return ACTIONS[completes];
  return ` _alternative "words:word:${words}" "paths:path:${ACTIONS[completes]}"`;
}

const ACTIONS: Readonly<Record<Completes, string>> = {
  file: "_files",
  folder: "_files -/",
  container: "_sampan_containers",
  variable: "_parameters",
};

/** Characters that mean something in a specification of _arguments. */
function escapeSpec(text: string): string {
  return text.replace(/[\\[\]:]/g, "\\$&");
}
