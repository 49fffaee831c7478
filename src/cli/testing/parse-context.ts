import type { ParseContext } from "../grammar.ts";

/** A world for parsers under test: the working folder is /work, and only the given files can be read. */
export function parseContext(
  env: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): ParseContext {
  return {
    env,
    cwd: "/work",
    readFile: (path) => {
      const text = files[path];
      if (text === undefined) throw Object.assign(new Error(`no such file: ${path}`), { code: "ENOENT" });
      return text;
    },
  };
}
