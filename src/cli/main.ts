/** The program's entry: joins the process to `dispatch`. */
import { readFileSync } from "node:fs";
import { commands } from "./commands.ts";
import { dispatch } from "./dispatch.ts";
import { writeAll } from "./output.ts";

// No top-level await: a module that waits is evaluated more slowly.
dispatch(
  process.argv.slice(2),
  {
    env: process.env,
    cwd: process.cwd(),
    readFile: (path) => readFileSync(path, "utf8"),
    print: (text) => writeAll(1, text),
    printError: (text) => writeAll(2, text),
  },
  commands,
).then((status) => {
  process.exitCode = status;
});
