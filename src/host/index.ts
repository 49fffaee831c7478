/** Reads the facts about this host. */
export { readCgroupLayout } from "./cgroup-layout.ts";
export { readHostFacts } from "./facts.ts";
export { processStartTime } from "./process-times.ts";
export { type IdRange, parseSubordinateIds, readSubordinateIds, type SubordinateIds } from "./subordinate-ids.ts";
