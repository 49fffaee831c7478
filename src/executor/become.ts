import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { SampanError } from "../errors/index.ts";

/** execve(2): one argument holds 128 KiB at most (MAX_ARG_STRLEN), with its zero. */
const MAX_ARGUMENT = 131_000;

/**
 * The native executor: beside the compiled command, above the package's compiled library, or in dist/ of the sources.
 *
 * @throws SampanError INTERNAL when it has not been built
 */
export function executorPath(): string {
  const here = import.meta.dirname;
  const folders = [dirname(process.execPath), join(here, "..", ".."), join(here, "..", "..", "dist")];
  const found = folders.map((folder) => join(folder, "sampan-executor")).find((path) => existsSync(path));
  if (found !== undefined) return found;
  throw new SampanError("INTERNAL", "the native executor was not found", {
    object: folders.join(", "),
    hint: "Build it with `make build`.",
  });
}

/** An encoded program as arguments of the executor: base64url, in pieces. No file is left when this process is killed. */
export function programArguments(image: Uint8Array): string[] {
  const text = Buffer.from(image.buffer, image.byteOffset, image.byteLength).toString("base64url");
  const pieces: string[] = [];
  for (let at = 0; at < text.length; at += MAX_ARGUMENT) pieces.push(text.slice(at, at + MAX_ARGUMENT));
  return pieces;
}

type Execve = (file: string, args: readonly string[], env: NodeJS.ProcessEnv) => never;

/**
 * Replaces this process by the executor (`process.execve`, Bun 1.4 and Node 24): no JavaScript engine stays beside a
 * running container. Does not return.
 *
 * @throws SampanError INTERNAL when the program is larger than execve(2) takes, or this runtime has no execve
 */
export function becomeExecutor(image: Uint8Array, path = executorPath()): never {
  const execve = (process as { execve?: Execve }).execve;
  if (execve === undefined) throw new SampanError("INTERNAL", "this JavaScript runtime has no process.execve");
  const args = ["sampan-executor", "--program", ...programArguments(image)];
  try {
    return execve.call(process, path, args, process.env);
  } catch (cause) {
    throw new SampanError("INTERNAL", `cannot execute ${path}`, {
      cause,
      hint: "The program may be too large (E2BIG).",
    });
  }
}
