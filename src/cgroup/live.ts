/** A container's control groups while it lives: who is in them, kill, freeze, read, remove. */
import { setTimeout as delay } from "node:timers/promises";
import { SampanError } from "../errors/index.ts";
import type { CgroupPlan } from "../plan/index.ts";
import { type Accounting, readAccounting } from "./accounting.ts";
import { errorCode, type GroupFiles, isGone, systemGroupFiles } from "./group-files.ts";

/** What has to be known of a plan; a running container's record keeps it. */
export type GroupPlan = Pick<CgroupPlan, "unified" | "remove" | "accounting">;

export interface WaitOptions {
  /** Ends the waiting, not what was begun: a kill or freeze that the kernel has taken is not undone. */
  readonly signal?: AbortSignal | undefined;
  /** 10 seconds by default: processes in uninterruptible sleep (a dead NFS server) die late. */
  readonly timeoutMs?: number;
}

/**
 * The groups of one container, on v1, v2 or both.
 *
 * ```ts
 * const group = new LiveGroup(plan);
 * await group.freeze();
 * await group.kill();
 * await group.remove();
 * ```
 */
export class LiveGroup {
  readonly #unified: string | undefined;
  readonly #folders: readonly string[];
  readonly #accounting: GroupPlan["accounting"];
  readonly #files: GroupFiles;

  constructor(plan: GroupPlan, files: GroupFiles = systemGroupFiles) {
    this.#unified = plan.unified;
    this.#folders = plan.remove;
    this.#accounting = plan.accounting;
    this.#files = files;
  }

  /** Process ids, also of groups that the container has made below its own; in no order, each once. */
  processes(): readonly number[] {
    const first = this.#unified ?? this.#folders[0];
    if (first === undefined) return [];
    return [...new Set(this.#subtree(first).flatMap((folder) => this.#processesIn(folder)))];
  }

  /** Figures so far. */
  read(): Accounting {
    return readAccounting(Object.fromEntries(this.#accounting.map(({ name, path }) => [name, this.#files.read(path)])));
  }

  /**
   * Kills every process with SIGKILL, frozen ones too, and resolves when none is left.
   *
   * @throws SampanError CGROUP_FAILED when processes are left after `timeoutMs`; NOT_PERMITTED for a group that holds
   * this process.
   */
  async kill(options: WaitOptions = {}): Promise<void> {
    this.#refuseSuicide();
    const killedAtOnce = this.#killFile();
    await this.#until("kill", options, () => {
      const left = this.processes();
      if (!killedAtOnce) for (const pid of left) this.#files.signal(pid, "SIGKILL");
      // v1's freezer delivers SIGKILL only after thawing; signals first, so that nothing runs in between.
      if (left.length > 0) this.#thawV1();
      return left.length === 0;
    });
  }

  /** Stops every process where it is, and resolves when all have stopped. */
  async freeze(options: WaitOptions = {}): Promise<void> {
    const { kind, folder } = this.#freezer();
    if (kind === "v2") this.#files.write(`${folder}/cgroup.freeze`, "1");
    await this.#until("freeze", options, () => {
      if (kind === "v2") return this.#event(folder, "frozen") === 1;
      // A process that forks meanwhile keeps the state at FREEZING; writing again goes on with it (freezer-subsystem.rst).
      this.#files.write(`${folder}/freezer.state`, "FROZEN");
      return this.#files.read(`${folder}/freezer.state`)?.trim() === "FROZEN";
    });
  }

  /** Lets frozen processes go on. */
  async thaw(options: WaitOptions = {}): Promise<void> {
    const { kind, folder } = this.#freezer();
    if (kind === "v1") this.#files.write(`${folder}/freezer.state`, "THAWED");
    else this.#files.write(`${folder}/cgroup.freeze`, "0");
    await this.#until("thaw", options, () => !this.frozen);
  }

  /** Whether all processes are stopped by `freeze`. */
  get frozen(): boolean {
    const { kind, folder } = this.#freezer();
    if (kind === "v2") return this.#event(folder, "frozen") === 1;
    return this.#files.read(`${folder}/freezer.state`)?.trim() === "FROZEN";
  }

