/** Why a test cannot run here. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { firstReason, missingRoot, type Reason } from "../../support/skip.ts";
import { missingProbe } from "./probe.ts";

const DIST = join(import.meta.dirname, "..", "..", "..", "dist", "sampan");

export function missingBuild(): Reason {
  return existsSync(DIST) ? undefined : "dist/sampan is missing: make build";
}

/** What most tests of this folder need. */
export function missingForRoot(): Reason {
  return firstReason(missingBuild(), missingProbe(), missingRoot());
}

/** A v1 controller, or `unified`. */
export function missingController(name: string): Reason {
  return existsSync(`/sys/fs/cgroup/${name}/cgroup.procs`)
    ? undefined
    : `there is no cgroup v1 controller ${name} here`;
}
