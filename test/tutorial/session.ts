/** One shell for all the commands of a page: folders and variables last from block to block. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable, Writable } from "node:stream";

export const ORDINARY_USER = 1000;
const LIMIT_MS = 60_000;
const MARK = "\u0001end of command\u0001";

/** Commands come in on standard input, each ended by a zero byte; they themselves have none. */
const LOOP = `
exec 2>&1
status() { return "$1"; }
last=0
while IFS= read -r -d '' command; do
  status "$last"
  eval "$command" </dev/null
  last=$?
  printf '%s' '${MARK}'
done`;

export interface Place {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
  /** The user to become, when it is not the one that runs the tests. */
  readonly uid?: number;
  [Symbol.dispose](): void;
}

/** A fresh folder, in which `dist` is first in the path; readable by the ordinary user when it is for that one. */
export function makePlace(dist: string, uid?: number): Place {
  const folder = mkdtempSync(join(tmpdir(), "sampan-tutorial-"));
  const programs = uid === undefined ? dist : copyFor(uid, folder, dist);
  const env = {
    PATH: `${programs}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin`,
    HOME: folder,
    LANG: "C.UTF-8",
    TERM: "dumb",
    PS1: "$ ",
    // Nothing that a page unpacks stays on the machine.
    SAMPAN_ROOT: join(folder, ".sampan"),
  };
  const dispose = () => rmSync(folder, { recursive: true, force: true });
  return { folder, env, ...(uid === undefined ? {} : { uid }), [Symbol.dispose]: dispose };
}

/** The work tree may be where only root can read. */
function copyFor(uid: number, folder: string, dist: string): string {
  const programs = join(folder, ".dist");
  mkdirSync(programs);
  for (const name of ["sampan", "sampan-executor"]) copyFileSync(join(dist, name), join(programs, name));
  chmodSync(folder, 0o755);
  chownSync(folder, uid, uid);
  return programs;
}

/** `argv` as the user of this place. */
export function argvIn(place: Place, argv: readonly string[]): [string, ...string[]] {
  const { uid } = place;
  if (uid === undefined) return argv as [string, ...string[]];
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--inh-caps=-all", ...argv];
}

export class Session {
  readonly place: Place;
  readonly #shell: ChildProcessByStdio<Writable, Readable, null>;
  #output = "";
  #changed = () => {};

  constructor(place: Place) {
    this.place = place;
    const [file, ...rest] = argvIn(place, ["bash", "--noprofile", "--norc", "-c", LOOP]);
    this.#shell = spawn(file, rest, {
      cwd: place.folder,
      env: { ...place.env },
      detached: true,
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.#shell.stdout.setEncoding("utf8");
    this.#shell.stdout.on("data", (text: string) => {
      this.#output += text;
      this.#changed();
    });
    this.#shell.on("close", () => this.#changed());
    this.#shell.stdin.on("error", () => this.#changed());
  }

  /** Runs one command and gives back what it printed, on standard output and error. */
  async run(command: string): Promise<string> {
    this.#output = "";
    this.#shell.stdin.write(`${command}\0`);
    await this.#settled();
    const at = this.#output.indexOf(MARK);
    if (at < 0) throw new Error(`the shell ended, or took too long, in: ${command}\n${this.#output}`);
    return this.#output.slice(0, at);
  }

  #settled(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, LIMIT_MS);
    this.#changed = () => {
      if (!this.#output.includes(MARK) && this.#shell.exitCode === null) return;
      clearTimeout(timer);
      resolve();
    };
    this.#changed();
    return promise;
  }

  [Symbol.dispose](): void {
    const { pid } = this.#shell;
    if (pid === undefined || this.#shell.exitCode !== null) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}
