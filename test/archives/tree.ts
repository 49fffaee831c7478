/** A tree as lines of text, so that two can be compared and a difference can be read. */
import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from "node:fs";

interface Walk {
  readonly lines: string[];
  readonly names: Map<number, string>;
  readonly ignore: (path: string) => boolean;
}

function kind(stats: Stats): string {
  if (stats.isDirectory()) return "folder";
  if (stats.isSymbolicLink()) return "symlink";
  if (stats.isFIFO()) return "fifo";
  return stats.isFile() ? "file" : "device";
}

function contents(path: Buffer, stats: Stats): string {
  if (stats.isSymbolicLink()) return `-> ${readlinkSync(path, { encoding: "latin1" })}`;
  if (!stats.isFile()) return "";
  return createHash("sha256").update(readFileSync(path)).digest("hex").slice(0, 16);
}

/** The first name of an inode stands for it, so that hard links are told from copies. */
function sameAs(walk: Walk, stats: Stats, path: string): string {
  if (stats.nlink < 2 || stats.isDirectory()) return "";
  const first = walk.names.get(stats.ino);
  if (first !== undefined) return ` = ${first}`;
  walk.names.set(stats.ino, path);
  return "";
}

function describe(walk: Walk, root: string, relative: string): void {
  const path = Buffer.concat([Buffer.from(`${root}/`), Buffer.from(relative, "latin1")]);
  const stats = lstatSync(path);
  const mode = (stats.mode & 0o7777).toString(8);
  const seconds = Math.floor(stats.mtimeMs / 1000);
  const same = sameAs(walk, stats, relative);
  walk.lines.push(
    `${JSON.stringify(relative)} ${kind(stats)} ${mode} ${stats.uid}:${stats.gid} ${seconds} ${contents(path, stats)}${same}`,
  );
  if (!stats.isDirectory()) return;
  for (const name of readdirSync(path, { encoding: "latin1" }).sort()) {
    const below = relative === "." ? name : `${relative}/${name}`;
    if (!walk.ignore(below)) describe(walk, root, below);
  }
}

/** One line per name: kind, mode, owner, seconds of the last modification, contents, and hard links. */
export function describeTree(root: string, ignore: Walk["ignore"] = () => false): readonly string[] {
  const walk: Walk = { lines: [], names: new Map(), ignore };
  for (const name of readdirSync(root, { encoding: "latin1" }).sort()) if (!ignore(name)) describe(walk, root, name);
  return walk.lines;
}
