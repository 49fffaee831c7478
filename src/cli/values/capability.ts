import { CAPABILITIES } from "../../kernel/index.ts";
import { closest } from "../suggest.ts";
import { invalid, quote } from "./invalid.ts";

/** `NET_ADMIN`, `cap_net_admin` or several with commas, as the kernel writes them; `ALL` stays. */
export function parseCapabilities(value: string): readonly string[] {
  return value.split(",").map(parseCapability);
}

/** `ALL` and the names without `CAP_`. */
export function capabilityWords(): readonly string[] {
  return ["ALL", ...CAPABILITIES.map((name) => name.slice("CAP_".length))];
}

function parseCapability(value: string): string {
  const word = value.toUpperCase().replace(/^CAP_/, "");
  if (word === "ALL") return word;
  const capability = CAPABILITIES.find((name) => name === `CAP_${word}`);
  if (capability !== undefined) return capability;
  const near = closest(word, capabilityWords());
  throw invalid(
    `${quote(value)} is not a capability`,
    near === undefined ? "Write a name of capabilities(7), such as NET_ADMIN, or ALL." : `Did you mean ${near}?`,
  );
}
