import { allOptions, type Completes, type GrammarShape, type OptionShape } from "../grammar.ts";
import { grammars, letters, singleQuoted, spellings, type Vocabulary } from "./vocabulary.ts";

/** Works without the bash-completion package, on bash 4.3 and later. */
export function bashCompletion(vocabulary: Vocabulary): string {
  const all = grammars(vocabulary);
  return `# bash completion for sampan, written by: sampan completion bash

${GENERIC}
# Sets what is known of command $1.
_sampan_grammar() {
  case $1 in
${all.map((grammar) => grammarCase(grammar, vocabulary)).join("")}  *) options='' values='' switches='' letters='' stops='' ;;
  esac
}

# Offers values for option $2 of command $1.
_sampan_value() {
  case "$1 $2" in
${all.flatMap(valueCases).join("")}  esac
}

# Offers the first operand of command $1.
_sampan_operand() {
  case $1 in
${all.map((grammar) => operandCase(grammar, vocabulary)).join("")}  esac
}

complete -F _sampan sampan
`;
}

function grammarCase(grammar: GrammarShape, { top }: Vocabulary): string {
  const options = allOptions(grammar);
  const takesValue = options.filter((option) => option.kind === "value");
  const sets = [
    `options=${singleQuoted(options.flatMap(spellings).join(" "))}`,
    `values=${singleQuoted(` ${takesValue.flatMap(spellings).join(" ")} `)}`,
    `switches=${singleQuoted(letters(grammar, false))}`,
    `letters=${singleQuoted(letters(grammar, true))}`,
    `stops=${grammar.stopsAtOperand && grammar !== top ? "1" : ""}`,
  ];
  return `  ${grammar.name})\n${sets.map((line) => `    ${line}\n`).join("")}    ;;\n`;
}

function valueCases(grammar: GrammarShape): readonly string[] {
  return allOptions(grammar).flatMap((option) => {
    const offer = option.kind === "switch" ? undefined : valueOffer(option);
    const patterns = spellings(option).map((spelling) => singleQuoted(`${grammar.name} ${spelling}`));
    return offer === undefined ? [] : [`  ${patterns.join(" | ")}) ${offer} ;;\n`];
  });
}

function valueOffer({ choices, isList, completes }: OptionShape): string | undefined {
  if (choices !== undefined) return `${isList ? "_sampan_list" : "_sampan_choices"} ${singleQuoted(choices.join(" "))}`;
  return completes === undefined ? undefined : OFFERS[completes];
}

function operandCase(grammar: GrammarShape, { top, commands }: Vocabulary): string {
  const choices = grammar === top ? commands.map(({ name }) => name) : grammar.operandChoices;
  const offers = [
    ...(choices === undefined ? [] : [`_sampan_choices ${singleQuoted(choices.join(" "))}`]),
    ...(grammar.operandCompletes === undefined ? [] : [OFFERS[grammar.operandCompletes]]),
  ];
  return offers.length === 0 ? "" : `  ${grammar.name}) ${offers.join("; ")} ;;\n`;
}

const OFFERS: Readonly<Record<Completes, string>> = {
  file: "_sampan_paths -f",
  folder: "_sampan_paths -d",
  container: '_sampan_choices "$(_sampan_containers)"',
  variable: '_sampan_offer "$(compgen -e -- "$value")"',
};

/** The part which is the same whatever the tables say. */
const GENERIC = `# Names and ids of the running containers.
_sampan_containers() {
  sampan ps --no-trunc --format json 2>/dev/null | grep -oiE '"(id|names?)": *"[^"]*"' | cut -d'"' -f4
}

# Adds the lines of $1, after what precedes the value in the current word.
_sampan_offer() {
  local line
  while IFS= read -r line; do
    [[ -n $line ]] && COMPREPLY+=("$before$line")
  done <<<"$1"
}

_sampan_choices() {
  _sampan_offer "$(compgen -W "$1" -- "$value")"
  [[ $1 == *= || $1 == *'= '* ]] && compopt -o nospace 2>/dev/null
}

# Choices with commas between them.
_sampan_list() {
  local head=\${value%"\${value##*,}"}
  _sampan_offer "$(compgen -P "$head" -W "$1" -- "\${value##*,}")"
}

# Paths of the host; what follows a colon is a path in the container.
_sampan_paths() {
  [[ $value == *:* ]] && return
  compopt -o filenames 2>/dev/null
  _sampan_offer "$(compgen "$1" -- "$value")"
}

# Bash splits words at = and : as well; this puts them together as a command line has them.
_sampan_words() {
  local line=$COMP_LINE rest i
  for ((i = 0; i <= COMP_CWORD; i++)); do
    rest=\${line#"\${line%%[![:space:]]*}"}
    if ((i == 0)) || [[ $rest != "$line" ]]; then
      words+=("\${COMP_WORDS[i]}")
    else
      words[-1]+=\${COMP_WORDS[i]}
    fi
    line=\${rest#"\${COMP_WORDS[i]}"}
  done
}

# Whether the word $1 is an option whose value is the next word.
_sampan_wants_value() {
  [[ $values == *" $1 "* ]] || [[ -n $letters && $1 =~ ^-[$switches]*[$letters]$ && $1 != --* ]]
}

# Reads the words before the current one: which command, how many operands, which option waits for its value.
_sampan_read() {
  local word ended=
  for word in "\${words[@]:1:\${#words[@]}-2}"; do
    if [[ -n $pending ]]; then
      pending=
    elif [[ -z $ended && $word == -- ]]; then
      ended=1
    elif [[ -z $ended && $word == -?* ]]; then
      _sampan_wants_value "$word" && pending=$word
    elif [[ $command == sampan ]]; then
      command=$word
      _sampan_grammar "$command"
    else
      ((operands++))
      [[ -n $stops ]] && ended=1
    fi
  done
  closed=$ended
}

_sampan() {
  local words=() command=sampan operands=0 pending= closed= options values switches letters stops
  COMPREPLY=()
  _sampan_words
  _sampan_grammar sampan
  _sampan_read
  local current=\${words[-1]} before= value=
  value=$current
  if [[ -n $pending ]]; then
    [[ $pending == --* ]] || pending=-\${pending: -1}
    _sampan_value "$command" "$pending"
  elif [[ -z $closed && $current == --*=* ]]; then
    before=\${current%%=*}=
    value=\${current#*=}
    _sampan_value "$command" "\${current%%=*}"
  elif [[ -z $closed && $current == -* ]]; then
    _sampan_choices "$options"
  elif ((operands == 0)) || [[ -z $stops ]]; then
    _sampan_operand "$command"
  else
    _sampan_paths -f
    ((operands == 1)) && _sampan_offer "$(compgen -c -- "$value")"
  fi
  # Readline replaces only what follows the last = or :.
  local broken=\${current%"\${current##*[=:]}"}
  [[ -n $broken ]] && COMPREPLY=("\${COMPREPLY[@]#"$broken"}")
  return 0
}
`;
