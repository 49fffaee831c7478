import type { OptionShape } from "../grammar.ts";

/** `-m, --memory SIZE`; `    --rm` lines up with options that have a short form. */
export function optionForms(option: OptionShape): string {
  const short = option.short === undefined ? "    " : `-${option.short}, `;
  return `${short}${longForms(option)}`;
}

/** `--network, --net MODE`, `--explain[=FORMAT]`. */
export function longForms(option: OptionShape): string {
  const names = [option.name, ...(option.aliases ?? [])].map((name) => `--${name}`).join(", ");
  if (option.kind === "switch") return names;
  return option.kind === "optional" ? `${names}[=${option.value}]` : `${names} ${option.value}`;
}
