import type { CopyOption } from "../../engine/index.ts";
import { invalid, quote } from "./invalid.ts";
import { splitLast } from "./pair.ts";
import { parseHostPath, parseMountTarget } from "./path.ts";

/** `FILE:PATH`: a file of the host and where it goes in the container. */
export function parseCopy(value: string, cwd: string): CopyOption {
  const [file, path] = splitLast(value, ":");
  if (path === undefined)
    throw invalid(`${quote(value)} does not say where the file goes`, "Write FILE:PATH, such as ./app:/app.");
  return { source: parseHostPath(file, cwd), target: parseMountTarget(path) };
}
