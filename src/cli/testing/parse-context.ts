import type { ParseContext } from "../grammar.ts";

/** A world for parsers under test: the working folder is /dock, and only the given files can be read. */
export function parseContext(
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): ParseContext {
  return {
    env,
    cwd: "/dock",
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
      return text;
    },
  };
}
