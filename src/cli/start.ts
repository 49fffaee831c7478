/** Joins the process to `dispatch`. */
import { readFileSync } from "node:fs";
import { commands } from "./commands.ts";
import { dispatch } from "./dispatch.ts";
import { writeAll } from "./output.ts";

/** Words that are not UTF-8 reach JavaScript with replacement characters in them: better refused than changed. */
export function isLossy(argv: readonly string[]): boolean {
  if (!argv.some((word) => word.includes("\uFFFD"))) return false;
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(readFileSync("/proc/self/cmdline"));
    return false;
  } catch {
    return true;
  }
}

export async function start(argv: readonly string[]): Promise<void> {
  if (isLossy(argv)) {
    writeAll(2, "sampan: an argument is not UTF-8, and would be changed on the way. Use names and values that are.\n");
    process.exitCode = 125;
    return;
  }
  process.exitCode = await dispatch(
    argv,
    {
      env: process.env,
      cwd: process.cwd(),
      readFile: (path) => readFileSync(path, "utf8"),
      print: (text) => writeAll(1, text),
      printError: (text) => writeAll(2, text),
    },
    commands,
  );
}
