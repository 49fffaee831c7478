/**
 * A test that cannot run here says why. The reason becomes part of the title, so that every reporter shows it, and
 * `make test` lists it at the end; a skip without a reason counts as a failure there.
 *
 *     const needsRoot = process.getuid?.() === 0 ? undefined : "needs root";
 *     testUnless(needsRoot)("mounts proc", () => { … });
 *     describeUnless(missingCommand("crun"))("beside crun", () => { … });
 */

import { describe, test } from "bun:test";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { markSkipped } from "./skip-mark.ts";

/** Why a test cannot run here, or undefined when it can. */
export type Reason = string | undefined;

export type TestBody = (() => Promise<unknown>) | (() => void);

export function testUnless(reason: Reason): (title: string, body: TestBody, timeoutMs?: number) => void {
  return (title, body, timeoutMs) => {
    if (reason === undefined) test(title, body, timeoutMs);
    else test.skip(markSkipped(title, reason), body);
  };
}

export function describeUnless(reason: Reason): (title: string, body: () => void) => void {
  return (title, body) => {
    if (reason === undefined) describe(title, body);
    else describe.skip(markSkipped(title, reason), body);
  };
}

/** The first reason of several. */
export function firstReason(...reasons: readonly Reason[]): Reason {
  return reasons.find((reason) => reason !== undefined);
}

export function missingRoot(): Reason {
  return process.getuid?.() === 0 ? undefined : "needs root";
}

export function missingFile(path: string, hint: string): Reason {
  return isReadable(path) ? undefined : `${path} is missing: ${hint}`;
}

export function missingCommand(name: string, debianPackage = name): Reason {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  if ([...folders, "/usr/sbin", "/sbin"].some((folder) => isReadable(join(folder, name)))) return undefined;
  return `${name} is not installed (Debian: ${debianPackage})`;
}

function isReadable(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
