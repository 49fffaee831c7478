/** An ordinary user: whoever runs the tests, or one that root makes up for them, without an account. */
import { chmodSync, chownSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { firstReason, missingCommand, type Reason } from "../../support/skip.ts";
import { missingBuild } from "./needs.ts";
import { linkOrCopy, Place } from "./place.ts";
import { missingProbe } from "./probe.ts";

const MADE_UP = 54_321;
const DIST = join(import.meta.dirname, "..", "..", "..", "dist");

function own(): number {
  return process.getuid?.() ?? 0;
}

export function missingForUser(): Reason {
  return firstReason(missingBuild(), missingProbe(), own() === 0 ? missingCommand("setpriv", "util-linux") : undefined);
}

export interface OrdinaryUser {
  readonly place: Place;
  readonly uid: number;
  readonly gid: number;
  /** Put before a command to run it as this user. */
  readonly through: readonly string[];
  /** XDG_RUNTIME_DIR. */
  readonly runtime: string;
}

function asMadeUp(): OrdinaryUser {
  const place = new Place();
  const programs = place.makeFolder("programs");
  // The work tree may be where only root can go.
  for (const name of ["sampan", "sampan-executor"]) linkOrCopy(join(DIST, name), join(programs, name));
  place.sampan = join(programs, "sampan");
  const runtime = place.makeFolder("runtime");
  mkdirSync(place.root);
  for (const folder of [place.root, runtime]) {
    chownSync(folder, MADE_UP, MADE_UP);
    chmodSync(folder, 0o700);
  }
  const through = ["setpriv", `--reuid=${MADE_UP}`, `--regid=${MADE_UP}`, "--clear-groups", "--inh-caps=-all"];
  return { place, uid: MADE_UP, gid: MADE_UP, through, runtime };
}

/** A place whose state belongs to the user, with programs in it that the user can reach. */
export function makeOrdinaryUser(): OrdinaryUser {
  if (own() === 0) return asMadeUp();
  const place = new Place();
  mkdirSync(place.root);
  return { place, uid: own(), gid: process.getgid?.() ?? own(), through: [], runtime: place.makeFolder("runtime") };
}
