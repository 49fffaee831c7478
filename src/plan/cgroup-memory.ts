/** Memory limits: what is checked on both versions, before each writes it in its own way. */
import { SampanError } from "../errors/index.ts";
import type { MemoryResources } from "../oci/index.ts";
import { isLimit } from "./cgroup-settings.ts";

/**
 * Swap alone, or undefined when it is not limited. The specification (config-linux.md, "Memory") counts memory and swap
 * together, as v1 does; v2 counts swap alone.
 */
export function swapBytes(memory: MemoryResources): number | undefined {
  if (!isLimit(memory.swap)) return undefined;
  if (!isLimit(memory.limit)) throw invalid("it limits memory and swap together, and --memory is not given", "Add");
  if (memory.swap < memory.limit) {
    throw invalid(`${memory.swap} bytes for memory and swap together are less than --memory ${memory.limit}`, "Raise");
  }
  return memory.swap - memory.limit;
}

function invalid(reason: string, verb: "Add" | "Raise"): SampanError {
  const hint = verb === "Add" ? "Add --memory." : "Give at least as much; the same value means no swap at all.";
  return new SampanError("INVALID_VALUE", `cannot apply --memory-swap: ${reason}`, {
    operation: "apply --memory-swap",
    object: "memory.swap",
    hint,
  });
}
