/** Linux's vocabulary: numbers, flags, errors and structures. Pure. */
export * from "./capabilities.ts";
export * from "./errno.ts";
export * from "./flags.ts";
export * from "./structs.ts";
export * from "./syscall-numbers.ts";
