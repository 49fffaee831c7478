/** Archives as sources: unpacked once into a cache, by the native executor where JavaScript cannot. */
import { join } from "node:path";
import { executorPath, explainFailure, NativeExecutor } from "../executor/index.ts";
import { openArchive, type UnpackedImage } from "../image/index.ts";
import type { Program } from "../program/index.ts";
import type { StateFolders } from "../runtime/index.ts";
import type { ArchiveOpener } from "./sources.ts";

async function runProgram(program: Program): Promise<void> {
  const { failure } = await new NativeExecutor(executorPath()).execute(program, { stdin: "ignore" }).outcome;
  if (failure) throw explainFailure(program, failure);
}

/** An ordinary user can make neither devices nor privileged attributes: the archive is used without them, and it is said. */
function notesOn(skipped: UnpackedImage["skipped"]): string[] {
  const [first] = skipped;
  if (first === undefined) return [];
  const more = skipped.length > 1 ? ` and ${skipped.length - 1} more` : "";
  return [
    `an ordinary user cannot make everything that is in this archive; left out: ${first.what} at ${first.path}${more}`,
  ];
}

/** Opens archives with a cache below the data folder. */
export function archiveOpener(folders: StateFolders, signal?: AbortSignal): ArchiveOpener {
  return async (path) => {
    const cacheDir = join(folders.data, "archives");
    const platform = { os: "linux", architecture: process.arch === "arm64" ? "arm64" : "amd64" };
    const image = await openArchive(path, {
      cacheDir,
      platform,
      helpers: { runProgram },
      ...(signal ? { signal } : {}),
    });
    const { env = [], entrypoint = [], cmd = [], workingDir, user, stopSignal } = image.config;
    return {
      rootfs: image.rootfs,
      image: {
        env,
        entrypoint,
        command: cmd,
        ...(workingDir ? { workdir: workingDir } : {}),
        ...(user ? { user } : {}),
        ...(stopSignal ? { stopSignal } : {}),
      },
      notes: notesOn(image.skipped),
    };
  };
}
