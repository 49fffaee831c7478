import { type ChildProcess, spawn } from "node:child_process";
import type { Duplex } from "node:stream";
import { SampanError } from "../errors/index.ts";
import { type Encoded, encode, type Program, verify } from "../program/index.ts";
import type { ExecuteOptions, Execution, Executor, StdioMode } from "./executor.ts";
import { decodeOutcome, type Outcome } from "./outcome.ts";

const CONTROL_FD = 3;

function collect(stream: Duplex): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  const { promise, resolve } = Promise.withResolvers<Uint8Array>();
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  // A reset means that the executor was killed: what came so far is what there is.
  stream.on("error", () => resolve(Buffer.concat(chunks)));
  stream.on("close", () => resolve(Buffer.concat(chunks)));
  stream.on("end", () => resolve(Buffer.concat(chunks)));
  return promise;
}

function waitForExit(child: ChildProcess): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  child.once("error", (cause) => {
    reject(
      new SampanError("INTERNAL", `cannot start the executor ${child.spawnfile}`, { cause, hint: "Run `make build`." }),
    );
  });
  child.once("exit", () => resolve());
  return promise;
}

/** Bun has no streams of a process that it could not start; the error comes as an event there, too. */
async function settle(child: ChildProcess, control: Duplex | null, program: Program): Promise<Outcome> {
  const result = control ? collect(control) : new Uint8Array();
  const [bytes] = await Promise.all([result, waitForExit(child)]);
  return decodeOutcome(bytes, program.buffers);
}

function stdioOf(mode: ExecuteOptions["stdin"]): StdioMode {
  return mode instanceof Uint8Array ? "pipe" : (mode ?? "inherit");
}

/** What cannot be encoded is refused in the words of `verify`, which costs too much before every run. */
function encodeOrRefuse(program: Program): Encoded {
  try {
    return encode(program);
  } catch (cause) {
    verify(program);
    throw new SampanError("PROGRAM_INVALID", "this program is wrong: it cannot be encoded", { cause });
  }
}

/**
 * The real thing: starts the native executor with a socket as descriptor 3, over which the program goes in and the
 * result comes back. Closing that socket, or the death of this process, ends what runs.
 */
export class NativeExecutor implements Executor {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  execute(program: Program, options: ExecuteOptions = {}): Execution {
    const encoded = encodeOrRefuse(program);
    options.signal?.throwIfAborted();
    const { stdin, stdout = "inherit", stderr = "inherit", env = process.env } = options;
    const child = spawn(this.#path, ["--control", String(CONTROL_FD)], {
      stdio: [stdioOf(stdin), stdout, stderr, "pipe"],
      env: env as NodeJS.ProcessEnv,
    });
    const control = (child.stdio[CONTROL_FD] ?? null) as Duplex | null;
    const outcome = settle(child, control, program);
    control?.write(encoded.image);
    if (stdin instanceof Uint8Array) child.stdin?.end(stdin);
    const abort = () => control?.end();
    options.signal?.addEventListener("abort", abort, { once: true });
    const settled = outcome.finally(() => options.signal?.removeEventListener("abort", abort));
    return { pid: child.pid, stdin: child.stdin, stdout: child.stdout, stderr: child.stderr, outcome: settled };
  }
}
