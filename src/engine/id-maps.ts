/** The maps of a user namespace: given, subordinate ids, a range of root's own choice, or the user alone. */
import { SampanError } from "../errors/index.ts";
import { readSubordinateIds, type SubordinateIds } from "../host/index.ts";
import type { IdMapping } from "../oci/index.ts";
import type { IdMapper } from "../plan/index.ts";
import type { IdMapOption, RunOptions } from "./run-options.ts";

export interface IdMaps {
  readonly uidMappings: readonly IdMapping[];
  readonly gidMappings: readonly IdMapping[];
  readonly mapper: IdMapper;
}

/** Where systemd puts the ids of containers (systemd.io/UIDS-GIDS): no account of the host lies there. */
const ROOT_RANGE_START = 524_288;
const RANGE_SIZE = 65_536;

function convert(maps: readonly IdMapOption[]): IdMapping[] {
  return maps.map(({ container, host, size }) => ({ containerID: container, hostID: host, size }));
}

function given(options: RunOptions): { uid: IdMapping[]; gid: IdMapping[] } | undefined {
  const { uidMap = [], gidMap = [] } = options;
  if (uidMap.length === 0 && gidMap.length === 0) return undefined;
  // As with Podman, one map serves for both when the other is not given.
  const uid = convert(uidMap.length > 0 ? uidMap : gidMap);
  const gid = convert(gidMap.length > 0 ? gidMap : uidMap);
  for (const [option, map] of [["--uidmap", uid] as const, ["--gidmap", gid] as const]) {
    if (map.some(({ containerID }) => containerID === 0)) continue;
    throw new SampanError("ID_MAP", `${option} does not map the container's id 0`, {
      hint: "The container is set up by its own root: add a map such as 0:100000:1.",
    });
  }
  return { uid, gid };
}

/** The user as root, subordinate ids from 1 on. */
function withSubordinates(own: number, ranges: readonly { start: number; count: number }[]): IdMapping[] {
  const map: IdMapping[] = [{ containerID: 0, hostID: own, size: 1 }];
  let next = 1;
  for (const { start, count } of ranges) {
    map.push({ containerID: next, hostID: start, size: count });
    next += count;
  }
  return map;
}

/** The one map that needs no helper: the user's own id. */
function isOnly(map: readonly IdMapping[], own: number): boolean {
  return map.length === 1 && map[0]?.size === 1 && map[0].hostID === own;
}

function ofOrdinaryUser(options: RunOptions, uid: number, gid: number, ids: SubordinateIds): IdMaps {
  const own = given(options);
  const able = ids.helpers !== undefined && ids.uids.length > 0 && ids.gids.length > 0;
  if (own) {
    const single = isOnly(own.uid, uid) && isOnly(own.gid, gid);
    if (ids.helpers && !single)
      return { uidMappings: own.uid, gidMappings: own.gid, mapper: { kind: "helpers", ...ids.helpers } };
    if (single) return { uidMappings: own.uid, gidMappings: own.gid, mapper: { kind: "direct", denySetgroups: true } };
    throw new SampanError("ID_MAP", "an ordinary user needs newuidmap and newgidmap for this map", {
      hint: "Install them (Debian: apt-get install uidmap) and let root grant ranges in /etc/subuid and /etc/subgid.",
    });
  }
  if (able && ids.helpers) {
    return {
      uidMappings: withSubordinates(uid, ids.uids),
      gidMappings: withSubordinates(gid, ids.gids),
      mapper: { kind: "helpers", ...ids.helpers },
    };
  }
  const one = (host: number) => [{ containerID: 0, hostID: host, size: 1 }];
  return { uidMappings: one(uid), gidMappings: one(gid), mapper: { kind: "direct", denySetgroups: true } };
}

/**
 * Chooses the maps of a new user namespace.
 *
 * @param uid effective ids of this process
 * @throws SampanError ID_MAP when a map cannot be had here, or leaves out the container's root
 */
export function chooseIdMaps(options: RunOptions, uid: number, gid: number): IdMaps {
  if (uid !== 0) return ofOrdinaryUser(options, uid, gid, readSubordinateIds(uid));
  const own = given(options);
  const range = [{ containerID: 0, hostID: ROOT_RANGE_START, size: RANGE_SIZE }];
  const mapper = { kind: "direct", denySetgroups: false } as const;
  return { uidMappings: own?.uid ?? range, gidMappings: own?.gid ?? range, mapper };
}

/** Whether an id of the container is mapped at all. */
export function isMapped(mappings: readonly IdMapping[], id: number): boolean {
  return mappings.some(({ containerID, size }) => id >= containerID && id < containerID + size);
}
