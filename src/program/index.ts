/** The program: operations, builder, encode, decode, explain, verify. Pure. */
export * from "./builder.ts";
export * from "./decode.ts";
export * from "./encode.ts";
export { type ExplainedStep, explain, explainJson, explainOperation } from "./explain.ts";
export type * from "./program.ts";
export { processOf } from "./program.ts";
export * from "./protocol.ts";
export * from "./signatures.ts";
export { verify } from "./verify.ts";
