/** The archive's file, opened once: a name could lead to another file a moment later. */
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { SampanError } from "../errors/index.ts";
import { errnoOf, fileSystemError } from "./archive-errors.ts";
import { notRecognised } from "./archive-format.ts";

/** The kernel's clock for file times ticks at least every 10 ms (CONFIG_HZ=100), before Linux 6.13 always. */
const TICK_MS = 20;

export interface SourceFile extends AsyncDisposable {
  readonly path: string;
  readonly handle: FileHandle;
  readonly sizeBytes: number;
  /** Changes whenever the contents do. */
  readonly identity: string;
  /** @throws SampanError ABORTED when the file has changed since it was opened */
  assertUnchanged(): Promise<void>;
}

interface Seen {
  readonly identity: string;
  readonly sizeBytes: number;
  readonly isFile: boolean;
  readonly changedMs: number;
}

async function look(handle: FileHandle): Promise<Seen> {
  const s = await handle.stat({ bigint: true });
  return {
    identity: [s.dev, s.ino, s.size, s.mtimeNs, s.ctimeNs].join("-"),
    sizeBytes: Number(s.size),
    isFile: s.isFile(),
    changedMs: Number(s.ctimeNs / 1_000_000n),
  };
}

function openError(error: unknown, path: string): unknown {
  const details = { operation: "open", object: path, errno: errnoOf(error), cause: error };
  switch (errnoOf(error)) {
    case "ENOENT":
    case "ENOTDIR":
      return new SampanError("SOURCE_NOT_FOUND", `there is no ${path}`, details);
    case "EACCES":
    case "EPERM":
      return new SampanError("NOT_PERMITTED", `cannot read ${path}: ${details.errno}`, details);
    default:
      return fileSystemError(error, "open", path);
  }
}

/** A file that was changed a moment ago could be changed again within the same tick, and look the same. */
async function settled(handle: FileHandle): Promise<Seen> {
  const seen = await look(handle);
  const age = Date.now() - seen.changedMs;
  if (age < 0 || age > TICK_MS) return seen;
  await delay(TICK_MS - age + 1);
  return look(handle);
}

/** O_NONBLOCK: a FIFO by this name must not hang the caller. It has no effect on regular files. */
export async function openSourceFile(path: string): Promise<SourceFile> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).catch((error: unknown) => {
    throw openError(error, path);
  });
  try {
    const { identity, sizeBytes, isFile } = await settled(handle);
    if (!isFile) throw notRecognised(path, "no regular file", "Give an archive; a folder is a source of its own.");
    return {
      path,
      handle,
      sizeBytes,
      identity,
      async assertUnchanged() {
        if ((await look(handle)).identity === identity) return;
        throw new SampanError("ABORTED", `${path} was changed while it was read`, {
          operation: "unpack",
          object: path,
          hint: "Try again when its writer has finished.",
        });
      },
      [Symbol.asyncDispose]: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw error;
  }
}
