import type { NamespaceMode } from "../../engine/index.ts";
import { choiceHint } from "./choice.ts";
import { invalid, quote } from "./invalid.ts";

/** `none` says something of its own only for the network: a private one with nothing but loopback. */
export const NETWORK_MODES = ["host", "none", "private"] as const;
export const NAMESPACE_MODES = ["host", "private"] as const;

/** `host` or `private`, and `none` where it is among the modes. */
export function parseNamespaceMode(value: string, modes: readonly NamespaceMode[], what: string): NamespaceMode {
  const mode = modes.find((candidate) => candidate === value);
  if (mode !== undefined) return mode;
  if (/^(container|ns):/.test(value)) {
    throw invalid(
      `${quote(value)} would join another namespace, which run cannot`,
      "Run the command there with sampan exec.",
    );
  }
  throw invalid(`${quote(value)} is not a mode of the ${what} namespace`, choiceHint(value, modes));
}
