/** A command with a terminal, by script(1), and someone who types. */
import { spawn } from "node:child_process";
import { argvIn, type Place } from "./session.ts";

const LIMIT_MS = 60_000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals are steered by control characters
const ESCAPE_SEQUENCES = /\u001b(?:\[[0-9;?]*[A-Za-z]|\][^\u0007]*\u0007|[=>])/g;

function asShown(output: string): string {
  return output.replace(ESCAPE_SEQUENCES, "").replaceAll("\r", "");
}

/**
 * Runs `command` in `folder` and types each of `inputs` when the prompt stands at the end of what is shown.
 * Returns all that the terminal showed, echoed input included.
 */
export function runInTerminal(
  place: Place,
  folder: string,
  command: string,
  prompt: string,
  inputs: readonly string[],
): Promise<string> {
  const [file, ...rest] = argvIn(place, ["script", "-qefc", command, "/dev/null"]);
  const child = spawn(file, rest, { cwd: folder, env: { ...place.env, SHELL: "/bin/sh" }, stdio: "pipe" });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const waiting = [...inputs];
  let output = "";
  let answered = 0;
  const typeNext = () => {
    const shown = asShown(output);
    if (shown.length === answered || !shown.endsWith(prompt)) return;
    const next = waiting.shift();
    if (next === undefined) return;
    answered = shown.length;
    child.stdin.write(`${next}\n`);
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
      if (prompt !== "") typeNext();
    });
  }
  const timer = setTimeout(() => {
    child.kill("SIGKILL");
    reject(new Error(`took too long: ${command}\n${asShown(output)}`));
  }, LIMIT_MS);
  child.stdin.on("error", () => {});
  child.on("error", reject);
  child.on("close", () => {
    clearTimeout(timer);
    resolve(asShown(output));
  });
  return promise;
}
