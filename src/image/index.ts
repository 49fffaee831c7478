/** Images: archives that other engines wrote, recognised by their contents and unpacked into a cache. */
export type { Limits } from "./budget.ts";
export type { ExtendedAttribute } from "./entry.ts";
export type { ImageConfig } from "./image-config.ts";
export { type OpenArchiveOptions, openArchive, sniff, type UnpackedImage } from "./open-archive.ts";
export type { Platform } from "./platform.ts";
export type { Skipped } from "./special-policy.ts";
export { type AttributeSpecial, batchSpecials, type NodeSpecial, type Special, specialsProgram } from "./specials.ts";
export type { ArchiveKind } from "./survey.ts";
export type { ImageHelpers } from "./unpacked-tree.ts";
