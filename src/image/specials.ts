/** What node:fs cannot do, as a program: device nodes, FIFOs, hard links of those, and extended attributes. Pure. */
import { AT, AT_FDCWD, deviceNumber, O, openHow, RESOLVE, S_IF } from "../kernel/index.ts";
import { type Architecture, type Bytes, type Program, ProgramBuilder, type Register } from "../program/index.ts";
import { type ByteString, fromText, quote, toText } from "./byte-string.ts";
import type { NodeType } from "./entry.ts";

export interface NodeSpecial {
  readonly kind: "node";
  readonly path: ByteString;
  readonly type: NodeType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly major: number;
  readonly minor: number;
  /** Further names of the same node. */
  readonly links: readonly ByteString[];
}

export interface AttributeSpecial {
  readonly kind: "attribute";
  readonly path: ByteString;
  readonly name: ByteString;
  readonly value: Uint8Array;
}

/** Paths are relative to the root folder, without `.` and `..`; the root folder itself is the empty path. */
export type Special = NodeSpecial | AttributeSpecial;

const TYPE_BITS: Readonly<Record<NodeType, number>> = {
  fifo: S_IF.S_IFIFO,
  "character-device": S_IF.S_IFCHR,
  "block-device": S_IF.S_IFBLK,
};

/**
 * The tree is private while it is built; these make sure all the same that no symlink planted in it is followed.
 * O_DIRECTORY and O_NOFOLLOW are not needed with them, and have other values on arm64.
 */
const WITHIN_ROOT = openHow(
  O.O_PATH | O.O_CLOEXEC,
  0,
  RESOLVE.RESOLVE_IN_ROOT | RESOLVE.RESOLVE_NO_MAGICLINKS | RESOLVE.RESOLVE_NO_SYMLINKS,
);

/** Names that are no text are passed as bytes, with the zero at the end. */
function nameArgument(name: ByteString): string | Bytes {
  const text = toText(name);
  return text ?? { kind: "bytes", value: Buffer.from(`${name}\0`, "latin1"), label: quote(name) };
}

function split(path: ByteString): { parent: ByteString; name: ByteString } {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? { parent: "", name: path } : { parent: path.slice(0, slash), name: path.slice(slash + 1) };
}

function byParent(specials: readonly Special[]): Map<ByteString, Special[]> {
  const groups = new Map<ByteString, Special[]>();
  for (const special of specials) {
    const { parent } = split(special.path);
    const group = groups.get(parent);
    if (group === undefined) groups.set(parent, [special]);
    else group.push(special);
  }
  return groups;
}

class SpecialsBuilder {
  readonly #b: ProgramBuilder;
  readonly #root: Register;
  readonly #folder: Register;
  readonly #otherFolder: Register;

  constructor(architecture: Architecture) {
    this.#b = new ProgramBuilder(architecture);
    this.#root = this.#b.register("root");
    this.#folder = this.#b.register("folder");
    this.#otherFolder = this.#b.register("otherFolder");
  }

