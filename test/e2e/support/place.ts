/** A place of its own for the runs of one test file: state folder, temporary folder, root file systems, and a mark. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { processesWith, waitUntilClean } from "./leftovers.ts";
import { type Look, parseLines, parseLook, probePath, type Said } from "./probe.ts";

const REPOSITORY = join(import.meta.dirname, "..", "..", "..");
const LIMIT_MS = 20_000;

export interface Ran {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
}

export interface StartOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Text for standard input; without it there is none. */
  readonly input?: string;
  /** Put before the command: `["setpriv", …]`. */
  readonly through?: readonly string[];
  /** Do not look whether something was left behind: the caller does. */
  readonly careless?: boolean;
}

export interface Running {
  readonly pid: number;
  readonly stdin: Writable;
  /** Resolves when standard output holds `text`; rejects when the run ends before. */
  shows(text: string): Promise<string>;
  kill(signal: NodeJS.Signals): void;
  /** Settles when the run has ended. */
  readonly done: Promise<Ran>;
}

export interface RootfsOptions {
  /** Files by path in the root: their text. */
  readonly files?: Readonly<Record<string, string>>;
  readonly folders?: readonly string[];
}

/** `/bin/probe`, accounts, and nothing else but what is asked for. */
function fillRootfs(folder: string, { files = {}, folders = [] }: RootfsOptions): void {
  for (const name of ["bin", "etc", ...folders]) mkdirSync(join(folder, name), { recursive: true });
  linkOrCopy(probePath(), join(folder, "bin", "probe"));
  const all = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/probe\nboat:x:1000:1001:a user:/home/boat:/bin/probe\n",
    "etc/group": "root:x:0:\nboat:x:1001:\nwater:x:2000:boat\nriver:x:2001:other\n",
    ...files,
  };
  for (const [path, text] of Object.entries(all)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
}

export function linkOrCopy(from: string, to: string): void {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
}

