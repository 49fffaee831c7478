/** The record of a running container: written by its program, removed by its janitor. Its readers are in runtime/. */
import { AT, AT_FDCWD, O } from "../kernel/index.ts";
import type { PlanContext } from "./context.ts";
import { textBytes } from "./context.ts";
import { pidText } from "./groups.ts";
import type { RecordPlan } from "./input.ts";

const CREATE = O.O_WRONLY | O.O_CREAT | O.O_EXCL;

/** A symbolic link is made atomically, and fails with EEXIST when another container has the name. */
export function takeName(cx: PlanContext, { nameLink, nameOwner }: RecordPlan): void {
  cx.b.call("symlinkat", [nameOwner, AT_FDCWD, nameLink], "take the container's name");
}

export function makeRecord(cx: PlanContext, { directory, before, after }: RecordPlan): void {
  cx.b.call("mkdirat", [AT_FDCWD, directory, 0o700], "the record of this container");
  const head = new TextEncoder().encode(before);
  const pid = pidText(cx.child);
  const tail = new TextEncoder().encode(after);
  const value = new Uint8Array(head.length + pid.value.length + tail.length);
  value.set(head);
  value.set(pid.value, head.length);
  value.set(tail, head.length + pid.value.length);
  const fills = [{ at: head.length, register: cx.child, as: "padded" }] as const;
  cx.writeFile(
    `${directory}/container.json.new`,
    { kind: "bytes", value, fills, label: `${before}<${cx.child.name}>${after}` },
    "what exec and ps need to know",
    {
      flags: CREATE,
      mode: 0o600,
    },
  );
  const from = `${directory}/container.json.new`;
  cx.b.call("renameat2", [AT_FDCWD, from, AT_FDCWD, `${directory}/container.json`, 0], "complete, or not there");
}

export function removeRecord(cx: PlanContext, { directory, nameLink }: RecordPlan): void {
  const { b } = cx;
  const options = { accepts: ["ENOENT"], goOn: true } as const;
  for (const file of ["container.json.new", "container.json"]) {
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
