/**
 * Control groups of one container: from OCI resources and this host's layout to data.
 *
 * Root's containers have the group `sampan-<id>` at the top of each hierarchy, as Docker's are in `/docker`; other users'
 * have `sampan/<id>` below their own group (see `chooseGroup` for the unified hierarchy). Making and removing a group
 * costs milliseconds per hierarchy, so only those are used that are asked for, and one unified group, which gives
 * `cgroup.kill`, freezing, CPU times and pressure figures on hybrid hosts too.
 */
import { SampanError } from "../errors/index.ts";
import type { Resources } from "../oci/index.ts";
import { accountingV1, accountingV2 } from "./cgroup-accounting.ts";
import { chooseGroup, folder, noGroup, partition, requireWritableV1, type Wanted } from "./cgroup-place.ts";
import type { CgroupPlan, CgroupWrite } from "./cgroup-plan.ts";
import { type Controller, type Setting, wantedControllers } from "./cgroup-settings.ts";
import { settingsV1, sharedSettingsV1, V1_NAMES } from "./cgroup-v1.ts";
import { settingsV2 } from "./cgroup-v2.ts";
import { type CgroupLayout, type Hierarchy, SHARED_GROUP, type UnifiedGroup } from "./host-facts.ts";

export interface CgroupRequest {
  /** Name of the container's group: one path component. */
  readonly id: string;
  readonly resources?: Resources | undefined;
  readonly layout: CgroupLayout;
  /** Effective user id of this process. */
  readonly uid: number;
  /** Release of the kernel; cgroup.kill came with 5.14. Absent: new enough. */
  readonly kernel?: readonly [number, number];
  /** Use every controller that this host has for the figures of a report, limited or not. */
  readonly measure?: boolean;
  /** Name of the shared parent, for tests on a machine that has other users. */
  readonly parent?: string;
}

/** What one hierarchy contributes. */
interface Part {
  readonly directories: CgroupPlan["directories"];
  readonly writes: readonly CgroupWrite[];
  /** The container's own folder. */
  readonly directory: string;
  readonly accounting: CgroupPlan["accounting"];
}

/**
 * Plans the control groups of a container.
 *
 * @throws SampanError CGROUP_UNAVAILABLE when this host cannot honour an option: the message names the option, the
 * hint the way out; INVALID_VALUE when the resources contradict themselves.
 */
export function planCgroups(request: CgroupRequest): CgroupPlan {
  checkName(request.id);
  const limited = wantedControllers(request.resources ?? {});
  const wanted = partition(request.measure ? withMeasured(limited, request) : limited, request.layout);
  const v1 = planV1(wanted.v1, request);
  const v2 = planUnified(wanted.v2, wanted.v1.size + wanted.v2.size > 0, request);
  return assemble(v1, v2, request);
}

const MEASURED: readonly Controller[] = ["memory", "cpu", "pids", "io"];

/**
 * A report tells what it can: a controller that is missing is no error here, nor is a hierarchy that cannot be used, as in
 * a container whose control groups are mounted read-only.
 */
function withMeasured(limited: Wanted, request: CgroupRequest): Wanted {
  const { v1, unified } = request.layout;
  const wanted = new Map(limited);
  const onUnified = new Map([...limited].filter(([name]) => v1[V1_NAMES[name]] === undefined));
  for (const name of MEASURED.filter((controller) => !limited.has(controller))) {
    const hierarchy = v1[V1_NAMES[name]];
    if (hierarchy !== undefined && hierarchy.writable !== false) wanted.set(name, ["--report"]);
    if (hierarchy === undefined && unified?.controllers.includes(name)) onUnified.set(name, ["--report"]);
  }
  const usable = unified !== undefined && chooseGroup(unified, onUnified, request) !== undefined;
  return usable ? new Map([...wanted, ...onUnified]) : wanted;
}

function checkName(id: string): void {
  if (id !== "" && id !== "." && id !== ".." && !id.includes("/") && !id.includes("\0")) return;
  const message = `${JSON.stringify(id)} cannot name a control group`;
  throw new SampanError("INVALID_VALUE", message, { object: id, hint: "It has to be one path component." });
}

function assemble(v1: readonly Part[], v2: Part | undefined, request: CgroupRequest): CgroupPlan {
  const parts = v2 ? [...v1, v2] : v1;
  const folders = parts.map((part) => part.directory);
  const [kernelMajor, kernelMinor] = request.kernel ?? [6, 0];
  const canKill = kernelMajor > 5 || (kernelMajor === 5 && kernelMinor >= 14);
  const first = v2?.directory ?? folders[0];
  return {
    directories: parts.flatMap((part) => part.directories),
    writes: parts.flatMap((part) => part.writes),
    join: v1.map((part) => `${part.directory}/tasks`),
    ...(v2 ? { unified: v2.directory } : {}),
    ...(first ? { procs: `${first}/cgroup.procs` } : {}),
    ...(v2 && canKill ? { kill: `${v2.directory}/cgroup.kill` } : {}),
    remove: folders,
    accounting: parts.flatMap((part) => part.accounting),
  };
}