  /** Removes the folders, with groups that the container has made below; one that is gone already is fine. */
  async remove(options: WaitOptions = {}): Promise<void> {
    for (const root of this.#folders) {
      for (const folder of this.#subtree(root).reverse()) {
        await this.#until("remove", options, () => this.#removeFolder(folder));
      }
    }
  }

  /** EBUSY: a process has died, and the kernel has not let go of it yet. */
  #removeFolder(folder: string): boolean {
    try {
      this.#files.rmdir(folder);
      return true;
    } catch (error) {
      if (isGone(error)) return true;
      if (errorCode(error) === "EBUSY") return false;
      throw error;
    }
  }

  /** A folder and those below, parents first. */
  #subtree(folder: string): string[] {
    const below = this.#files.children(folder).flatMap((name) => this.#subtree(`${folder}/${name}`));
    return [folder, ...below];
  }

  /** A process of another PID namespace is shown as 0, which for kill(2) would be our own process group. */
  #processesIn(folder: string): number[] {
    const text = this.#files.read(`${folder}/cgroup.procs`) ?? "";
    return text
      .split("\n")
      .filter((line) => line !== "" && line !== "0")
      .map(Number);
  }

  /** cgroup.kill takes the whole subtree at once, against forks as well (Linux 5.14). */
  #killFile(): boolean {
    if (this.#unified === undefined) return false;
    try {
      this.#files.write(`${this.#unified}/cgroup.kill`, "1");
      return true;
    } catch (error) {
      if (isGone(error)) return false;
      throw error;
    }
  }

  #freezerFolder(): string | undefined {
    return this.#folders.find((folder) => this.#files.read(`${folder}/freezer.state`) !== undefined);
  }

  #thawV1(): void {
    const folder = this.#freezerFolder();
    if (folder !== undefined) this.#files.write(`${folder}/freezer.state`, "THAWED");
  }

  #freezer(): { readonly kind: "v1" | "v2"; readonly folder: string } {
    if (this.#unified !== undefined) return { kind: "v2", folder: this.#unified };
    const folder = this.#freezerFolder();
    if (folder !== undefined) return { kind: "v1", folder };
    throw new SampanError("CGROUP_UNAVAILABLE", "this container cannot be frozen: it has no control group for it", {
      operation: "freeze",
      hint: "It takes a unified hierarchy (mount -t cgroup2) or the v1 freezer controller when the container starts.",
    });
  }

  #event(folder: string, key: string): number | undefined {
    const match = new RegExp(`^${key} (\\d+)$`, "m").exec(this.#files.read(`${folder}/cgroup.events`) ?? "");
    return match ? Number(match[1]) : undefined;
  }

  #refuseSuicide(): void {
    if (!this.processes().includes(process.pid)) return;
    throw new SampanError("NOT_PERMITTED", "the control group holds this process itself", {
      operation: "kill",
      object: this.#folders[0],
      hint: "Kill it from outside.",
    });
  }

  /** Polls, for cgroup v1 has no event for any of this; from 1 ms up to 50 ms. */
  async #until(operation: string, options: WaitOptions, done: () => boolean): Promise<void> {
    const { signal, timeoutMs = 10_000 } = options;
    const deadline = performance.now() + timeoutMs;
    for (let pauseMs = 1; !done(); pauseMs = Math.min(pauseMs * 2, 50)) {
      if (performance.now() > deadline) throw this.#timedOut(operation, timeoutMs);
      await delay(pauseMs, undefined, signal ? { signal } : {});
    }
  }

  #timedOut(operation: string, timeoutMs: number): SampanError {
    const left = this.processes();
    const who = left.length > 0 ? `processes ${left.join(", ")} are left` : "the kernel still holds it";
    return new SampanError("CGROUP_FAILED", `cannot ${operation} the control group: ${who} after ${timeoutMs} ms`, {
      operation,
      object: this.#folders[0],
      hint: "A process in uninterruptible sleep (state D in ps) ends when its I/O does.",
    });
  }
}
