/** Joins the process to `dispatch`. */
import { readFileSync } from "node:fs";
import { commands } from "./commands.ts";
import { dispatch } from "./dispatch.ts";
import { writeAll } from "./output.ts";

export async function start(argv: readonly string[]): Promise<void> {
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
