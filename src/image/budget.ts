import { hostileArchive } from "./archive-errors.ts";

export interface Limits {
  /** Of everything in the archive when it is decompressed. */
  readonly expandedBytes: number;
  readonly entries: number;
  /** Of a manifest, an index or an image configuration. */
  readonly documentBytes: number;
  /** Nodes and extended attributes, which are kept in memory until the end. */
  readonly specials: number;
  readonly specialBytes: number;
}

export const DEFAULT_LIMITS: Limits = {
  expandedBytes: 32 * 2 ** 30,
  entries: 10_000_000,
  documentBytes: 8 * 2 ** 20,
  specials: 100_000,
  specialBytes: 64 * 2 ** 20,
};

const HINT = "An archive made by an engine stays far below this: use one from a source you trust.";

/** What one archive may still use. Each method takes something from it, or throws ARCHIVE_HOSTILE. */
export class Budget {
  readonly limits: Limits;
  readonly #freeBytes: number;
  #expanded = 0;
  #entries = 0;
  #specials = 0;
  #specialBytes = 0;

  constructor(limits: Limits, freeBytes: number) {
    this.limits = limits;
    this.#freeBytes = freeBytes;
  }

  /** Decompressed bytes, wherever they go: padding that expands without end is caught as well. */
  takeExpanded(bytes: number): void {
    this.#expanded += bytes;
    this.#check(this.#expanded);
  }

  /** What an entry's header promises, before its first byte is written. */
  takeEntry(sizeBytes: number): void {
    this.#entries += 1;
    if (this.#entries > this.limits.entries) throw hostileArchive(`has more than ${this.limits.entries} entries`, HINT);
    this.#check(sizeBytes);
  }

  takeSpecial(bytes: number): void {
    this.#specials += 1;
    this.#specialBytes += bytes;
    if (this.#specials > this.limits.specials || this.#specialBytes > this.limits.specialBytes)
      throw hostileArchive("has too many device nodes or extended attributes", HINT);
  }

  #check(bytes: number): void {
    if (bytes > this.limits.expandedBytes)
      throw hostileArchive(`expands to more than ${this.limits.expandedBytes} bytes`, HINT);
    if (bytes > this.#freeBytes)
      throw hostileArchive(
        `expands to more than the ${this.#freeBytes} bytes that are free`,
        "Free some space or choose another cache folder, if the archive really is that large.",
      );
  }
}
