import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { SampanError } from "../errors/index.ts";

/** Where Sampan keeps things. `run` is lost at a reboot; `data` is not. */
export interface StateFolders {
  readonly run: string;
  readonly data: string;
}

export interface StateFolderOptions {
  /** `--root` or SAMPAN_ROOT: everything below one folder. */
  readonly root?: string | undefined;
  readonly uid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** /run and /var/lib for root; the XDG base directories for other users, or /tmp where no session made them. */
export function stateFolders({ root, uid, env }: StateFolderOptions): StateFolders {
  if (root) return { run: join(root, "run"), data: join(root, "data") };
  if (uid === 0) return { run: "/run/sampan", data: "/var/lib/sampan" };
  const runtime = env["XDG_RUNTIME_DIR"] ?? `/tmp/sampan-${uid}`;
  const data = env["XDG_DATA_HOME"] ?? join(env["HOME"] ?? `/tmp/sampan-${uid}`, ".local", "share");
  return { run: join(runtime, "sampan"), data: join(data, "sampan") };
}

/**
 * The folders that records are made in. Only their owner may look: a record holds the container's environment.
 *
 * @throws SampanError NOT_PERMITTED when they cannot be made
 */
export function ensureRunFolders({ run }: StateFolders): void {
  try {
    for (const folder of ["containers", "names"]) mkdirSync(join(run, folder), { recursive: true, mode: 0o700 });
  } catch (cause) {
    const errno = (cause as NodeJS.ErrnoException).code ?? "EIO";
    throw new SampanError("NOT_PERMITTED", `cannot keep records of containers in ${run}: ${errno}`, {
      object: run,
      errno,
      cause,
      hint: "Name a folder that this user may write to with --root, or in SAMPAN_ROOT.",
    });
  }
}
