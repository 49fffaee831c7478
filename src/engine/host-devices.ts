/** `--privileged`: the devices of the host, as Docker gives them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { Device } from "../oci/index.ts";
import { DEFAULT_DEVICES } from "../plan/index.ts";
import { userDevice } from "./user-mounts.ts";

/** Folders of /dev that are mounts of the container's own, and its own console. */
const OWN: ReadonlySet<string> = new Set(["pts", "shm", "mqueue", "fd", "console", "ptmx", "hugepages"]);
const DEFAULT_PATHS: ReadonlySet<string> = new Set(DEFAULT_DEVICES.map(({ path }) => path));

/** Character and block devices below /dev, without those that every container has. */
export function hostDevices(folder = "/dev"): Device[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry): Device[] => {
    const path = join(folder, entry.name);
    if ((folder === "/dev" && OWN.has(entry.name)) || DEFAULT_PATHS.has(path)) return [];
    if (entry.isDirectory()) return hostDevices(path);
    if (!entry.isCharacterDevice() && !entry.isBlockDevice()) return [];
    return [userDevice({ source: path, target: path, access: "" })];
  });
}