export class Place {
  readonly folder: string;
  /** What `--root` is in every run of this place. */
  readonly root: string;
  /** In the environment of all processes that are started here. */
  readonly token = `SAMPAN_E2E=${randomUUID()}`;
  /** The executable. */
  sampan: string;
  readonly #temporary: string;
  /** How `probe` and `look` start Sampan. */
  usual: StartOptions = {};
  #count = 0;

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "sampan-e2e-"));
    chmodSync(this.folder, 0o755);
    this.root = join(this.folder, "state");
    this.#temporary = join(this.folder, "tmp");
    mkdirSync(this.#temporary, { mode: 0o1777 });
    chmodSync(this.#temporary, 0o1777);
    this.sampan = join(REPOSITORY, "dist", "sampan");
  }

  get temporary(): string {
    return this.#temporary;
  }

  /** A path in this place that nothing else uses. */
  path(name: string): string {
    this.#count += 1;
    return join(this.folder, `${name}-${this.#count}`);
  }

  /** A new folder, whose path is returned. */
  makeFolder(name: string): string {
    const path = this.path(name);
    mkdirSync(path);
    return path;
  }

  makeRootfs(options: RootfsOptions = {}): string {
    const folder = this.makeFolder("rootfs");
    fillRootfs(folder, options);
    return folder;
  }

  environment(more: Readonly<Record<string, string>> = {}): Record<string, string> {
    const [name = "", value = ""] = this.token.split("=");
    const path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    return { PATH: path, HOME: this.folder, TMPDIR: this.#temporary, [name]: value, ...more };
  }

  /** Starts any command line here, with the mark in its environment. */
  spawn(argv: readonly string[], options: StartOptions = {}): ChildProcessByStdio<Writable, Readable, Readable> {
    const [file = "", ...rest] = [...(options.through ?? []), ...argv];
    return spawn(file, rest, {
      cwd: options.cwd ?? this.folder,
      env: this.environment(options.env),
      stdio: ["pipe", "pipe", "pipe"],
    });
  }

  /** Starts `sampan run ARGS`. The container's processes get the mark too. */
  start(args: readonly string[], options: StartOptions = {}): Running {
    const cidFile = join(this.root, `cid-${++this.#count}`);
    mkdirSync(this.root, { recursive: true });
    const own = ["--root", this.root, "run", "--env", this.token];
    // A test of --cidfile brings its own.
    if (!args.some((arg) => arg.startsWith("--cidfile"))) own.push("--cidfile", cidFile);
    const child = this.spawn([this.sampan, ...own, ...args], options);
    const running = follow(child, options.input);
    const done = running.done.then((ran) => (options.careless ? ran : this.#checked(ran, cidFile)));
    return { ...running, done };
  }

  /** Runs to the end, and fails when something is left behind. */
  run(args: readonly string[], options: StartOptions = {}): Promise<Ran> {
    return this.start(args, options).done;
  }

  /** Runs the probe in `rootfs` with `actions`, and returns what each action said. */
  async probe(rootfs: string, options: readonly string[], ...actions: readonly string[][]): Promise<Said[]> {
    const ran = await this.run([...options, rootfs, "/bin/probe", ...joined(actions)], this.usual);
    if (ran.status !== 0) throw new Error(`status ${ran.status}, ${ran.signal}: ${ran.stderr}\n${ran.stdout}`);
    return parseLines(ran.stdout);
  }

  async look(rootfs: string, ...options: readonly string[]): Promise<Look> {
    const ran = await this.run([...options, rootfs, "/bin/probe", "look"], this.usual);
    if (ran.status !== 0) throw new Error(`status ${ran.status}, ${ran.signal}: ${ran.stderr}`);
    return parseLook(ran.stdout);
  }

  traces(ids: readonly string[] = []) {
    return { root: this.root, token: this.token, ids, temporary: this.#temporary };
  }

  async #checked(ran: Ran, cidFile: string): Promise<Ran> {
    const ids = existsSync(cidFile) ? [readFileSync(cidFile, "utf8")] : [];
    rmSync(cidFile, { force: true });
    // A killed executor leaves the rest to the janitor.
    const left = await waitUntilClean(this.traces(ids));
    if (ran.timedOut) throw new Error(`the run took longer than ${LIMIT_MS} ms: ${ran.stdout}${ran.stderr}`);
    if (left.length > 0) throw new Error(`left behind:\n${left.join("\n")}\n${ran.stderr}`);
    return ran;
  }

  /** A test that has failed may have left something running. */
  [Symbol.dispose](): void {
    for (const line of processesWith(this.token)) {
      try {
        process.kill(Number(line.split(" ")[0]), "SIGKILL");
      } catch {
        // It has ended by itself.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function joined(actions: readonly (readonly string[])[]): string[] {
  return actions.flatMap((action, i) => (i === 0 ? [...action] : ["--", ...action]));
}

/** Collects what a child says, and ends it when it takes too long. */
export function follow(
  child: ChildProcessByStdio<Writable, Readable, Readable>,
  input?: string,
  limitMs = LIMIT_MS,
): Running {
  let stdout = "";
  let stderr = "";
  let timedOut = false;
  let ended = false;
  let notify = () => {};
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
    notify();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  child.stdin.on("error", () => {});
  if (input !== undefined) child.stdin.end(input);
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill("SIGKILL");
  }, limitMs);
  const done = new Promise<Ran>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status, signal) => {
      clearTimeout(timer);
      ended = true;
      notify();
      resolve({ status, signal, stdout, stderr, timedOut });
    });
  });
  const shows = (text: string) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        if (stdout.includes(text)) resolve(stdout);
        else if (ended) reject(new Error(`ended without showing ${text}: ${stdout}${stderr}`));
      };
      notify = look;
      look();
    });
  return { pid: child.pid ?? -1, stdin: child.stdin, shows, kill: (signal) => child.kill(signal), done };
}