function located(directory: string, settings: readonly Setting[]): CgroupWrite[] {
  return settings.map(({ file, value, why, option }) => ({ path: `${directory}/${file}`, value, why, option }));
}

/** Controllers that are mounted together (cpu,cpuacct) share a folder. */
function planV1(wanted: Wanted, request: CgroupRequest): Part[] {
  const byMount = new Map<string, Controller[]>();
  for (const controller of wanted.keys()) {
    const mount = request.layout.v1[V1_NAMES[controller]]?.mount ?? "";
    byMount.set(mount, [...(byMount.get(mount) ?? []), controller]);
  }
  return [...byMount.values()].map((controllers) => planHierarchy(controllers, wanted, request));
}

function planHierarchy(controllers: readonly Controller[], wanted: Wanted, request: CgroupRequest): Part {
  const { layout, uid, parent = SHARED_GROUP, resources = {} } = request;
  const hierarchyOf = (controller: Controller) => layout.v1[V1_NAMES[controller]] as Hierarchy;
  const hierarchy = hierarchyOf(controllers[0] as Controller);
  const options = controllers.flatMap((controller) => wanted.get(controller) ?? []);
  requireWritableV1(hierarchy, options, { uid }, `/${parent}`);
  const base = uid === 0 ? hierarchy.mount : folder(hierarchy.mount, hierarchy.own);
  const { shared, directory } = place(base, parent, request);
  const { cpuacct } = layout.v1;
  const withCpuacct = cpuacct?.mount === hierarchy.mount;
  return {
    directories: sharedAndOwn(shared, directory),
    writes: controllers.flatMap((controller) => [
      ...(shared ? located(shared, sharedSettingsV1(controller, hierarchyOf(controller))) : []),
      ...located(directory, settingsV1(controller, resources, hierarchyOf(controller))),
    ]),
    directory,
    accounting: controllers.flatMap((name) => accountingV1(name, directory, withCpuacct && name === "cpu")),
  };
}

/**
 * Root's groups lie side by side, `sampan-<id>`, at the top of each hierarchy: nothing stays behind when the last has
 * gone, and no two runs race for a parent. Another user's lie in the folder `sampan` that root can hand over.
 */
function place(base: string, parent: string, { id, uid }: CgroupRequest): { shared?: string; directory: string } {
  if (uid === 0) return { directory: `${base}/${parent}-${id}` };
  return { shared: `${base}/${parent}`, directory: `${base}/${parent}/${id}` };
}

function sharedAndOwn(shared: string | undefined, directory: string): CgroupPlan["directories"] {
  return [...(shared ? [{ path: shared, shared: true }] : []), { path: directory, shared: false }];
}

/** Root always gets a unified group where there is a hierarchy; other users only for limits, as far as they may. */
function planUnified(wanted: Wanted, limited: boolean, request: CgroupRequest): Part | undefined {
  const { layout, uid, parent = SHARED_GROUP, resources = {} } = request;
  const { unified } = layout;
  if (unified === undefined || (uid !== 0 && !limited)) return undefined;
  const group = chooseGroup(unified, wanted, { uid });
  if (group === undefined) {
    if (wanted.size > 0) throw noGroup(unified, wanted, { uid });
    return undefined;
  }
  const base = folder(unified.mount, group.path);
  const { shared, directory } = place(base, parent, request);
  const controllers = [...wanted.keys()];
  return {
    directories: sharedAndOwn(shared, directory),
    writes: [
      ...enableControllers(base, shared, group, wanted),
      ...controllers.flatMap((name) => located(directory, settingsV2(name, resources, unified))),
    ],
    directory,
    accounting: accountingV2(controllers, directory),
  };
}

/** A controller acts in a group when its parent hands it down; that has to hold for the shared parent and for ours. */
function enableControllers(
  base: string,
  shared: string | undefined,
  group: UnifiedGroup,
  wanted: Wanted,
): CgroupWrite[] {
  const names = [...wanted.keys()];
  const write = (directory: string, list: readonly Controller[]): CgroupWrite[] => {
    if (list.length === 0) return [];
    const value = list.map((name) => `+${name}`).join(" ");
    const option = list.flatMap((name) => wanted.get(name) ?? []).join(" and ");
    const why = `hand ${list.length > 1 ? "controllers" : "a controller"} down to the groups below`;
    return [{ path: `${directory}/cgroup.subtree_control`, value, why, option }];
  };
  const missing = names.filter((name) => !group.enabled.includes(name));
  return [...write(base, missing), ...(shared ? write(shared, names) : [])];
}
