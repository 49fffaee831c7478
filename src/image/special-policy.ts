/** Which nodes and attributes of an archive can be made, and why the others cannot. Pure. */
import type { ByteString } from "./byte-string.ts";
import type { EntryType } from "./entry.ts";

/** Something that the archive has and the unpacked image has not; a caller tells its user. */
export interface Skipped {
  /** From the root of the image. */
  readonly path: string;
  /** `character device`, `block device`, or the attribute's name. */
  readonly what: string;
  readonly why: string;
}

const ROOT_ONLY = "only root can make it";
const OVERLAY = "it is bookkeeping of an overlay file system, which would be taken for instructions";

/** Why a node cannot be made, or nothing. */
export function nodeObstacle(type: EntryType, rootless: boolean): string | undefined {
  return rootless && type !== "fifo" ? ROOT_ONLY : undefined;
}

/**
 * Why an attribute cannot or must not be set, or nothing. Overlay's own (`trusted.overlay.redirect` …) would steer an
 * overlay that has this image as its lower folder; see "Permission model" in the kernel's overlayfs.rst.
 */
export function attributeObstacle(name: ByteString, type: EntryType, rootless: boolean): string | undefined {
  if (/^(trusted|user)\.overlay\./.test(name)) return OVERLAY;
  if (name.startsWith("user."))
    return type === "file" || type === "folder" ? undefined : "Linux keeps user attributes on files and folders only";
  if (rootless) return ROOT_ONLY;
  if (name.startsWith("trusted.") || name === "security.capability") return undefined;
  if (name === "system.posix_acl_access" || name === "system.posix_acl_default") return undefined;
  return "it belongs to the security modules of the host that made the archive";
}
