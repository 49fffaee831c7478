/** Live control groups, on v1, v2 and hybrid hosts. */
export * from "./accounting.ts";
export * from "./group-files.ts";
export * from "./live.ts";