  build(specials: readonly Special[], rootFolder: string): Program {
    const b = this.#b;
    b.call("umask", [0], "modes are exactly what the archive says");
    b.call(
      "openat",
      [AT_FDCWD, nameArgument(fromText(rootFolder)), O.O_PATH | O.O_CLOEXEC, 0],
      "the root file system",
      { result: this.#root },
    );
    for (const [parent, group] of byParent(specials)) {
      this.#open(parent, this.#folder);
      for (const special of group) this.#special(special);
      b.call("close", [this.#folder], "done with this folder");
    }
    b.exit(0, "all nodes and attributes are made");
    return b.build();
  }

  #open(folder: ByteString, result: Register): void {
    const path = folder === "" ? "." : folder;
    const how: Bytes = {
      kind: "bytes",
      value: WITHIN_ROOT,
      label: "{O_PATH|O_CLOEXEC, RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS}",
    };
    this.#b.call(
      "openat2",
      [this.#root, nameArgument(path), how, WITHIN_ROOT.length],
      "a folder, through no symbolic link",
      { result },
    );
  }

  #special(special: Special): void {
    if (special.kind === "attribute") {
      this.#attribute(special);
      return;
    }
    this.#node(special);
    for (const link of special.links) this.#link(split(special.path).name, link);
  }

  #node({ path, type, mode, uid, gid, major, minor }: NodeSpecial): void {
    const name = nameArgument(split(path).name);
    const b = this.#b;
    b.call("unlinkat", [this.#folder, name, 0], "the file that held its place", { accepts: ["ENOENT"] });
    b.call(
      "mknodat",
      [this.#folder, name, TYPE_BITS[type] | mode, deviceNumber(major, minor)],
      `the ${type.replace("-", " ")} of the archive`,
    );
    if (uid === 0 && gid === 0) return;
    b.call("fchownat", [this.#folder, name, uid, gid, AT.AT_SYMLINK_NOFOLLOW], "its owner");
    // chown(2) clears the set-uid bits. The name is a node made one step ago, so there is no symlink to follow.
    b.call("fchmodat", [this.#folder, name, mode], "its mode");
  }

  #link(name: ByteString, link: ByteString): void {
    const b = this.#b;
    const { parent, name: linkName } = split(link);
    this.#open(parent, this.#otherFolder);
    b.call("unlinkat", [this.#otherFolder, nameArgument(linkName), 0], "the file that held its place", {
      accepts: ["ENOENT"],
    });
    b.call(
      "linkat",
      [this.#folder, nameArgument(name), this.#otherFolder, nameArgument(linkName), 0],
      "its other name",
    );
    b.call("close", [this.#otherFolder], "done with this folder");
  }

  /**
   * lsetxattr(2) follows no symlink in the last component, so `/proc/self/fd/N` would name the link in /proc and not
   * what it leads to. The folder becomes the working directory instead; then the last component is a plain name.
   */
  #attribute({ path, name, value }: AttributeSpecial): void {
    const b = this.#b;
    const file = split(path).name;
    const bytes: Bytes = { kind: "bytes", value, label: `${value.length} bytes` };
    b.call("fchdir", [this.#folder], "the attribute is set by a plain name");
    b.call(
      "lsetxattr",
      [nameArgument(file === "" ? "." : file), nameArgument(name), bytes, value.length, 0],
      "an extended attribute of the archive",
    );
  }
}

/**
 * The program that makes what node:fs cannot make. Nodes replace the placeholders that are there; run twice it does
 * the same as once.
 *
 * ```ts
 * specialsProgram([{ kind: "attribute", path: "bin/ping", name: "security.capability", value }], "/cache/rootfs", "x64");
 * ```
 */
export function specialsProgram(specials: readonly Special[], rootFolder: string, architecture: Architecture): Program {
  return new SpecialsBuilder(architecture).build(specials, rootFolder);
}

/** A program has at most 65536 operations and 64 MiB of data; a special takes up to four operations and each link three more. */
const BATCH_WEIGHT = 50_000;
const BATCH_BYTES = 16 * 2 ** 20;

function sizeOf(special: Special): { weight: number; bytes: number } {
  const names = special.kind === "node" ? special.links : [special.name];
  const text = names.reduce((sum, name) => sum + name.length * 3, special.path.length * 6);
  if (special.kind === "attribute") return { weight: 5, bytes: text + special.value.length };
  return { weight: 6 + special.links.length * 4, bytes: text };
}

/** Cuts the specials into runs that fit into one program each: one for every image that is not out of the ordinary. */
export function batchSpecials(specials: readonly Special[]): Special[][] {
  const batches: Special[][] = [];
  let room = { weight: 0, bytes: 0 };
  for (const special of specials) {
    const { weight, bytes } = sizeOf(special);
    if (weight > room.weight || bytes > room.bytes) {
      batches.push([]);
      room = { weight: BATCH_WEIGHT, bytes: BATCH_BYTES };
    }
    batches.at(-1)?.push(special);
    room.weight -= weight;
    room.bytes -= bytes;
  }
  return batches;
}
