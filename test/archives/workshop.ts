/** A folder for one test: archives go in, and what is around the cache is watched. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SampanError } from "../../src/errors/index.ts";
import { type OpenArchiveOptions, openArchive, type UnpackedImage } from "../../src/image/index.ts";
import { removeTree } from "../../src/image/remove-tree.ts";
import type { Program } from "../../src/program/index.ts";
import { describeTree } from "./tree.ts";

export class Workshop implements Disposable {
  readonly folder: string;
  readonly cacheDir: string;
  /** What no archive may touch. */
  readonly outside: string;
  /** Programs that would have run. */
  readonly programs: Program[] = [];

  constructor() {
    this.folder = mkdtempSync(join(tmpdir(), "sampan-archives-"));
    this.cacheDir = join(this.folder, "cache");
    this.outside = join(this.folder, "outside");
    mkdirSync(this.outside);
    writeFileSync(join(this.outside, "secret"), "untouched");
  }

  write(name: string, bytes: Uint8Array): string {
    const path = join(this.folder, name);
    writeFileSync(path, bytes);
    return path;
  }

  open(path: string, options: Partial<OpenArchiveOptions> = {}): Promise<UnpackedImage> {
    return openArchive(path, {
      cacheDir: this.cacheDir,
      platform: { os: "linux", architecture: "amd64" },
      helpers: { runProgram: async (program) => void this.programs.push(program) },
      ...options,
    });
  }

  openBytes(bytes: Uint8Array, options: Partial<OpenArchiveOptions> = {}): Promise<UnpackedImage> {
    return this.open(this.write("archive", bytes), options);
  }

  /** Everything outside of the cache: names, kinds, modes, owners, times and contents. */
  surroundings(): readonly string[] {
    return describeTree(this.folder, (path) => path === "cache" || path === "archive");
  }

  /** What is being built, or was left behind. */
  partials(): readonly string[] {
    return describeTree(join(this.cacheDir, "partial"));
  }

  [Symbol.dispose](): void {
    removeTree(this.folder);
  }
}

/** The error that something ends with, as its code and message. */
export async function failureOf(promise: Promise<unknown>): Promise<SampanError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof SampanError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}
