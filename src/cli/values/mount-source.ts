import { posix } from "node:path";
import { invalid, quote } from "./invalid.ts";

/** A host path as `-v` and `--mount` take it: absolute, or starting with a dot; a bare name would be a volume. */
export function parseBindSource(value: string, cwd: string): string {
  if (value.startsWith("/") || /^\.\.?(\/|$)/.test(value)) return posix.resolve(cwd, value);
  if (value === "") throw invalid("the source is empty", "Write a folder or file of this host, such as ./data.");
  if (value.startsWith("~")) {
    throw invalid(`${quote(value)} starts with ~, which only a shell expands`, "Write $HOME, or the whole path.");
  }
  throw invalid(
    `${quote(value)} names a volume, and volumes come with the engine`,
    `For the folder ${value} here, write ./${value}.`,
  );
}
