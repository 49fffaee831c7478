import { invalid, quote } from "./invalid.ts";

/** The one option so far: `no-new-privileges[:true|false]`; Docker takes `=` as well. */
export function parseSecurityOption(value: string): { readonly noNewPrivileges: boolean } {
  const match = /^no-new-privileges(?:[:=](true|false))?$/.exec(value);
  if (match !== null) return { noNewPrivileges: match[1] !== "false" };
  throw invalid(`${quote(value)} is not supported`, "The only security option is no-new-privileges[:true|false].");
}
