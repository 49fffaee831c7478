import type { ByteString } from "./byte-string.ts";
import type { Entry, ExtendedAttribute, NodeType } from "./entry.ts";

export interface Ownership {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtime: number | undefined;
}

/** A node that node:fs cannot make. Hard links of it share this object. */
export interface PendingNode extends Ownership {
  readonly type: NodeType;
  readonly mtime: number;
  readonly major: number;
  readonly minor: number;
}

/** What is still to be done to a name in the end; shared by the names of one inode. */
export interface Pending {
  readonly type: Entry["type"];
  readonly node?: PendingNode;
  readonly xattrs: readonly ExtendedAttribute[];
  /** The file is writable until the attributes are set (user attributes need that), and then gets this mode. */
  readonly modeAfter?: number;
}

/**
 * A folder below the target that has been looked at and is a folder, not a symlink to one. Whoever removes a folder
 * drops its object, and with it everything that was known about what was below.
 */
export class Folder {
  /** From the root folder; empty for itself. */
  readonly relative: ByteString;
  readonly path: ByteString;
  /** The last layer that made this folder or anything in it. */
  layer: number;
  ownership: Ownership | undefined;
  xattrs: readonly ExtendedAttribute[] = [];
  #children: Map<string, Folder> | undefined;
  #made: Set<string> | undefined;
  #pending: Map<string, Pending> | undefined;

  constructor(path: ByteString, relative: ByteString, layer: number) {
    this.path = path;
    this.relative = relative;
    this.layer = layer;
  }

  pathOf(name: string): ByteString {
    return `${this.path}/${name}`;
  }

  relativeOf(name: string): ByteString {
    return this.relative === "" ? name : `${this.relative}/${name}`;
  }

  child(name: string): Folder | undefined {
    return this.#children?.get(name);
  }

  get children(): Iterable<Folder> {
    return this.#children?.values() ?? [];
  }

  get pending(): Iterable<[string, Pending]> {
    return this.#pending ?? [];
  }

  pendingOf(name: string): Pending | undefined {
    return this.#pending?.get(name);
  }

  adopt(name: string): Folder {
    const child = new Folder(this.pathOf(name), this.relativeOf(name), this.layer);
    this.#children ??= new Map();
    this.#children.set(name, child);
    return child;
  }

  /** Something in this folder belongs to this layer; what lower layers made is no longer "made by this layer". */
  touch(layer: number): void {
    if (this.layer === layer) return;
    this.layer = layer;
    this.#made = undefined;
  }

  /** The name was made by the current layer. Only whiteouts ask, and below the first layer there is nothing to hide. */
  noteMade(name: string): void {
    if (this.layer === 0) return;
    this.#made ??= new Set();
    this.#made.add(name);
  }

  wasMade(name: string): boolean {
    return this.#made?.has(name) === true;
  }

  postpone(name: string, pending: Pending): void {
    this.#pending ??= new Map();
    this.#pending.set(name, pending);
  }

  /** The name is gone, whatever it was. */
  forget(name: string): void {
    this.#children?.delete(name);
    this.#pending?.delete(name);
    this.#made?.delete(name);
  }
}
