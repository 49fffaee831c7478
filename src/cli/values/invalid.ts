import { SampanError } from "../../errors/index.ts";

/**
 * A value that an option cannot take. Value parsers know nothing of options: `parseOptions` puts the option's name in
 * front, so that `"12q" is not a size` becomes `--memory: "12q" is not a size`.
 */
export function invalid(message: string, hint: string): SampanError {
  return new SampanError("INVALID_VALUE", message, { hint });
}

/** How a value is shown in a message: quoted, control characters escaped. */
export function quote(value: string): string {
  return JSON.stringify(value);
}
