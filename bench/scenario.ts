/** What every scenario gets, and what it gives. */
import type { Peers } from "./peers.ts";
import type { Section } from "./report.ts";
import type { Workshop } from "./workshop.ts";

export interface Surroundings {
  readonly shop: Workshop;
  readonly peers: Peers;
  /** Fewer runs. */
  readonly quick: boolean;
}

export interface Scenario {
  readonly name: string;
  measure(surroundings: Surroundings): Promise<Section>;
}
