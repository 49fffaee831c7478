/** A kernel's control groups in memory, as far as live groups can tell; for tests. */
import type { GroupFiles } from "./group-files.ts";

function failure(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${path}`), { code });
}

interface Group {
  readonly files: ReadonlySet<string>;
  readonly pids: Set<number>;
}

/**
 * Folders are groups. As in Linux: a group with processes or children is busy; v1's freezer holds SIGKILL back until the
 * group is thawed; cgroup.kill takes the subtree; a process is in one group of each hierarchy.
 */
export class FakeKernel implements GroupFiles {
  readonly #groups = new Map<string, Group>();
  readonly #frozen = new Set<string>();
  readonly #doomed = new Set<number>();

  mkdir(path: string, files: readonly string[]): void {
    this.#groups.set(path, { files: new Set(files), pids: new Set() });
  }

  place(pid: number, path: string): void {
    this.#group(path).pids.add(pid);
  }

  isAlive(pid: number): boolean {
    return [...this.#groups.values()].some(({ pids }) => pids.has(pid));
  }

  exists(path: string): boolean {
    return this.#groups.has(path);
  }

  read(path: string): string | undefined {
    const [folder, file] = this.#locate(path);
    const group = this.#groups.get(folder);
    if (group === undefined || !(file === "cgroup.procs" || group.files.has(file))) return undefined;
    if (file === "cgroup.procs") return [...group.pids].map((pid) => `${pid}\n`).join("");
    if (file === "freezer.state") return this.#frozen.has(folder) ? "FROZEN\n" : "THAWED\n";
    if (file === "cgroup.events") return `populated 1\nfrozen ${this.#frozen.has(folder) ? 1 : 0}\n`;
    return file === "pids.peak" ? "2\n" : "";
  }

  write(path: string, text: string): void {
    const [folder, file] = this.#locate(path);
    if (!this.#group(folder).files.has(file)) throw failure("ENOENT", path);
    if (file === "cgroup.kill") for (const pid of this.#below(folder)) this.#end(pid);
    if (file === "cgroup.freeze") this.#setFrozen(folder, text === "1");
    if (file === "freezer.state") this.#setFrozen(folder, text === "FROZEN");
  }

  children(path: string): readonly string[] {
    const below = [...this.#groups.keys()].filter((name) => name.startsWith(`${path}/`));
    return below.map((name) => name.slice(path.length + 1)).filter((name) => !name.includes("/"));
  }

  rmdir(path: string): void {
    if (this.#group(path).pids.size > 0 || this.children(path).length > 0) throw failure("EBUSY", path);
    this.#groups.delete(path);
  }

  signal(pid: number): void {
    const held = [...this.#frozen].some(
      (folder) => this.#group(folder).files.has("freezer.state") && this.#below(folder).has(pid),
    );
    if (held) this.#doomed.add(pid);
    else this.#end(pid);
  }

  #group(path: string): Group {
    const group = this.#groups.get(path);
    if (group === undefined) throw failure("ENOENT", path);
    return group;
  }

  #locate(path: string): [folder: string, file: string] {
    const slash = path.lastIndexOf("/");
    return [path.slice(0, slash), path.slice(slash + 1)];
  }

  #below(folder: string): Set<number> {
    const inside = [...this.#groups].filter(([path]) => path === folder || path.startsWith(`${folder}/`));
    return new Set(inside.flatMap(([, { pids }]) => [...pids]));
  }

  #setFrozen(folder: string, frozen: boolean): void {
    if (frozen) this.#frozen.add(folder);
    else if (this.#frozen.delete(folder)) for (const pid of this.#doomed) this.#end(pid);
  }

  #end(pid: number): void {
    for (const { pids } of this.#groups.values()) pids.delete(pid);
  }
}
