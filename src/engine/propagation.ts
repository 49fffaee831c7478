/** Whether a bind can have the propagation that was asked for (mount_namespaces(7)): as with Docker, else it is an error. */
import { SampanError } from "../errors/index.ts";
import type { MountOption } from "./run-options.ts";

interface Place {
  readonly path: string;
  readonly shared: boolean;
  readonly slave: boolean;
}

function placesOf(mountinfo: string): Place[] {
  return mountinfo.split("\n").flatMap((line) => {
    const fields = line.split(" ");
    const path = fields[4];
    if (path === undefined) return [];
    const optional = fields.slice(6, fields.indexOf("-"));
    const has = (tag: string) => optional.some((field) => field.startsWith(tag));
    return [{ path, shared: has("shared:"), slave: has("master:") }];
  });
}

/** The mount that a path lies on: the longest mount point above it, and of two at one place the later. */
function mountOf(path: string, places: readonly Place[]): Place | undefined {
  let best: Place | undefined;
  for (const place of places) {
    const above = place.path === "/" || path === place.path || path.startsWith(`${place.path}/`);
    if (above && place.path.length >= (best?.path.length ?? 0)) best = place;
  }
  return best;
}

/**
 * @param source real path
 * @throws SampanError INVALID_VALUE when nothing would travel between the host and the container
 */
export function checkPropagation({ propagation = "private", source = "" }: MountOption, mountinfo: string): void {
  const wanted = propagation.replace(/^r/, "");
  if (wanted !== "shared" && wanted !== "slave") return;
  const place = mountOf(source, placesOf(mountinfo));
  if (place === undefined || place.shared || (wanted === "slave" && place.slave)) return;
  throw new SampanError(
    "INVALID_VALUE",
    `${source} cannot be mounted ${propagation}: it lies on ${place.path}, which is no shared mount`,
    {
      object: source,
      hint: `Share it first: mount --make-shared ${place.path}. Or leave ${propagation} out.`,
    },
  );
}
