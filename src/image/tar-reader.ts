/** Reads a tar stream with back-pressure and hands its entries to a sink, one after the other. */
import { type Extract, type ExtractEvents, extract } from "tar-stream";
import { SampanError } from "../errors/index.ts";
import { hostileArchive, invalidArchive } from "./archive-errors.ts";
import { decodePax, type PaxRecords } from "./pax.ts";

type TarStreamHeader = ExtractEvents["entry"][0];
type Source = ExtractEvents["entry"][1];
type Next = ExtractEvents["entry"][2];

/** Text fields are byte strings; numbers may be NaN; a type that tar-stream does not know is null. */
export interface TarHeader extends Omit<TarStreamHeader, "type" | "linkname" | "pax"> {
  readonly type: TarStreamHeader["type"] | null;
  readonly linkname: string | null;
  readonly pax: PaxRecords | null;
  /** Where the contents begin in the (uncompressed) archive. */
  readonly byteOffset: number;
}

/** All three are synchronous: the next entry begins when they have returned. */
export interface TarSink {
  /** `false` ends the reading. */
  begin(header: TarHeader): boolean;
  data(chunk: Uint8Array): void;
  end(): void;
}

export interface TarEnd {
  readonly stopped: boolean;
  /** The archive ended with zeros, as it must: if not, it has been cut off between two entries. */
  readonly marked: boolean;
}

const BLOCK = 512;
/** The water mark makes every write wait until tar-stream has dealt with it, so that the end comes after all entries. */
const OPTIONS = { filenameEncoding: "latin1", allowUnknownFormat: true, highWaterMark: 1 };

/**
 * The one place that knows inside of tar-stream 3.2.2: it decodes PAX values as UTF-8, which destroys binary extended
 * attributes and names in other encodings. A test with such an attribute fails if an update moves this.
 */
interface Internals {
  _decodeLongHeader(bytes: Buffer): void;
  _header: { readonly type: string };
  _pax: PaxRecords | null;
  _paxGlobal: PaxRecords | null;
}

function decodePaxAsBytes(tar: Internals): void {
  const original = tar._decodeLongHeader;
  tar._decodeLongHeader = (bytes) => {
    if (tar._header.type === "pax-header")
      tar._pax = Object.assign(Object.create(null), tar._paxGlobal, decodePax(bytes));
    else if (tar._header.type === "pax-global-header") tar._paxGlobal = decodePax(bytes);
    else original.call(tar, bytes);
  };
}

function translate(error: Error): Error {
  if (error instanceof SampanError || "code" in error) return error;
  if (error.message === "Header exceeds max size")
    return hostileArchive("has an extended header of more than 4 MiB", "Use an archive from a source you trust.");
  if (error.message === "Unexpected end of data") return truncated();
  return invalidArchive("is not a well-formed tar archive", { cause: error, hint: "It is damaged, or was cut off." });
}

function truncated(): SampanError {
  return invalidArchive("ends in the middle of an entry", { hint: "It was cut off: copy or download it again." });
}

class TarReader {
  readonly #sink: TarSink;
  readonly #tar: Extract;
  #failure: Error | undefined;
  #stopped = false;
  #closed = false;
  #full = false;
  #finished = false;
  /** Where the contents of the entry that is being read end; undefined between entries. */
  #bodyEnd: number | undefined;
  #fed = 0;
  #tail: Uint8Array = new Uint8Array(0);
  #wake: () => void = () => {};

  constructor(sink: TarSink) {
    this.#sink = sink;
    this.#tar = extract(OPTIONS as Parameters<typeof extract>[0]);
    decodePaxAsBytes(this.#tar as unknown as Internals);
    this.#tar.on("entry", (header, source, next) => this.#entry(header as unknown as TarHeader, source, next));
    this.#tar.on("error", (error: Error) => {
      this.#failure ??= translate(error);
    });
    this.#tar.on("close", () => {
      this.#closed = true;
      this.#wake();
    });
    this.#tar.on("finish", () => {
      this.#finished = true;
      this.#wake();
    });
    this.#tar.on("drain", () => {
      this.#full = false;
      this.#wake();
    });
  }

  async run(chunks: AsyncIterable<Uint8Array>): Promise<TarEnd> {
    try {
      for await (const chunk of chunks) {
        await this.#feed(chunk);
        if (this.#stopped) return { stopped: true, marked: false };
      }
      await this.#end();
      return { stopped: false, marked: this.#tail.length === BLOCK && this.#tail.every((byte) => byte === 0) };
    } finally {
      this.#tar.destroy();
    }
  }

  async #feed(chunk: Uint8Array): Promise<void> {
    this.#fed += chunk.length;
    this.#tail = chunk.length >= BLOCK ? chunk.subarray(-BLOCK) : Buffer.concat([this.#tail, chunk]).subarray(-BLOCK);
    this.#full = !this.#tar.write(chunk);
    while (this.#full && !this.#closed) await this.#woken();
    if (this.#failure !== undefined) throw this.#failure;
  }

  /** tar-stream drops the end of the last entry when it is finished too early, so that one is awaited first. */
  async #end(): Promise<void> {
    while (this.#bodyEnd !== undefined && !this.#closed) {
      if (this.#bodyEnd > this.#fed) throw truncated();
      await this.#woken();
    }
    this.#tar.end(undefined);
    while (!this.#finished && !this.#closed) await this.#woken();
    if (this.#failure !== undefined) throw this.#failure;
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  #entry(header: TarHeader, source: Source, next: Next): void {
    // Told a second time, by the stream of the entry; without a listener that would end the process.
    source.on("error", () => {});
    this.#guarded(() => {
      if (!this.#sink.begin(header)) {
        this.#stop();
        return;
      }
      // tar-stream gives these no contents; the microtask keeps a million empty entries from nesting as deep.
      if (header.size === 0 || header.type === "directory") {
        this.#sink.end();
        queueMicrotask(next);
        return;
      }
      this.#bodyEnd = header.byteOffset + header.size;
      source.on("data", (chunk) => this.#guarded(() => this.#sink.data(chunk as Uint8Array)));
      source.on("end", () => this.#guarded(() => this.#bodyDone(next)));
    });
  }

  #bodyDone(next: Next): void {
    this.#sink.end();
    this.#bodyEnd = undefined;
    next();
    this.#wake();
  }

  #stop(): void {
    this.#stopped = true;
    this.#tar.destroy();
  }

  #guarded(action: () => void): void {
    if (this.#failure !== undefined || this.#stopped) return;
    try {
      action();
    } catch (error) {
      this.#failure = error as Error;
      this.#tar.destroy();
    }
  }
}

/**
 * Reads the archive to its end, or until the sink has had enough. Holds one chunk at a time.
 *
 * @throws SampanError ARCHIVE_INVALID for a damaged or cut-off archive, and whatever the sink or the source throws
 */
export function readTar(chunks: AsyncIterable<Uint8Array>, sink: TarSink): Promise<TarEnd> {
  return new TarReader(sink).run(chunks);
}
