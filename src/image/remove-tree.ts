import { chmodSync, lstatSync, readdirSync, rmdirSync, unlinkSync } from "node:fs";
import { errnoOf } from "./archive-errors.ts";
import { type ByteString, toPath } from "./byte-string.ts";

function listFolder(path: ByteString): { name: string; isFolder: boolean }[] {
  const entries = readdirSync(toPath(path), { encoding: "latin1", withFileTypes: true });
  return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
}

/** An image may hold folders that their owner may not write or read, and then only the owner's chmod(2) helps. */
function openUp(path: ByteString): void {
  if (lstatSync(toPath(path)).isDirectory()) chmodSync(toPath(path), 0o700);
}

function emptyFolder(path: ByteString): void {
  for (const { name, isFolder } of listFolder(path)) {
    if (isFolder) removeFolder(`${path}/${name}`);
    else unlinkSync(toPath(`${path}/${name}`));
  }
}

function removeFolder(path: ByteString): void {
  try {
    emptyFolder(path);
  } catch (error) {
    if (errnoOf(error) !== "EACCES") throw error;
    openUp(path);
    emptyFolder(path);
  }
  rmdirSync(toPath(path));
}

/**
 * Removes a folder and everything below it; follows no symlink. node:fs has `rmSync`, but that takes no names that are
 * not UTF-8 and gives up on folders without write permission.
 */
export function removeTree(path: ByteString): void {
  try {
    removeFolder(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
  }
}
