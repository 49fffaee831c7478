/** The last part of unpacking: nodes and attributes in one batch, then the folders' own modes and times. */
import { chmodSync, lchownSync, lutimesSync, unlinkSync } from "node:fs";
import { SampanError } from "../errors/index.ts";
import type { Architecture, Program } from "../program/index.ts";
import { type ByteString, toPath, toText } from "./byte-string.ts";
import type { EntryType, ExtendedAttribute } from "./entry.ts";
import type { Folder, Pending, PendingNode } from "./folder-tree.ts";
import { attributeObstacle, nodeObstacle, type Skipped } from "./special-policy.ts";
import { batchSpecials, type NodeSpecial, type Special, specialsProgram } from "./specials.ts";

/** What the image floor needs from the floors that run things. */
export interface ImageHelpers {
  /** Runs a program of system calls on this host; rejects with the failed step's errno in `details.errno`. */
  runProgram(program: Program): Promise<void>;
}

export interface FinishOptions {
  readonly rootless: boolean;
  readonly architecture: Architecture;
  readonly helpers: ImageHelpers;
}

interface PostponedName {
  readonly folder: Folder;
  readonly name: string;
  readonly pending: Pending;
}

function* foldersBelow(folder: Folder): Generator<Folder> {
  for (const child of folder.children) yield* foldersBelow(child);
  yield folder;
}

/** For people: a name in another encoding is shown as Latin-1. */
function shownPath(relative: ByteString): string {
  return `/${toText(relative) ?? relative}`;
}

class Finisher {
  readonly #root: Folder;
  readonly #options: FinishOptions;
  readonly #names: PostponedName[] = [];
  readonly #nodes = new Map<PendingNode, NodeSpecial & { readonly links: ByteString[] }>();
  readonly #attributes: Special[] = [];
  readonly #skipped: Skipped[] = [];

  constructor(root: Folder, options: FinishOptions) {
    this.#root = root;
    this.#options = options;
  }

  async finish(): Promise<Skipped[]> {
    for (const folder of foldersBelow(this.#root)) this.#collect(folder);
    await this.#makeSpecials();
    for (const postponed of this.#names) this.#settle(postponed);
    for (const folder of foldersBelow(this.#root)) this.#describe(folder);
    return this.#skipped;
  }

  #collect(folder: Folder): void {
    this.#collectAttributes(folder.relative, "folder", folder.xattrs);
    for (const [name, pending] of folder.pending) {
      const path = folder.relativeOf(name);
      const made = pending.node === undefined || this.#collectNode(path, pending.node);
      if (made) this.#collectAttributes(path, pending.type, pending.xattrs);
      if (made) this.#names.push({ folder, name, pending });
      else unlinkSync(toPath(folder.pathOf(name)));
    }
  }

  #collectNode(path: ByteString, node: PendingNode): boolean {
    const why = nodeObstacle(node.type, this.#options.rootless);
    if (why !== undefined) {
      this.#skipped.push({ path: shownPath(path), what: node.type.replace("-", " "), why });
      return false;
    }
    const first = this.#nodes.get(node);
    if (first !== undefined) first.links.push(path);
    else this.#nodes.set(node, this.#nodeSpecial(path, node));
    return true;
  }

  #nodeSpecial(
    path: ByteString,
    { type, mode, uid, gid, major, minor }: PendingNode,
  ): NodeSpecial & { links: ByteString[] } {
    const owner = this.#options.rootless ? { uid: 0, gid: 0 } : { uid, gid };
    return { kind: "node", path, type, mode, ...owner, major, minor, links: [] };
  }

  #collectAttributes(path: ByteString, type: EntryType, attributes: readonly ExtendedAttribute[]): void {
    for (const { name, value } of attributes) {
      const why = attributeObstacle(name, type, this.#options.rootless);
      if (why === undefined) this.#attributes.push({ kind: "attribute", path, name, value });
      else this.#skipped.push({ path: shownPath(path), what: toText(name) ?? name, why });
    }
  }

  /** A cache on a file system without attributes is no reason to refuse an image; that they are missing is told. */
  async #makeSpecials(): Promise<void> {
    const nodes = [...this.#nodes.values()];
    try {
      await this.#run([...nodes, ...this.#attributes]);
    } catch (error) {
      const unsupported = error instanceof SampanError && error.details.errno === "EOPNOTSUPP";
      if (!unsupported || this.#attributes.length === 0) throw error;
      for (const special of this.#attributes)
        if (special.kind === "attribute")
          this.#skipped.push({
            path: shownPath(special.path),
            what: toText(special.name) ?? special.name,
            why: "the file system of the cache does not support it",
          });
      await this.#run(nodes);
    }
  }

  async #run(specials: readonly Special[]): Promise<void> {
    const root = toText(this.#root.path) ?? this.#root.path;
    for (const batch of batchSpecials(specials))
      await this.#options.helpers.runProgram(specialsProgram(batch, root, this.#options.architecture));
  }

  #settle({ folder, name, pending }: PostponedName): void {
    const path = toPath(folder.pathOf(name));
    if (pending.node !== undefined) lutimesSync(path, pending.node.mtime, pending.node.mtime);
    if (pending.modeAfter !== undefined) chmodSync(path, pending.modeAfter);
  }

  #describe({ path, ownership }: Folder): void {
    if (ownership === undefined) return;
    const { mode, uid, gid, mtime } = ownership;
    if (!this.#options.rootless && (uid !== 0 || gid !== 0)) lchownSync(toPath(path), uid, gid);
    chmodSync(toPath(path), mode);
    if (mtime !== undefined) lutimesSync(toPath(path), mtime, mtime);
  }
}

/**
 * Makes what was postponed, and gives every folder its mode, owner and time, children first. What could not be made
 * is returned.
 */
export function finishTree(root: Folder, options: FinishOptions): Promise<Skipped[]> {
  return new Finisher(root, options).finish();
}
