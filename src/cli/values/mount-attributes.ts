import type { MountOption } from "../../engine/index.ts";

export const PROPAGATIONS = ["private", "rprivate", "shared", "rshared", "slave", "rslave"] as const;

/** Options which other engines take for something that Linux or Sampan does not do; a wrong promise is worse. */
export const UNSUPPORTED: Readonly<Record<string, string>> = {
  z: "SELinux labels are not changed; label the folder with chcon.",
  Z: "SELinux labels are not changed; label the folder with chcon.",
  U: "Owners are not changed; use chown, or map ids with --uidmap.",
  O: "For a writable layer over a folder name the folder as SOURCE.",
  nocopy: "It belongs to volumes, which come with the engine.",
  cached: "It has no effect on Linux; leave it out.",
  delegated: "It has no effect on Linux; leave it out.",
  consistent: "It has no effect on Linux; leave it out.",
};

/** Later words win, except that further mount(8) options add up. */
export function mergeMount<Mount extends Partial<MountOption>>(mount: Mount, says: Partial<MountOption>): Mount {
  const options = [...(mount.options ?? []), ...(says.options ?? [])];
  return { ...mount, ...says, ...(options.length > 0 ? { options } : {}) };
}
