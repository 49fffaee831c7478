/** `--cap-add`, `--cap-drop` and `--privileged` as the five sets of the OCI configuration. */
import { SampanError } from "../errors/index.ts";
import {
  CAPABILITIES,
  capabilityMask,
  capabilityNames,
  capabilityNumber,
  DEFAULT_CAPABILITIES,
} from "../kernel/index.ts";
import type { Capabilities } from "../oci/index.ts";

export interface CapabilityChoice {
  readonly add: readonly string[];
  readonly drop: readonly string[];
  readonly privileged: boolean;
  /** What this process could give at all: its bounding set, or everything in a new user namespace. */
  readonly available: bigint;
  readonly uid: number;
}

function normalise(name: string): string {
  const upper = name.toUpperCase();
  const full = upper === "ALL" || upper.startsWith("CAP_") ? upper : `CAP_${upper}`;
  if (full === "ALL" || capabilityNumber(full) !== undefined) return full;
  throw new SampanError("INVALID_VALUE", `there is no capability ${JSON.stringify(name)}`, {
    object: name,
    hint: "capabilities(7) lists them; write them as CAP_NET_ADMIN or NET_ADMIN, or ALL.",
  });
}

/** Docker's order: ALL in either list is a starting point, single names then go their way. */
function chosen({ add, drop, privileged }: CapabilityChoice): string[] {
  const adds = add.map(normalise);
  const drops = drop.map(normalise);
  if (privileged) return drops.includes("ALL") ? [] : CAPABILITIES.filter((name) => !drops.includes(name));
  const start: readonly string[] = adds.includes("ALL")
    ? CAPABILITIES
    : drops.includes("ALL")
      ? []
      : DEFAULT_CAPABILITIES;
  const set = new Set(start);
  for (const name of drops) set.delete(name);
  for (const name of adds) if (name !== "ALL") set.add(name);
  return [...set];
}

/** What was asked for by name and this process does not have is an error; defaults are cut down to what there is. */
function checkAvailable({ add, available }: CapabilityChoice): void {
  for (const name of add.map(normalise)) {
    if (name === "ALL" || capabilityMask([name]) & available) continue;
    throw new SampanError("NOT_PERMITTED", `--cap-add ${name}: this process does not have that capability itself`, {
      object: name,
      hint: "Run Sampan with it in its bounding set (see CapBnd in /proc/self/status), or leave it out.",
    });
  }
}

/**
 * @throws SampanError INVALID_VALUE for an unknown name, NOT_PERMITTED for one that this process cannot give
 */
export function capabilitySets(choice: CapabilityChoice): Capabilities {
  checkAvailable(choice);
  const bounding = capabilityNames(capabilityMask(chosen(choice)) & choice.available);
  // execve(2) by a user other than root keeps nothing without ambient capabilities, so nothing is promised.
  const effective = choice.uid === 0 ? bounding : [];
  return { bounding, effective, permitted: effective, inheritable: [], ambient: [] };
}
