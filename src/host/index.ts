/** Reads the facts about this host. */
export { readCgroupLayout } from "./cgroup-layout.ts";
export { type DoctorReader, examine, type Finding, type Patient, readPatient, systemDoctorReader } from "./doctor.ts";
export { readHostFacts } from "./facts.ts";
export { processParent, processStartTime } from "./process-times.ts";
export { type IdRange, parseSubordinateIds, readSubordinateIds, type SubordinateIds } from "./subordinate-ids.ts";
