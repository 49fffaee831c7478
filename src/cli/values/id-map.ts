import type { IdMapOption } from "../../engine/index.ts";
import { invalid, quote } from "./invalid.ts";
import { LAST_ID } from "./user.ts";

/** `CONTAINER:HOST:SIZE`, as in user_namespaces(7): ids in the container, where they lie on the host, how many. */
export function parseIdMap(value: string): IdMapOption {
  const match = /^(\d+):(\d+):(\d+)$/.exec(value);
  if (match === null)
    throw invalid(`${quote(value)} is not an id map`, "Write CONTAINER:HOST:SIZE, such as 0:100000:65536.");
  const [container, host, size] = [Number(match[1]), Number(match[2]), Number(match[3])];
  if (size === 0) throw invalid(`${quote(value)} maps no ids`, "SIZE is 1 or more.");
  if (Math.max(container, host) + size - 1 <= LAST_ID) return { container, host, size };
  throw invalid(`${quote(value)} runs past the last id`, `Ids end at ${LAST_ID}.`);
}
