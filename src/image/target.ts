/**
 * The folder that an archive is unpacked into, as hostile ground: an archive can plant a symlink and then name
 * something behind it (the pattern of CVE-2018-15664, CVE-2019-14271 and of every "tar slip").
 *
 * Every name is walked component by component from the root, and each is a folder that `lstat` has seen to be one; no
 * path with a symlink in it ever reaches the kernel. Nothing is written into a file that exists: it is removed, and a
 * new one made with O_EXCL. All calls are synchronous, since for small files that is several times as fast as a
 * trip to the thread pool; the event loop has its turn between two chunks of the archive.
 */
import { constants, linkSync, lstatSync, mkdirSync, openSync, readdirSync, symlinkSync, unlinkSync } from "node:fs";
import { errnoOf, hostileEntry, invalidEntry } from "./archive-errors.ts";
import { type ByteString, toPath } from "./byte-string.ts";
import { Folder } from "./folder-tree.ts";
import { removeTree } from "./remove-tree.ts";

const NEW_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
/** Until the end, so that an ordinary user can write into a folder that will be read-only. */
const WORKING_FOLDER_MODE = 0o700;
const WORKING_FILE_MODE = 0o600;
const IMPLIED: Folder["ownership"] = { mode: 0o755, uid: 0, gid: 0, mtime: undefined };

export class Target {
  readonly root: Folder;
  #layer = 0;

  /** The folder is private to this process, and its parents are trusted. */
  constructor(path: ByteString) {
    this.root = new Folder(path, "", 0);
    this.root.ownership = IMPLIED;
  }

  startLayer(layer: number): void {
    this.#layer = layer;
    this.root.touch(layer);
  }

  /** The folder that the components lead to; missing ones are made. */
  enter(components: readonly string[], entry: ByteString): Folder {
    let folder = this.root;
    for (const name of components) {
      folder = folder.child(name) ?? this.#discover(folder, name, entry) ?? this.#implied(folder, name);
      folder.touch(this.#layer);
    }
    return folder;
  }

  /** As `enter`, but nothing is made and nothing counts as used. */
  find(components: readonly string[], entry: ByteString): Folder | undefined {
    let folder: Folder | undefined = this.root;
    for (const name of components) {
      folder = folder.child(name) ?? this.#discover(folder, name, entry);
      if (folder === undefined) return undefined;
    }
    return folder;
  }

  makeFolder(parent: Folder, name: string): Folder {
    const known = parent.child(name);
    if (known !== undefined) {
      known.touch(this.#layer);
      return known;
    }
    this.#replacing(parent, name, (path) => mkdirSync(path, WORKING_FOLDER_MODE));
    return parent.adopt(name);
  }

  /** An empty regular file, open for writing. */
  makeFile(parent: Folder, name: string): number {
    return this.#replacing(parent, name, (path) => openSync(path, NEW_FILE, WORKING_FILE_MODE));
  }

  makeSymlink(parent: Folder, name: string, target: ByteString): void {
    this.#replacing(parent, name, (path) => symlinkSync(toPath(target), path));
  }

  /** linkat(2) without AT_SYMLINK_FOLLOW: a link to a symlink is another name for the symlink, never for its target. */
  makeLink(parent: Folder, name: string, from: { folder: Folder; name: string }, entry: ByteString): void {
    if (from.folder === parent && from.name === name) return;
    if (from.folder.child(from.name) !== undefined) throw hostileEntry(entry, "is a hard link to a folder");
    const source = toPath(from.folder.pathOf(from.name));
    const pending = from.folder.pendingOf(from.name);
    try {
      this.#replacing(parent, name, (path) => linkSync(source, path));
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") throw error;
      throw invalidEntry(entry, "is a hard link to a file that is not in the archive before it");
    }
    if (pending !== undefined) parent.postpone(name, pending);
  }

  /** A whiteout: the name of a lower layer goes; what this layer has made under it stays, in whatever order they came. */
  hide(parent: Folder, name: string): void {
    if (this.#layer === 0) return; // there is nothing below, and what this layer made is not kept in mind
    const folder = parent.child(name);
    if (folder?.layer === this.#layer) this.hideLower(folder);
    else if (!parent.wasMade(name)) this.#remove(parent, name);
  }

  /** An opaque whiteout: everything in the folder that comes from lower layers goes. */
  hideLower(folder: Folder): void {
    for (const name of readdirSync(toPath(folder.path), { encoding: "latin1" })) this.hide(folder, name);
  }

  #implied(parent: Folder, name: string): Folder {
    mkdirSync(toPath(parent.pathOf(name)), WORKING_FOLDER_MODE);
    const folder = parent.adopt(name);
    folder.ownership = IMPLIED;
    return folder;
  }

  /** What is there, when no folder is known by this name. Nothing at all is fine, and a stranger's folder is, too. */
  #discover(parent: Folder, name: string, entry: ByteString): Folder | undefined {
    const found = lstatSync(toPath(parent.pathOf(name)), { throwIfNoEntry: false });
    if (found === undefined) return undefined;
    if (found.isSymbolicLink())
      throw hostileEntry(entry, `leads through the symbolic link '${parent.relativeOf(name)}'`);
    if (!found.isDirectory()) throw hostileEntry(entry, `is below '${parent.relativeOf(name)}', which is not a folder`);
    return parent.adopt(name);
  }

  #replacing<T>(parent: Folder, name: string, make: (path: string | Buffer) => T): T {
    const path = toPath(parent.pathOf(name));
    parent.noteMade(name);
    try {
      return make(path);
    } catch (error) {
      if (errnoOf(error) !== "EEXIST") throw error;
    }
    this.#remove(parent, name);
    parent.noteMade(name);
    return make(path);
  }

  #remove(parent: Folder, name: string): void {
    const path = parent.pathOf(name);
    parent.forget(name);
    const found = lstatSync(toPath(path), { throwIfNoEntry: false });
    if (found === undefined) return;
    if (found.isDirectory()) removeTree(path);
    else unlinkSync(toPath(path));
  }
}
