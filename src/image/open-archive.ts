import { createHash } from "node:crypto";
import { closeSync, constants, mkdirSync, openSync, statfsSync, unlinkSync, writeSync } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SampanError } from "../errors/index.ts";
import type { Architecture } from "../program/index.ts";
import { fileSystemError, invalidArchive } from "./archive-errors.ts";
import { outerCompression } from "./archive-format.ts";
import { Budget, DEFAULT_LIMITS, type Limits } from "./budget.ts";
import { type ByteSource, observed, readRange, throwIfAborted } from "./byte-source.ts";
import { fromText } from "./byte-string.ts";
import { decompressed } from "./compression.ts";
import { selectFromDockerSave } from "./docker-save.ts";
import { ImageArchive } from "./image-archive.ts";
import { EMPTY_CONFIG, type ImageConfig } from "./image-config.ts";
import type { SelectedImage } from "./image-selection.ts";
import { LayerApplier } from "./layer-applier.ts";
import { selectFromOciLayout } from "./oci-layout.ts";
import { normalPlatform, type Platform } from "./platform.ts";
import { openSourceFile, type SourceFile } from "./source-file.ts";
import type { Skipped } from "./special-policy.ts";
import { type ArchiveKind, type Survey, survey } from "./survey.ts";
import { readTar } from "./tar-reader.ts";
import { Target } from "./target.ts";
import { type PartialFolder, UnpackedStore } from "./unpacked-store.ts";
import { finishTree, type ImageHelpers } from "./unpacked-tree.ts";

export interface OpenArchiveOptions {
  /** A folder of Sampan's own, on the file system that containers shall use; made when it is missing. */
  readonly cacheDir: string;
  readonly signal?: AbortSignal | undefined;
  /** Which image of several is meant. */
  readonly platform: Platform;
  readonly helpers: ImageHelpers;
  readonly limits?: Partial<Limits> | undefined;
  /** Files belong to this user, and no device nodes are made; by default for everyone but root. */
  readonly rootless?: boolean | undefined;
}

export interface UnpackedImage {
  /** The root file system: shared by all who open this archive, so it must not be written to. */
  readonly rootfs: string;
  readonly config: ImageConfig;
  /** `sha256:…` of the archive's file. */
  readonly digest: string;
  readonly kind: ArchiveKind;
  /** What the archive has and `rootfs` has not; worth telling the user. */
  readonly skipped: readonly Skipped[];
}

type Record = Pick<UnpackedImage, "config" | "digest" | "kind" | "skipped">;

const HOST_ARCHITECTURE: Architecture = process.arch === "arm64" ? "arm64" : "x64";
const COPY_FLAGS = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;

/** The first look at the archive, and what is kept of it for the second. */
interface FirstPass {
  readonly survey: Survey;
  /** Of the archive's file, when all of it was read. */
  readonly digest: string | undefined;
}

class ArchiveOpener {
  readonly #source: SourceFile;
  readonly #options: OpenArchiveOptions;
  readonly #store: UnpackedStore<Record>;
  readonly #limits: Limits;
  readonly #rootless: boolean;

  constructor(source: SourceFile, options: OpenArchiveOptions, store: UnpackedStore<Record>) {
    this.#source = source;
    this.#options = options;
    this.#store = store;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#rootless = options.rootless ?? process.geteuid?.() !== 0;
  }

  async open(): Promise<UnpackedImage> {
    const identity = `${this.#source.identity}-${this.#variant}`;
    const known = this.#store.lookUp(identity);
    if (known !== undefined) return this.#result(known.name, known.value);
    using partial = this.#store.begin();
    const record = await this.#obtain(partial);
    await this.#source.assertUnchanged();
    const name = this.#nameOf(record.digest);
    this.#store.remember(identity, name);
    return this.#result(name, record);
  }

