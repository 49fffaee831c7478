import { AT_FDCWD, O, openFlags, openHow, RESOLVE } from "../kernel/index.ts";
import type { NamespaceType, Spec } from "../oci/index.ts";
import { type Bytes, type OperationOptions, ProgramBuilder, type Register } from "../program/index.ts";
import type { HostFacts } from "./host-facts.ts";
import { hasNamespace, type PlanInput } from "./input.ts";

/** Each takes up to four descriptors. */
const MANY_MOUNTS = 100;

/** What every part of a plan shares: the builder, the input, the facts, and the registers that cross parts. */
export class PlanContext {
  readonly b: ProgramBuilder;
  readonly input: PlanInput;
  readonly host: HostFacts;
  readonly directory: number;
  readonly nofollow: number;
  /** Reused for one target, its parent, and one mount after the other; each is closed after use. */
  readonly target: Register;
  readonly parent: Register;
  readonly mount: Register;
  readonly filesystem: Register;
  readonly file: Register;
  /** Ends of the channel between the executor and the container's first process. */
  readonly syncParent: Register;
  readonly syncChild: Register;
  readonly janitorRead: Register;
  readonly janitorWrite: Register;
  readonly child: Register;
  readonly childPidfd: Register;
  /** The new root's mount, or the host's root. */
  readonly root: Register;
  /** The tmpfs below the new root, see rootfs.ts. */
  readonly stage: Register;
  /** From when on `dev` is attached in the new root. */
  devIsMounted = false;
  /** Idmapped mounts of the root's folders, received from the executor. */
  readonly lowers: Register[] = [];
  /** Mounts of our own making in which nobody else has written yet. */
  readonly proc: Register;
  readonly dev: Register;
  readonly devpts: Register;

  readonly #manyMounts: boolean;
  readonly #hows = new Map<number, Bytes>();

  constructor(input: PlanInput, host: HostFacts) {
    this.#manyMounts = input.spec.mounts.length + (input.spec.linux.devices?.length ?? 0) > MANY_MOUNTS;
    this.b = new ProgramBuilder(host.architecture);
    this.input = input;
    this.host = host;
    const flags = openFlags(host.architecture);
    this.directory = flags.directory;
    this.nofollow = flags.nofollow;
    const register = (name: string) => this.b.register(name);
    this.target = register("target");
    this.parent = register("parent");
    this.mount = register("mount");
    this.filesystem = register("filesystem");
    this.file = register("file");
    this.syncParent = register("sync.executor");
    this.syncChild = register("sync.container");
    this.janitorRead = register("alive.janitor");
    this.janitorWrite = register("alive.executor");
    this.child = register("container");
    this.childPidfd = register("container.pidfd");
    this.root = register("root");
    this.stage = register("stage");
    this.proc = register("proc");
    this.dev = register("dev");
    this.devpts = register("devpts");
  }

  get spec(): Spec {
    return this.input.spec;
  }

  has(type: NamespaceType): boolean {
    return hasNamespace(this.spec, type);
  }

  /** The container has a root file system of its own. */
  get ownRoot(): boolean {
    return this.input.rootfs.kind !== "none";
  }

  /** The user namespace is ours to make, and this process is no superuser outside of it. */
  get rootless(): boolean {
    return this.host.uid !== 0;
  }

  close(fd: Register, options: OperationOptions = {}): void {
    this.b.call("close", [fd], "done with it", options);
  }

  /**
   * Closes a descriptor that is only in the way. All are closed at once before the command runs, so this matters only
   * when there are so many mounts that RLIMIT_NOFILE (1024 by default) could be reached.
   */
  release(fd: Register, options: OperationOptions = {}): void {
    if (this.#manyMounts) this.close(fd, options);
  }

  /** openat2's arguments for a path inside of a hostile root: symlinks are followed within it, magic links never. */
  inRoot(flags: number): Bytes {
    let how = this.#hows.get(flags);
    if (how === undefined) {
      const resolve = RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS;
      how = bytes(openHow(flags | O.O_CLOEXEC, 0, resolve));
      this.#hows.set(flags, how);
    }
    return how;
  }

  /** Writes a whole small file: open, write, close. `file` is the register used in between. */
  writeFile(path: string, text: string | Bytes, why: string, options: WriteFileOptions = {}): void {
    const { dir, flags = O.O_WRONLY, mode = 0, ...rest } = options;
    const bytes = typeof text === "string" ? textBytes(text) : text;
    this.b.call("openat", [dir ?? AT_FDCWD, path, flags | O.O_CLOEXEC, mode], why, { ...rest, result: this.file });
    this.b.call("write", [this.file, bytes, bytes.value.length], why, rest);
    this.close(this.file);
  }
}

export interface WriteFileOptions extends OperationOptions {
  readonly dir?: Register;
  readonly flags?: number;
  readonly mode?: number;
}

/** The text as the bytes of a write, without a zero at the end. */
export function textBytes(text: string): Bytes {
  return { kind: "bytes", value: new TextEncoder().encode(text) };
}

export function bytes(value: Uint8Array): Bytes {
  return { kind: "bytes", value };
}

export const OPEN_HOW_SIZE = 24;
export const MOUNT_ATTR_SIZE = 32;
