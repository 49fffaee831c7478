import { spawn } from "node:child_process";

export interface Finished {
  readonly code: number;
  /** Standard output and error as they came. */
  readonly output: string;
}

/** Runs a program to its end, in a process group of its own, which is killed when it takes too long. */
export function run(
  argv: readonly [string, ...string[]],
  options: { readonly limitMs: number; readonly env?: Readonly<Record<string, string>> },
): Promise<Finished> {
  const [file, ...rest] = argv;
  const { promise, resolve } = Promise.withResolvers<Finished>();
  const child = spawn(file, rest, {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      output += text;
    });
  }
  const timer = setTimeout(() => {
    output += `\nkilled after ${Math.round(options.limitMs / 1000)} s\n`;
    if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL");
  }, options.limitMs);
  child.on("error", (error) => {
    clearTimeout(timer);
    resolve({ code: 127, output: `${file}: ${error.message}\n` });
  });
  child.on("close", (code) => {
    clearTimeout(timer);
    resolve({ code: code ?? 1, output });
  });
  return promise;
}
