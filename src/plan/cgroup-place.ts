/** Where a container's groups can be made, and the errors that say why they cannot. */
import type { SampanError } from "../errors/index.ts";
import { type Controller, unavailable } from "./cgroup-settings.ts";
import { V1_NAMES } from "./cgroup-v1.ts";
import type { CgroupLayout, Hierarchy, UnifiedGroup, UnifiedHierarchy } from "./host-facts.ts";

/** Each wanted controller with the options that want it. */
export type Wanted = ReadonlyMap<Controller, readonly string[]>;

export interface Who {
  readonly uid: number;
}

/** Joins a mount point and a group's path, of which either may be `/`. */
export function folder(mount: string, group: string): string {
  return group === "/" ? mount : `${mount === "/" ? "" : mount}${group}`;
}

/** Parts the wanted controllers by the hierarchy that has them; v1 comes first, a controller can only be in one. */
export function partition(wanted: Wanted, layout: CgroupLayout): { readonly v1: Wanted; readonly v2: Wanted } {
  const [v1, v2] = [new Map<Controller, readonly string[]>(), new Map<Controller, readonly string[]>()];
  for (const [controller, options] of wanted) {
    if (layout.v1[V1_NAMES[controller]] !== undefined) v1.set(controller, options);
    else if (layout.unified?.controllers.includes(controller)) v2.set(controller, options);
    else throw missingController(controller, options, layout);
  }
  return { v1, v2 };
}

function missingController(controller: Controller, options: readonly string[], layout: CgroupLayout): SampanError {
  const option = options.join(" and ");
  if (layout.mode === "none") {
    const hint = "Mount them: mount -t cgroup2 none /sys/fs/cgroup.";
    return unavailable(option, "no control groups are mounted", hint, { object: controller });
  }
  const names = [
    ...Object.keys(layout.v1).filter((name) => !name.includes("=")),
    ...(layout.unified?.controllers ?? []),
  ];
  const present = names.length > 0 ? `Present are ${names.join(", ")}.` : "None is present.";
  const kernel = controller === "memory" ? "boot with cgroup_enable=memory" : "boot without cgroup_disable=";
  const hint = `${present} Ask for it where Sampan runs (${kernel}, or widen the container), or leave ${option} out.`;
  return unavailable(option, `there is no control group controller "${controller}" here`, hint, { object: controller });
}

/** A v1 folder can be handed to a user: root changes its owner, nothing else is needed to join it. */
export function requireWritableV1(hierarchy: Hierarchy, options: readonly string[], who: Who, group: string): void {
  if (hierarchy.writable !== false) return;
  const directory = folder(hierarchy.mount, hierarchy.own);
  const option = options.join(" and ");
  if (who.uid === 0) throw readOnly(option, directory);
  const shared = `${directory}${group}`;
  const hint = `Let root hand over a folder: mkdir -p ${shared} && chown -R ${who.uid} ${shared}. Or run as root.`;
  throw unavailable(option, `user ${who.uid} may not make control groups in ${directory}`, hint, { object: directory });
}

/** Root inside of a user namespace is refused as well, without any read-only mount. */
function readOnly(option: string, directory: string): SampanError {
  const hint =
    "It is mounted read-only, or belongs to another user namespace: " +
    "run the outer container with its control groups writable.";
  return unavailable(option, `${directory} cannot be written`, hint, { object: directory });
}

/** What is known without any look at the groups: the mount point, where nothing stands in the way. */
function knownGroups(unified: UnifiedHierarchy): readonly UnifiedGroup[] {
  const { controllers, groups } = unified;
  return groups ?? [{ path: "/", controllers, enabled: [], occupied: false, writable: true }];
}

function isUsable(group: UnifiedGroup, wanted: Wanted): boolean {
  const names = [...wanted.keys()];
  if (!group.writable || !names.every((name) => group.controllers.includes(name))) return false;
  return !group.occupied || names.every((name) => group.enabled.includes(name));
}

/**
 * The group on the unified hierarchy below which the container's groups are made.
 *
 * A group that holds processes cannot enable controllers for its children, and this process's own group holds at least
 * this process. So root takes the root of the hierarchy (where this rule does not hold): engines put their containers
 * beside the sessions and services of the host as well, in machine.slice or at the top. Another user, and root in a
 * container whose hierarchy starts at an occupied group, takes the nearest ancestor that may be written and holds no
 * process: within `systemd-run --user --scope` that is app.slice, which systemd has handed to the user.
 */
export function chooseGroup(unified: UnifiedHierarchy, wanted: Wanted, who: Who): UnifiedGroup | undefined {
  const groups = knownGroups(unified);
  const order = who.uid === 0 ? [...groups.slice(-1), ...groups.slice(0, -1)] : groups;
  return order.find((group) => isUsable(group, wanted));
}

/** Says what stood in the way of every group: rights first, then delegation, then processes. */
export function noGroup(unified: UnifiedHierarchy, wanted: Wanted, who: Who): SampanError {
  const option = [...wanted.values()].flat().join(" and ");
  const groups = knownGroups(unified);
  const writable = groups.filter((group) => group.writable);
  const own = folder(unified.mount, unified.own);
  if (writable.length === 0) return who.uid === 0 ? readOnly(option, own) : notDelegated(option, own, who);
  const lacking = [...wanted.keys()].filter((name) => !writable.some((group) => group.controllers.includes(name)));
  if (lacking.length > 0) return notHandedDown(option, lacking, writable[0]?.path ?? "/");
  return occupied(option, folder(unified.mount, writable[0]?.path ?? "/"), who);
}

function notDelegated(option: string, own: string, who: Who): SampanError {
  const hint =
    "With systemd, start it in a scope of your own: systemd-run --user --scope sampan …. " +
    "Elsewhere let root make a group, chown it to you and move your shell into a group below it. Or run as root.";
  return unavailable(option, `user ${who.uid} may not make control groups above or in ${own}`, hint, { object: own });
}

function notHandedDown(option: string, lacking: readonly string[], path: string): SampanError {
  const names = lacking.join(" ");
  const hint =
    `With systemd, run systemctl edit user@.service as root and add [Service] Delegate=${names}, then log in again. ` +
    `Elsewhere write +${lacking.join(" +")} into cgroup.subtree_control of the groups above.`;
  return unavailable(option, `the controller ${names} is not delegated to ${path}`, hint, { object: path });
}

function occupied(option: string, directory: string, who: Who): SampanError {
  const move = `mkdir ${directory}/init; for p in $(cat ${directory}/cgroup.procs); do echo $p > ${directory}/init/cgroup.procs; done`;
  const hint =
    who.uid === 0
      ? `Move them down first: ${move}.`
      : "With systemd, start it in a scope of its own: systemd-run --user --scope sampan ….";
  const reason = `${directory} holds processes, and a control group that does cannot limit groups below it`;
  return unavailable(option, reason, hint, { object: directory });
}