  /** Root file systems are read once, hashed and unpacked at a time; images twice, since their manifest is at the end. */
  async #obtain(partial: PartialFolder): Promise<Record> {
    const compression = await outerCompression(this.#source.path, this.#source.handle, this.#source.sizeBytes);
    const copy = compression === "none" ? undefined : join(partial.path, "archive.tar");
    const first = await this.#firstPass(compression, copy);
    const known = first.digest === undefined ? undefined : this.#store.read(this.#nameOf(first.digest));
    if (known !== undefined) return known;
    mkdirSync(join(partial.path, "rootfs"), 0o700);
    const record =
      first.survey.kind === "rootfs-tar"
        ? await this.#unpackRootfs(partial, compression)
        : await this.#unpackImage(partial, first, copy);
    if (copy !== undefined) unlinkSync(copy);
    await this.#source.assertUnchanged();
    return this.#store.commit(partial, this.#nameOf(record.digest), record);
  }

  /** Images inside of gzip are written out on the way, because their members are needed in another order. */
  async #firstPass(compression: "none" | "gzip", copy: string | undefined): Promise<FirstPass> {
    const hash = createHash("sha256");
    const budget = this.#budget();
    const fd = copy === undefined ? undefined : openSync(copy, COPY_FLAGS, 0o600);
    try {
      const bytes = decompressed(
        observed(this.#read(), (chunk) => hash.update(chunk)),
        compression,
      );
      const counted = observed(bytes, (chunk) => {
        budget.takeExpanded(chunk.length);
        if (fd !== undefined) for (let at = 0; at < chunk.length; ) at += writeSync(fd, chunk, at);
      });
      const found = await survey(counted, budget);
      return { survey: found, digest: found.complete ? `sha256:${hash.digest("hex")}` : undefined };
    } finally {
      if (fd !== undefined) closeSync(fd);
    }
  }

