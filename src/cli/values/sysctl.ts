import { invalid, quote } from "./invalid.ts";
import { splitFirst } from "./pair.ts";

/** `net.ipv4.ip_forward=1`. */
export function parseSysctl(value: string): { readonly name: string; readonly value: string } {
  const [name, given] = splitFirst(value, "=");
  if (name !== "" && given !== undefined) return { name, value: given };
  throw invalid(`${quote(value)} is not a kernel setting`, "Write NAME=VALUE, such as net.ipv4.ip_forward=1.");
}
