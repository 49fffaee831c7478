/** OCI configuration + facts about the host → program. Pure. */
export * from "./cgroup-plan.ts";
export { type CgroupRequest, planCgroups } from "./cgroups.ts";
export { DEFAULT_DEVICES } from "./devices.ts";
export { type ExecInput, planExec } from "./exec.ts";
export * from "./host-facts.ts";
export * from "./input.ts";
export { plan } from "./plan.ts";
export { candidates } from "./process.ts";
export { PID_FILE, RECORD_FILE } from "./record.ts";
export { components } from "./targets.ts";
