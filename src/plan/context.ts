import { AT_FDCWD, O, openFlags, openHow, RESOLVE } from "../kernel/index.ts";
import type { NamespaceType, Spec } from "../oci/index.ts";
import { type Bytes, type OperationOptions, ProgramBuilder, type Register } from "../program/index.ts";
import type { HostFacts } from "./host-facts.ts";
import { hasNamespace, type PlanInput } from "./input.ts";

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
  /** Idmapped mounts of the root's folders, received from the executor. */
  readonly lowers: Register[] = [];
  /** Mounts of our own making in which nobody else has written yet. */
  readonly proc: Register;
  readonly dev: Register;
  readonly devpts: Register;

  constructor(input: PlanInput, host: HostFacts) {
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

/** openat2's arguments for a path inside of a hostile root: symlinks are followed within it, magic links never. */
export function inRoot(flags: number): Bytes {
  return bytes(openHow(flags | O.O_CLOEXEC, 0, RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS));
}

export const OPEN_HOW_SIZE = 24;
export const MOUNT_ATTR_SIZE = 32;
