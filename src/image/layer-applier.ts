/** Applies one layer after the other to a target: the OCI image specification's "Applying Changesets". */
import { closeSync, fchmodSync, fchownSync, futimesSync, lchownSync, lutimesSync, writeSync } from "node:fs";
import { errnoOf, hostileEntry, invalidEntry } from "./archive-errors.ts";
import type { Budget } from "./budget.ts";
import { toPath } from "./byte-string.ts";
import { type Entry, readEntry } from "./entry.ts";
import { splitName } from "./entry-name.ts";
import type { Folder, Pending } from "./folder-tree.ts";
import type { TarHeader, TarSink } from "./tar-reader.ts";
import type { Target } from "./target.ts";

const WHITEOUT = ".wh.";
const OPAQUE = ".wh..wh..opq";
/** AUFS's own bookkeeping (`.wh..wh.plnk`, `.wh..wh.aufs`), which old engines left in layers. */
const AUFS = ".wh..wh.";

/** Names that the kernel itself finds too long, or that need more links than it follows. */
const HOSTILE_ERRNOS: Readonly<Record<string, string>> = {
  ENAMETOOLONG: "has a name that is longer than Linux allows",
  ELOOP: "leads through a symbolic link",
  ENOTDIR: "is below something that is not a folder",
};

export interface ApplierOptions {
  /** An ordinary user owns all files, and can make no device nodes. */
  readonly rootless: boolean;
  readonly budget: Budget;
}

interface OpenFile {
  readonly fd: number;
  readonly entry: Entry;
  readonly mode: number;
}

function writeFully(fd: number, chunk: Uint8Array): void {
  for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done, chunk.length - done);
}

function attributeBytes(entry: Entry): number {
  return entry.xattrs.reduce((sum, { name, value }) => sum + name.length + value.length, 0);
}

export class LayerApplier implements TarSink, Disposable {
  readonly #target: Target;
  readonly #options: ApplierOptions;
  #file: OpenFile | undefined;

  constructor(target: Target, options: ApplierOptions) {
    this.#target = target;
    this.#options = options;
  }

  begin(header: TarHeader): boolean {
    const entry = readEntry(header);
    this.#options.budget.takeEntry(entry.sizeBytes);
    try {
      this.#apply(entry);
    } catch (error) {
      const why = HOSTILE_ERRNOS[errnoOf(error) ?? ""];
      throw why === undefined ? error : hostileEntry(entry.name, why);
    }
    return true;
  }

  data(chunk: Uint8Array): void {
    if (this.#file !== undefined) writeFully(this.#file.fd, chunk);
  }

  /** In this order: chown(2) clears the set-uid bit, and both leave the time of modification alone. */
  end(): void {
    if (this.#file === undefined) return;
    const { fd, entry, mode } = this.#file;
    if (this.#mustChown(entry)) fchownSync(fd, entry.uid, entry.gid);
    fchmodSync(fd, mode);
    futimesSync(fd, entry.mtime, entry.mtime);
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    if (this.#file === undefined) return;
    const { fd } = this.#file;
    this.#file = undefined;
    closeSync(fd);
  }

  #apply(entry: Entry): void {
    const components = splitName(entry.name);
    const name = components.pop();
    const whiteout = components.find((component) => component.startsWith(WHITEOUT));
    if (whiteout?.startsWith(AUFS)) return;
    if (whiteout !== undefined) throw hostileEntry(entry.name, "is below a whiteout");
    if (name === undefined) this.#describeRoot(entry);
    else if (name.startsWith(WHITEOUT)) this.#whiteout(components, name, entry);
    else this.#make(this.#target.enter(components, entry.name), name, entry);
  }

  #describeRoot(entry: Entry): void {
    if (entry.type !== "folder") throw hostileEntry(entry.name, "would replace the root of the file system");
    this.#describeFolder(this.#target.root, entry);
  }

  #describeFolder(folder: Folder, entry: Entry): void {
    if (entry.xattrs.length > 0) this.#options.budget.takeSpecial(attributeBytes(entry));
    folder.ownership = entry;
    folder.xattrs = entry.xattrs;
  }

  #whiteout(components: readonly string[], name: string, entry: Entry): void {
    const hidden = name.slice(WHITEOUT.length);
    if (name !== OPAQUE && name.startsWith(AUFS)) return;
    if (hidden === "" || hidden === "." || hidden === "..")
      throw hostileEntry(entry.name, "is a whiteout of nothing that can have a name");
    const folder = this.#target.find(components, entry.name);
    if (folder === undefined) return;
    // What another layer made in this folder must not pass for this layer's.
    this.#target.enter(components, entry.name);
    if (name === OPAQUE) this.#target.hideLower(folder);
    else this.#target.hide(folder, hidden);
  }

  #make(parent: Folder, name: string, entry: Entry): void {
    const { type } = entry;
    if (type === "file") this.#makeFile(parent, name, entry);
    else if (type === "folder") this.#describeFolder(this.#target.makeFolder(parent, name), entry);
    else if (type === "symlink") this.#makeSymlink(parent, name, entry);
    else if (type === "link") this.#makeLink(parent, name, entry);
    else this.#makePlaceholder(parent, name, { ...entry, type });
  }

  #makeFile(parent: Folder, name: string, entry: Entry): void {
    const fd = this.#target.makeFile(parent, name);
    const writableFirst = this.#options.rootless && entry.xattrs.length > 0;
    this.#file = { fd, entry, mode: writableFirst ? 0o600 : entry.mode };
    this.#postponeAttributes(parent, name, entry, writableFirst ? { modeAfter: entry.mode } : {});
  }

  #makeSymlink(parent: Folder, name: string, entry: Entry): void {
    this.#target.makeSymlink(parent, name, entry.target);
    const path = toPath(parent.pathOf(name));
    if (this.#mustChown(entry)) lchownSync(path, entry.uid, entry.gid);
    lutimesSync(path, entry.mtime, entry.mtime);
    this.#postponeAttributes(parent, name, entry, {});
  }

  #makeLink(parent: Folder, name: string, entry: Entry): void {
    const components = splitName(entry.target, entry.name);
    const targetName = components.pop();
    if (targetName === undefined) throw hostileEntry(entry.name, "is a hard link to a folder");
    const folder = this.#target.find(components, entry.name);
    if (folder === undefined)
      throw invalidEntry(entry.name, "is a hard link to a file that is not in the archive before it");
    this.#target.makeLink(parent, name, { folder, name: targetName }, entry.name);
  }

  /** An empty file holds the place, so that later entries can link to the node, hide it or replace it like any other. */
  #makePlaceholder(parent: Folder, name: string, node: Entry & Pick<NonNullable<Pending["node"]>, "type">): void {
    closeSync(this.#target.makeFile(parent, name));
    this.#options.budget.takeSpecial(attributeBytes(node));
    parent.postpone(name, { type: node.type, node, xattrs: node.xattrs });
  }

  #postponeAttributes(parent: Folder, name: string, entry: Entry, more: Partial<Pending>): void {
    if (entry.xattrs.length === 0) return;
    this.#options.budget.takeSpecial(attributeBytes(entry));
    parent.postpone(name, { type: entry.type, xattrs: entry.xattrs, ...more });
  }

  /** New files belong to this process's user already. */
  #mustChown({ uid, gid }: { uid: number; gid: number }): boolean {
    return !this.#options.rootless && (uid !== 0 || gid !== 0);
  }
}