  async #unpackRootfs(partial: PartialFolder, compression: "none" | "gzip"): Promise<Record> {
    const hash = createHash("sha256");
    const bytes = decompressed(
      observed(this.#read(), (chunk) => hash.update(chunk)),
      compression,
    );
    const skipped = await this.#unpack(partial, async (apply) => {
      const { marked } = await apply(bytes, 0);
      // Layers have a digest; here the mark at the end is all there is to tell a whole archive from half of one.
      if (!marked)
        throw invalidArchive("ends without the mark of its end", { hint: "It was cut off: copy or export it again." });
    });
    return { config: EMPTY_CONFIG, digest: `sha256:${hash.digest("hex")}`, kind: "rootfs-tar", skipped };
  }

  async #unpackImage(partial: PartialFolder, first: FirstPass, copy: string | undefined): Promise<Record> {
    const { digest, survey: found } = first;
    if (digest === undefined) throw new SampanError("INTERNAL", "an image archive was not read to its end");
    const file = copy === undefined ? undefined : await open(copy, "r");
    try {
      const archive = this.#imageArchive(file ?? this.#source.handle, found);
      const { config, layers } = await this.#select(archive, found.kind);
      const skipped = await this.#unpack(partial, async (apply) => {
        for (const [i, layer] of layers.entries()) await apply(await archive.layer(layer), i);
      });
      return { config, digest, kind: found.kind, skipped };
    } finally {
      await file?.close();
    }
  }

  #imageArchive(file: FileHandle, found: Survey): ImageArchive {
    return new ImageArchive(file, found, this.#limits, this.#options.signal);
  }

  #select(archive: ImageArchive, kind: ArchiveKind): Promise<SelectedImage> {
    const select = kind === "oci-archive" ? selectFromOciLayout : selectFromDockerSave;
    return select(archive, this.#options.platform);
  }

  async #unpack(
    partial: PartialFolder,
    applyAll: (apply: (bytes: ByteSource, layer: number) => ReturnType<typeof readTar>) => Promise<void>,
  ): Promise<Skipped[]> {
    const budget = this.#budget();
    const target = new Target(fromText(join(partial.path, "rootfs")));
    await applyAll(async (bytes, layer) => {
      using applier = new LayerApplier(target, { rootless: this.#rootless, budget });
      target.startLayer(layer);
      return await readTar(this.#watched(bytes, budget), applier);
    });
    throwIfAborted(this.#options.signal);
    return finishTree(target.root, {
      rootless: this.#rootless,
      architecture: HOST_ARCHITECTURE,
      helpers: this.#options.helpers,
    });
  }

  #watched(bytes: ByteSource, budget: Budget): ByteSource {
    return observed(bytes, (chunk) => {
      throwIfAborted(this.#options.signal);
      budget.takeExpanded(chunk.length);
    });
  }

  #read(): ByteSource {
    return readRange(this.#source.handle, 0, this.#source.sizeBytes, this.#options.signal);
  }

  #budget(): Budget {
    const { bavail, bsize } = statfsSync(this.#store.cacheDir);
    return new Budget(this.#limits, bavail * bsize);
  }

  /** Another platform can choose another image of the archive, and another user owns other files. */
  get #variant(): string {
    const { os, architecture } = normalPlatform(this.#options.platform);
    const words = [os, architecture, ...(this.#rootless ? ["rootless"] : [])];
    return words.map((word) => word.replace(/[^a-z0-9_]/g, "_")).join("-");
  }

  #nameOf(digest: string): string {
    return `${digest.slice(digest.indexOf(":") + 1)}-${this.#variant}`;
  }

  #result(name: string, { config, digest, kind, skipped }: Record): UnpackedImage {
    return { rootfs: this.#store.rootfsOf(name), config, digest, kind, skipped };
  }
}

/**
 * Unpacks an archive (`docker export`, `docker save`, OCI) into the cache, or finds it there: when the same file was
 * opened before, without reading it.
 *
 * When the signal fires, the work stops at the next chunk, and what was unpacked is removed. A process that is killed
 * leaves a folder below `cacheDir/partial`, which the next call removes.
 *
 * ```ts
 * const { rootfs, config } = await openArchive("alpine.tar.gz", {
 *   cacheDir: "/var/cache/sampan/archives",
 *   platform: { os: "linux", architecture: "amd64" },
 *   helpers: { runProgram },
 * });
 * ```
 *
 * @throws SampanError SOURCE_NOT_FOUND, SOURCE_NOT_RECOGNISED, ARCHIVE_INVALID (damaged), ARCHIVE_HOSTILE (made to do
 *   harm), WRONG_ARCHITECTURE (no image for the platform), SYSTEM_CALL (disk full …), ABORTED
 */
export async function openArchive(path: string, options: OpenArchiveOptions): Promise<UnpackedImage> {
  throwIfAborted(options.signal);
  try {
    await using source = await openSourceFile(path);
    const store = new UnpackedStore<Record>(resolve(options.cacheDir));
    store.removeAbandoned();
    return await new ArchiveOpener(source, options, store).open();
  } catch (error) {
    throw fileSystemError(error, "unpack", path);
  }
}

/**
 * What kind of archive a file is, by its contents. May have to read all of it; writes nothing.
 *
 * @throws SampanError SOURCE_NOT_FOUND, SOURCE_NOT_RECOGNISED with a hint, ARCHIVE_INVALID
 */
export async function sniff(path: string): Promise<ArchiveKind> {
  try {
    await using source = await openSourceFile(path);
    const compression = await outerCompression(path, source.handle, source.sizeBytes);
    const budget = new Budget(DEFAULT_LIMITS, Number.POSITIVE_INFINITY);
    const bytes = decompressed(readRange(source.handle, 0, source.sizeBytes), compression);
    const { kind } = await survey(
      observed(bytes, (chunk) => budget.takeExpanded(chunk.length)),
      budget,
    );
    return kind;
  } catch (error) {
    throw fileSystemError(error, "read", path);
  }
}
