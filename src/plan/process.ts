/** The process itself: limits, identity, capabilities, and the command. */
import {
  CAPABILITIES,
  CLOSE_RANGE,
  capabilityMask,
  capabilityNumber,
  capData,
  capHeader,
  gidList,
  PR,
  PR_CAP_AMBIENT_OPERATION,
  RLIM_INFINITY,
  RLIMITS,
  type RlimitName,
  rlimit64,
  SIGNALS,
} from "../kernel/index.ts";
import type { Process } from "../oci/index.ts";
import { bytes, type PlanContext, textBytes } from "./context.ts";
import { deniesSetgroups } from "./input.ts";

export function setRlimits(cx: PlanContext): void {
  for (const { type, soft, hard } of cx.spec.process.rlimits ?? []) {
    const name = type.replace(/^RLIMIT_/, "").toLowerCase() as RlimitName;
    const unlimited = (value: bigint) => (value === RLIM_INFINITY ? undefined : value);
    const limit = bytes(rlimit64(unlimited(soft), unlimited(hard)));
    cx.b.call("prlimit64", [0, RLIMITS[name], limit, null], `--ulimit ${name}`);
  }
}

export function setOomScore(cx: PlanContext): void {
  const score = cx.spec.process.oomScoreAdj;
  if (score === undefined) return;
  cx.writeFile(
    "/proc/self/oom_score_adj",
    textBytes(String(score)),
    "--oom-score-adj: who goes first when memory runs out",
  );
}

/** Capabilities outside of the bounding set can never come back, not even through set-uid programs. */
function dropBounding(cx: PlanContext, keep: readonly string[]): void {
  const mask = capabilityMask(keep);
  for (let number = 0; number <= cx.host.lastCapability; number++) {
    if ((mask >> BigInt(number)) & 1n || !((cx.host.bounding >> BigInt(number)) & 1n || cx.has("user"))) continue;
    const name = CAPABILITIES[number] ?? `capability ${number}`;
    cx.b.call("prctl", [PR.PR_CAPBSET_DROP, number, 0, 0, 0], `${name} is not among the container's capabilities`);
  }
}

function switchUser(cx: PlanContext, { user, capabilities }: Process): void {
  const { b } = cx;
  const groups = user.additionalGids ?? [];
  // An ordinary user without a user namespace stays who they are, with their groups.
  const mayNot = deniesSetgroups(cx.input.idMapper) || (cx.rootless && !cx.has("user"));
  if (!mayNot) b.call("setgroups", [groups.length, bytes(gidList(groups))], "supplementary groups of the user alone");
  b.call("setresgid", [user.gid, user.gid, user.gid], "the group");
  const keep = user.uid !== 0 && (capabilities?.permitted.length ?? 0) > 0;
  if (keep) b.call("prctl", [PR.PR_SET_KEEPCAPS, 1, 0, 0, 0], "keep capabilities over the change of user");
  b.call("setresuid", [user.uid, user.uid, user.uid], "the user");
}

function setCapabilities(cx: PlanContext, sets: NonNullable<Process["capabilities"]>): void {
  const { b } = cx;
  const data = bytes(capData(sets.effective, sets.permitted, sets.inheritable));
  b.call("capset", [bytes(capHeader()), data], "what is left of root's power");
  for (const name of sets.ambient) {
    const number = capabilityNumber(name) ?? 0;
    b.call(
      "prctl",
      [PR.PR_CAP_AMBIENT, PR_CAP_AMBIENT_OPERATION.PR_CAP_AMBIENT_RAISE, number, 0, 0],
      `${name} survives execve`,
    );
  }
}

/** Identity and power, in the order that each step still may do what it does. */
export function becomeUser(cx: PlanContext): void {
  const { b, spec } = cx;
  const { capabilities, noNewPrivileges, user } = spec.process;
  b.call("umask", [user.umask ?? 0o022], "the mode mask of new files");
  if (capabilities) dropBounding(cx, capabilities.bounding);
  switchUser(cx, spec.process);
  if (capabilities) setCapabilities(cx, capabilities);
  if (noNewPrivileges) b.call("prctl", [PR.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0], "set-uid programs give no power any more");
  const why = "changing the user cleared this: die with the executor";
  b.call("prctl", [PR.PR_SET_PDEATHSIG, SIGNALS.SIGKILL, 0, 0, 0], why);
}

/** Where execvp(3) would look: the PATH of the container's own environment. */
export function candidates(command: string, env: readonly string[]): string[] {
  if (command.includes("/")) return [command];
  const path = env.findLast((entry) => entry.startsWith("PATH="))?.slice(5) ?? "/usr/local/bin:/bin:/usr/bin";
  return path.split(":").map((folder) => `${folder === "" ? "." : folder}/${command}`);
}

export function execute(cx: PlanContext): void {
  const { args, env } = cx.spec.process;
  const paths = candidates(args[0] ?? "", env);
  const vector = (values: readonly string[]) => ({ kind: "vector", values }) as const;
  cx.b.call(
    "close_range",
    [3, 0xffff_ffff, CLOSE_RANGE.CLOSE_RANGE_CLOEXEC],
    "no descriptor of ours goes along (CVE-2024-21626)",
  );
  cx.b.control("exec", [vector(paths), vector(args), vector(env)], `run ${args.join(" ")}`);
  cx.b.exit(127, "execve(2) does not return when it succeeds");
}
