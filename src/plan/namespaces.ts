/** Namespaces: which are made at the fork, which later, and the maps of a user namespace. */
import { AF, AT_FDCWD, CLONE, IOCTL, ifreqFlags, O, SOCK } from "../kernel/index.ts";
import type { IdMapping, NamespaceType } from "../oci/index.ts";
import type { Register } from "../program/index.ts";
import { bytes, type PlanContext, textBytes } from "./context.ts";
import { deniesSetgroups } from "./input.ts";

export const NAMESPACE_FLAGS: Readonly<Record<NamespaceType, number>> = {
  user: CLONE.CLONE_NEWUSER,
  mount: CLONE.CLONE_NEWNS,
  pid: CLONE.CLONE_NEWPID,
  network: CLONE.CLONE_NEWNET,
  ipc: CLONE.CLONE_NEWIPC,
  uts: CLONE.CLONE_NEWUTS,
  cgroup: CLONE.CLONE_NEWCGROUP,
  time: CLONE.CLONE_NEWTIME,
};

/**
 * The cgroup namespace is made once the groups are joined, since it shows the groups of that moment as roots; the time
 * namespace once its offsets are written.
 */
const LATER: readonly NamespaceType[] = ["cgroup", "time"];

export function forkFlags(cx: PlanContext): number {
  let flags = 0;
  for (const { type } of cx.spec.linux.namespaces) if (!LATER.includes(type)) flags |= NAMESPACE_FLAGS[type];
  return flags;
}

function mapText(mappings: readonly IdMapping[]): string {
  return mappings.map(({ containerID, hostID, size }) => `${containerID} ${hostID} ${size}\n`).join("");
}

function helperArguments(helper: string, pid: ReturnType<PlanContext["b"]["text"]>, mappings: readonly IdMapping[]) {
  const numbers = mappings.flatMap(({ containerID, hostID, size }) => [containerID, hostID, size].map(String));
  return [{ kind: "vector", values: [helper, pid, ...numbers] }] as const;
}

/** By the executor, which is in the parent user namespace (user_namespaces(7), "User and group ID mappings"). */
export function writeIdMaps(cx: PlanContext): void {
  const { b, child, input, spec } = cx;
  const { uidMappings = [], gidMappings = [] } = spec.linux;
  const mapper = input.idMapper;
  if (mapper?.kind === "helpers") {
    const pid = b.text("", child);
    b.control("spawn", helperArguments(mapper.newuidmap, pid, uidMappings), "subordinate user ids (subuid(5))");
    b.control("spawn", helperArguments(mapper.newgidmap, pid, gidMappings), "subordinate group ids (subgid(5))");
    return;
  }
  const folder = b.register("container's /proc folder");
  const flags = O.O_PATH | O.O_CLOEXEC | cx.directory;
  b.call("openat", [AT_FDCWD, b.text("/proc/", child), flags, 0], "the container in /proc", { result: folder });
  if (deniesSetgroups(mapper)) {
    cx.writeFile("setgroups", "deny", "an ordinary user has to give up setgroups(2) for this", { dir: folder });
  }
  cx.writeFile("uid_map", textBytes(mapText(uidMappings)), "user ids inside and outside", { dir: folder });
  cx.writeFile("gid_map", textBytes(mapText(gidMappings)), "group ids inside and outside", { dir: folder });
  cx.close(folder);
}

/** In the new user namespace, once it has maps. */
export function becomeRoot(cx: PlanContext): void {
  const { b, input } = cx;
  if (!deniesSetgroups(input.idMapper)) b.call("setgroups", [0, null], "no group of the user outside comes along");
  b.call("setresgid", [0, 0, 0], "root's group inside of the user namespace");
  b.call("setresuid", [0, 0, 0], "root inside of the user namespace");
}

/** time_namespaces(7): offsets are written while nobody is inside; setns then moves this process itself. */
export function makeTimeNamespace(cx: PlanContext): void {
  const { b, file } = cx;
  const offsets = Object.entries(cx.spec.linux.timeOffsets ?? {});
  b.call("unshare", [CLONE.CLONE_NEWTIME], "own clocks since boot");
  const text = offsets.map(([clock, { secs, nanosecs = 0 }]) => `${clock} ${secs} ${nanosecs}\n`).join("");
  if (text !== "") cx.writeFile("/proc/self/timens_offsets", text, "--time-offset");
  const path = "/proc/self/ns/time_for_children";
  b.call("openat", [AT_FDCWD, path, O.O_CLOEXEC, 0], "the new time namespace", { result: file });
  b.call("setns", [file, CLONE.CLONE_NEWTIME], "enter it");
  cx.close(file);
}

const IFF_UP_RUNNING = 0x41;

export function raiseLoopback(cx: PlanContext): void {
  const { b, file } = cx;
  b.call("socket", [AF.AF_INET, SOCK.SOCK_DGRAM | SOCK.SOCK_CLOEXEC, 0], "to configure the network", { result: file });
  b.call("ioctl", [file, IOCTL.SIOCSIFFLAGS, bytes(ifreqFlags("lo", IFF_UP_RUNNING))], "the loopback interface is up");
  cx.close(file);
}

export function setNames(cx: PlanContext): void {
  const { hostname, domainname } = cx.spec;
  const encode = (name: string) => textBytes(name);
  if (hostname !== undefined) {
    const name = encode(hostname);
    cx.b.call("sethostname", [hostname, name.value.length], "the container's own host name");
  }
  if (domainname !== undefined) {
    cx.b.call("setdomainname", [domainname, encode(domainname).value.length], "its NIS domain name");
  }
}

/** Kernel parameters, through our own mount of proc where there is one; the file's namespace is the writer's. */
export function setSysctls(cx: PlanContext): void {
  const own = cx.spec.mounts.some((mount) => mount.type === "proc");
  for (const [name, value] of Object.entries(cx.spec.linux.sysctl ?? {})) {
    const path = `sys/${name.replaceAll(".", "/")}`;
    const dir: { dir?: Register } = own ? { dir: cx.proc } : {};
    cx.writeFile(own ? path : `/proc/${path}`, value, `--sysctl ${name}`, dir);
  }
}
