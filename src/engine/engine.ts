/** The library's face: an engine that runs containers from this process, without a daemon. */
import { SampanError } from "../errors/index.ts";
import { type Execution, type Executor, executorPath, explainFailure, NativeExecutor } from "../executor/index.ts";
import { explain } from "../program/index.ts";
import { ensureRunFolders, releaseName, type StateFolders, stateFolders } from "../runtime/index.ts";
import { reconcile } from "./find.ts";
import { makeFolders } from "./host-files.ts";
import { collectOutput } from "./output.ts";
import { type PreparedRun, prepareRun } from "./prepare.ts";
import { makeReport, type RunReport } from "./report.ts";
import type { RunOptions } from "./run-options.ts";

export interface EngineOptions {
  /** One folder for everything that Sampan keeps; default as for the command line (SAMPAN_ROOT, then the user's own). */
  readonly root?: string;
  /** Performs the programs; default the native executor of this package. */
  readonly executor?: Executor;
}

export interface LibraryRunOptions extends RunOptions {
  /** What the container reads; default nothing. */
  readonly stdin?: string | Uint8Array;
  /** More output than this on one stream ends the container with an error. Default 16 MiB. */
  readonly maxOutputBytes?: number;
  /** Have control groups that measure: memory, processes, CPU and I/O in `report`. As root only; costs about a millisecond. */
  readonly measure?: boolean;
  /** Ends the container with SIGKILL; `run` then rejects with the signal's reason when nothing is left of it. */
  readonly signal?: AbortSignal;
}

export interface RunResult {
  readonly id: string;
  readonly name: string;
  /** 0 to 255; 128 + n when signal n ended the command. */
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly report: RunReport;
}

const DEFAULT_MAX_OUTPUT = 16 << 20;

/**
 * Runs containers. Obtained from `open`.
 *
 * ```ts
 * const sampan = await open();
 * const { stdout } = await sampan.run({ source: "host", command: ["uname", "-n"] });
 * ```
 */
export class Engine {
  readonly #folders: StateFolders;
  readonly #executor: Executor;

  constructor(folders: StateFolders, executor: Executor) {
    this.#folders = folders;
    this.#executor = executor;
  }

  /**
   * Runs a command in a container and resolves when it has ended and nothing of it is left. A status other than 0 is no
   * error. When this process dies, the container does, too.
   *
   * @throws SampanError for whatever kept the command from running: see the codes; the signal's reason when it fires
   */
  async run(options: LibraryRunOptions): Promise<RunResult> {
    if (options.terminal) {
      throw new SampanError("USAGE", "run collects output, which a terminal would not be", {
        hint: "Leave out terminal.",
      });
    }
    const { id, name, program, missingFolders } = await this.#prepare(options);
    makeFolders(missingFolders);
    ensureRunFolders(this.#folders);
    releaseName(this.#folders, name);
    const limit = new AbortController();
    const signal = options.signal ? AbortSignal.any([options.signal, limit.signal]) : limit.signal;
    const execution = this.#executor.execute(program, { ...stdioOf(options), signal });
    const [outcome, stdout, stderr] = await this.#settle(execution, options, limit);
    options.signal?.throwIfAborted();
    if (limit.signal.aborted) throw limit.signal.reason;
    if (outcome.failure) throw explainFailure(program, outcome.failure);
    return { id, name, exitCode: outcome.exitCode, stdout, stderr, report: makeReport(outcome) };
  }

  /** The program of a run as numbered system calls with what each is for; nothing is performed. */
  async explain(options: RunOptions): Promise<string> {
    return explain((await this.#prepare(options)).program);
  }

  /** Removes what killed processes of Sampan left behind; returns the ids of those containers. */
  async reconcile(): Promise<string[]> {
    return reconcile(this.#folders);
  }

  async #prepare(options: LibraryRunOptions): Promise<PreparedRun> {
    checkOptionNames(options);
    const { measure = false, signal } = options;
    const input = options.stdin === undefined ? (options.interactive ?? false) : true;
    return prepareRun(
      { ...options, interactive: input },
      {
        folders: this.#folders,
        measure,
        ...(signal ? { signal } : {}),
      },
    );
  }

  #settle({ outcome, stdout, stderr }: Execution, options: LibraryRunOptions, limit: AbortController) {
    const max = options.maxOutputBytes ?? DEFAULT_MAX_OUTPUT;
    const exceed = (stream: string) => () =>
      limit.abort(
        new SampanError("OUTPUT_LIMIT", `the container wrote more than ${max} bytes to ${stream}`, {
          hint: "Raise maxOutputBytes, or let it write to a file in a mount.",
        }),
      );
    const out = collectOutput(stdout, max, exceed("stdout"));
    const err = collectOutput(stderr, max, exceed("stderr"));
    return Promise.all([outcome, out, err]);
  }
}

/** Every name that `run` takes; the type keeps the list complete. */
const OPTION_NAMES: Readonly<Record<keyof LibraryRunOptions, true>> = {
  source: true,
  command: true,
  entrypoint: true,
  interactive: true,
  terminal: true,
  name: true,
  hostname: true,
  domainname: true,
  workdir: true,
  env: true,
  user: true,
  groupAdd: true,
  mounts: true,
  copies: true,
  inPlace: true,
  layerSizeBytes: true,
  readOnly: true,
  devices: true,
  capAdd: true,
  capDrop: true,
  privileged: true,
  noNewPrivileges: true,
  sysctls: true,
  ulimits: true,
  shmSizeBytes: true,
  init: true,
  namespaces: true,
  timeOffsetSeconds: true,
  uidMap: true,
  gidMap: true,
  stopSignal: true,
  pidFile: true,
  cidFile: true,
  resources: true,
  blockIo: true,
  oomScoreAdj: true,
  isolate: true,
  remove: true,
  stdin: true,
  maxOutputBytes: true,
  measure: true,
  signal: true,
};

/** A misspelt name would otherwise be a wall that is not there. */
function checkOptionNames(options: object): void {
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(OPTION_NAMES, name));
  if (unknown === undefined) return;
  throw new SampanError("UNKNOWN_OPTION", `run has no option ${JSON.stringify(unknown)}`, {
    object: unknown,
    hint: "The type RunOptions lists them.",
  });
}

function stdioOf({ stdin }: LibraryRunOptions): { stdin: Uint8Array | "ignore"; stdout: "pipe"; stderr: "pipe" } {
  const bytes = typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin;
  return { stdin: bytes ?? "ignore", stdout: "pipe", stderr: "pipe" };
}

/**
 * Opens an engine. Cheap: nothing is started, and the folders are made by the first run.
 *
 * @throws SampanError INTERNAL when the native executor has not been built
 */
export async function open(options: EngineOptions = {}): Promise<Engine> {
  const root = options.root ?? (process.env["SAMPAN_ROOT"] || undefined);
  const folders = stateFolders({ root, uid: process.geteuid?.() ?? 0, env: process.env });
  return new Engine(folders, options.executor ?? new NativeExecutor(executorPath()));
}
