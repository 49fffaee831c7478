/**
 * Where unpacked archives are kept:
 *
 * ```
 * <cacheDir>/partial/<boot>.<pid namespace>.<pid>.<start time>.<random>/   being built, or left by a process that died
 * <cacheDir>/<sha256 of the archive>-<os>-<architecture>[-rootless]/      complete: rootfs/ and image.json
 * <cacheDir>/index/<identity of a file>                                    which of these a file leads to, without reading it
 * ```
 *
 * A folder is complete when it has its final name, and rename(2) gives it that in one step; so a process may be killed
 * at any moment, and two may unpack the same archive at once: the second to finish finds the name taken.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { errnoOf } from "./archive-errors.ts";
import { fromText } from "./byte-string.ts";
import { hasDied, ownIdentity, type ProcessIdentity } from "./process-identity.ts";
import { removeTree } from "./remove-tree.ts";

/** What a process in another PID namespace may take at most; its life cannot be seen from here. */
const UNSEEN_OWNER_MS = 24 * 60 * 60 * 1000;
const PARTIAL = /^([0-9a-f]+\.\d+)\.(\d+)\.(\d+)\.[0-9a-f]+$/;
const FINAL = /^[0-9a-f]{64}-[a-z0-9_-]+$/;
const RECORD = "image.json";
const RECORD_VERSION = 1;

/** A folder under construction. Disposing of it removes what was not committed. */
export interface PartialFolder extends Disposable {
  readonly path: string;
}

function parsePartial(name: string): ProcessIdentity | undefined {
  const [, world, pid, startTime] = PARTIAL.exec(name) ?? [];
  if (world === undefined || pid === undefined || startTime === undefined) return undefined;
  return { world, pid: Number(pid), startTime };
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ENOTDIR") return undefined;
    throw error;
  }
}

function parseRecord(text: string | undefined): Record<string, unknown> | undefined {
  if (text === undefined) return undefined;
  try {
    const record = JSON.parse(text);
    return record?.version === RECORD_VERSION ? record : undefined;
  } catch {
    return undefined;
  }
}

/** Returns whether this call did it: another process may have been faster. */
function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (["ENOENT", "ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "")) return false;
    throw error;
  }
}

/** `Value` is what is kept beside each root file system, as JSON. */
export class UnpackedStore<Value extends object> {
  readonly cacheDir: string;
  readonly #own = ownIdentity();

  constructor(cacheDir: string) {
    this.cacheDir = cacheDir;
    for (const folder of [cacheDir, this.#partials, this.#index]) mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  get #partials(): string {
    return join(this.cacheDir, "partial");
  }

  get #index(): string {
    return join(this.cacheDir, "index");
  }

  rootfsOf(name: string): string {
    return join(this.cacheDir, name, "rootfs");
  }

  /** The unpacked archive that this file was found to be when it was last read. */
  lookUp(identity: string): { name: string; value: Value } | undefined {
    const name = readText(join(this.#index, identity))?.trim();
    if (name === undefined || !FINAL.test(name)) return undefined;
    const value = this.read(name);
    return value && { name, value };
  }

  /** A folder whose record cannot be read (a file system that crashed) is put aside, and made anew. */
  read(name: string): Value | undefined {
    const text = readText(join(this.cacheDir, name, RECORD));
    const record = parseRecord(text);
    if (record !== undefined) return record as unknown as Value;
    this.#discard(join(this.cacheDir, name));
    return undefined;
  }

  remember(identity: string, name: string): void {
    const partial = this.#partialPath();
    writeFileSync(partial, `${name}\n`, { mode: 0o600, flag: "wx" });
    renameSync(partial, join(this.#index, identity));
  }

  begin(): PartialFolder {
    const path = this.#partialPath();
    mkdirSync(path, { mode: 0o700 });
    // Without the set-group-id bit that a cache folder may hand down.
    chmodSync(path, 0o700);
    return { path, [Symbol.dispose]: () => removeTree(fromText(path)) };
  }

  /** Gives the folder its name. When another process has just done the same, its folder is used. */
  commit(partial: PartialFolder, name: string, value: Value): Value {
    writeFileSync(join(partial.path, RECORD), JSON.stringify({ version: RECORD_VERSION, ...value }), {
      mode: 0o600,
      flush: true,
    });
    const final = join(this.cacheDir, name);
    for (;;) {
      if (renamed(partial.path, final)) return value;
      const existing = this.read(name);
      if (existing !== undefined) return existing;
    }
  }

  /** Removes what processes that have died left behind; never what a living one is building. */
  removeAbandoned(): void {
    for (const name of readdirSync(this.#partials)) {
      const path = join(this.#partials, name);
      if (this.#isAbandoned(path, name)) this.#discard(path);
    }
  }

  #isAbandoned(path: string, name: string): boolean {
    const owner = parsePartial(name);
    if (owner === undefined) return false;
    return hasDied(owner, this.#own) ?? this.#isOld(path);
  }

  #isOld(path: string): boolean {
    const found = statSync(path, { throwIfNoEntry: false });
    return found !== undefined && Date.now() - found.mtimeMs > UNSEEN_OWNER_MS;
  }

  /** The rename decides which of several processes removes it, and leaves it recognisable if this one is killed. */
  #discard(path: string): void {
    const claimed = this.#partialPath();
    if (!renamed(path, claimed)) return;
    if (statSync(claimed).isDirectory()) removeTree(fromText(claimed));
    else unlinkSync(claimed);
  }

  #partialPath(): string {
    const { world, pid, startTime } = this.#own;
    return join(this.#partials, `${world}.${pid}.${startTime}.${randomBytes(6).toString("hex")}`);
  }
}
