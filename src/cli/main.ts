/** The program's entry: a remembered `run` goes straight to the executor, everything else to the command line's tables. */
import { runFromMemory } from "./recall.ts";

const argv = process.argv.slice(2);
if (argv[0] === "run" && !argv.some((word) => word.includes("\uFFFD"))) runFromMemory(argv.slice(1), process.env);
// No top-level await: a module that waits is evaluated more slowly.
import("./start.ts").then(({ start }) => start(argv));
