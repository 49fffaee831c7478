/** The types of the OCI specifications. Pure. */
export type * from "./runtime-spec.ts";
