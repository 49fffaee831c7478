/** Containers as the host knows them: their state on disk, and the programs that act on running ones. */
export { isOwnedBy, isOwnerAlive, ownerWord } from "./owner.ts";
export * from "./record.ts";
export { shortId } from "./short-id.ts";
export * from "./state-folders.ts";
