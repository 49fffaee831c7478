/** Finding containers by what users call them, and mending what killed ones left behind. */
import { LiveGroup } from "../cgroup/index.ts";
import { SampanError } from "../errors/index.ts";
import {
  type ContainerRecord,
  listRecords,
  listStale,
  removeRecordFolder,
  type StateFolders,
  shortId,
  sweepNames,
} from "../runtime/index.ts";

/**
 * A running container by its name, its id or an unambiguous start of its id.
 *
 * @throws SampanError NOT_FOUND when there is none, USAGE when the start fits several (they are listed)
 */
export function findContainer(folders: StateFolders, reference: string): ContainerRecord {
  const records = listRecords(folders);
  const exact = records.find(({ name, id }) => name === reference || id === reference);
  if (exact) return exact;
  const candidates = reference === "" ? [] : records.filter(({ id }) => id.startsWith(reference));
  const [first] = candidates;
  if (first !== undefined && candidates.length === 1) return first;
  if (first !== undefined) {
    const list = candidates.map(({ id, name }) => `${shortId(id)} (${name})`).join(", ");
    throw new SampanError("USAGE", `several containers have an id that starts with ${reference}: ${list}`, {
      object: reference,
      hint: "Write more of the id, or a name.",
    });
  }
  throw new SampanError("NOT_FOUND", `there is no running container ${JSON.stringify(reference)}`, {
    object: reference,
    hint: "`sampan ps` lists them.",
  });
}

async function removeGroups({ cgroups }: ContainerRecord): Promise<void> {
  if (cgroups === undefined) return;
  const group = new LiveGroup({ ...cgroups, accounting: [] });
  await group.kill();
  await group.remove();
}

/**
 * Removes what is left of containers whose executor and janitor were both killed. Cheap when there is nothing to do.
 *
 * @returns the ids of what was removed
 * @throws SampanError CGROUP_FAILED when processes cannot be killed
 */
export async function reconcile(folders: StateFolders): Promise<string[]> {
  sweepNames(folders);
  const removed: string[] = [];
  for (const { record, folder } of listStale(folders)) {
    if (record) await removeGroups(record);
    removeRecordFolder(folder);
    removed.push(record?.id ?? folder.split("/").at(-1) ?? "");
  }
  return removed;
}
