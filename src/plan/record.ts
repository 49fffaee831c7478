/** The record of a running container: written by its program, removed by its janitor. Its readers are in runtime/. */
import { AT, AT_FDCWD, O } from "../kernel/index.ts";
import type { PlanContext } from "./context.ts";
import { textBytes } from "./context.ts";
import { pidText } from "./groups.ts";
import type { RecordPlan } from "./input.ts";

/** Names in the folder of a record. */
export const RECORD_FILE = "container.json";
export const PID_FILE = "pid";

const CREATE = O.O_WRONLY | O.O_CREAT | O.O_EXCL;

/** A symbolic link is made atomically, and fails with EEXIST when another container has the name. */
export function takeName(cx: PlanContext, { nameLink, nameOwner }: RecordPlan): void {
  cx.b.call("symlinkat", [nameOwner, AT_FDCWD, nameLink], "take the container's name");
}

/** Before anything else is made: from here on the next command knows what there is to remove, whoever is killed. */
export function makeRecord(cx: PlanContext, { directory, text }: RecordPlan): void {
  cx.b.call("mkdirat", [AT_FDCWD, directory, 0o700], "the record of this container");
  const file = { flags: CREATE, mode: 0o600 };
  cx.writeFile(`${directory}/${RECORD_FILE}`, textBytes(text), "what exec, ps and a clean-up need to know", file);
}

/** With its process id the container is a running one. */
export function completeRecord(cx: PlanContext, { directory }: RecordPlan): void {
  const file = { flags: CREATE, mode: 0o600 };
  cx.writeFile(
    `${directory}/${PID_FILE}`,
    pidText(cx.child),
    "the container runs, and this is its first process",
    file,
  );
}

export function removeRecord(cx: PlanContext, { directory, nameLink }: RecordPlan): void {
  const { b } = cx;
  const options = { accepts: ["ENOENT"], goOn: true } as const;
  for (const file of [PID_FILE, RECORD_FILE]) {
    b.call("unlinkat", [AT_FDCWD, `${directory}/${file}`, 0], "remove the record", options);
  }
  b.call("unlinkat", [AT_FDCWD, directory, AT.AT_REMOVEDIR], "remove its folder", options);
  b.call("unlinkat", [AT_FDCWD, nameLink, 0], "give the name back", options);
}

/** `--pidfile` and `--cidfile`; a file that exists is not overwritten, as with Docker. */
export function writeIdFiles(cx: PlanContext): void {
  const { cidFile, pidFile, id } = cx.input;
  if (cidFile !== undefined) cx.writeFile(cidFile, textBytes(id), "--cidfile", { flags: CREATE, mode: 0o644 });
  if (pidFile === undefined) return;
  cx.writeFile(pidFile, pidText(cx.child), "--pidfile", { flags: O.O_WRONLY | O.O_CREAT | O.O_TRUNC, mode: 0o644 });
}
