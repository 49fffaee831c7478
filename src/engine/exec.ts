/** From what a user asks of `exec` to a program. */
import { isatty } from "node:tty";
import { SampanError } from "../errors/index.ts";
import { readHostFacts } from "../host/index.ts";
import { CAPABILITIES, capabilityMask, capabilityNames } from "../kernel/index.ts";
import type { Capabilities, Process } from "../oci/index.ts";
import { type IdMapper, planExec } from "../plan/index.ts";
import type { Program, Reporter } from "../program/index.ts";
import type { ContainerRecord } from "../runtime/index.ts";
import { mergeEnvironment } from "./environment.ts";
import { checkUserMapped } from "./spec.ts";
import { resolveUser } from "./users.ts";

export interface ExecOptions {
  readonly command: readonly string[];
  readonly interactive?: boolean;
  readonly terminal?: boolean;
  /** `NAME=value`; later ones win, and all win over the container's own. */
  readonly env?: readonly string[];
  readonly workdir?: string;
  /** `name|uid[:group|gid]`, by the container's own files. */
  readonly user?: string;
  /** All capabilities that this process can give. */
  readonly privileged?: boolean;
}

function capabilitiesOf(
  record: ContainerRecord,
  options: ExecOptions,
  available: bigint,
  uid: number,
): Capabilities | undefined {
  const own = record.process.capabilities;
  const bounding = options.privileged ? capabilityNames(capabilityMask(CAPABILITIES) & available) : own?.bounding;
  if (bounding === undefined) return undefined;
  const effective = uid === 0 ? bounding : [];
  return { bounding, effective, permitted: effective, inheritable: [], ambient: [] };
}

/** The container's files, as its own root shows them through /proc: names of users are looked up there. */
function rootOf(record: ContainerRecord): string[] {
  return record.ownRoot ? [`/proc/${record.pid}/root`] : ["/"];
}

function processOf(record: ContainerRecord, options: ExecOptions, available: bigint): Process {
  const user = options.user === undefined ? undefined : resolveUser(options.user, [], rootOf(record));
  const { idMaps } = record;
  if (user && idMaps) checkUserMapped(user, { uidMappings: idMaps.uid, gidMappings: idMaps.gid });
  const identity = user ? { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids } : record.process.user;
  const capabilities = capabilitiesOf(record, options, available, identity.uid);
  const { capabilities: _own, args: _args, ...rest } = record.process;
  const terminal = options.terminal ?? false;
  const home = user ? [`HOME=${user.home}`] : [];
  return {
    ...rest,
    terminal,
    args: options.command,
    user: identity,
    env: mergeEnvironment(record.process.env, home, terminal ? ["TERM=xterm"] : [], options.env ?? []),
    cwd: options.workdir ?? record.process.cwd,
    ...(capabilities ? { capabilities } : {}),
  };
}

/**
 * Plans a further process in a running container.
 *
 * @throws SampanError USER_NOT_FOUND, USAGE
 */
export function prepareExec(record: ContainerRecord, options: ExecOptions, reporter?: Reporter): Program {
  if (options.terminal && options.interactive && !isatty(0)) {
    throw new SampanError("USAGE", "-t with -i needs a terminal, and standard input is none", {
      hint: "Leave out -t to use a pipe or file as input.",
    });
  }
  const host = readHostFacts();
  const user = record.namespaces.includes("user");
  const available = user ? (1n << BigInt(host.lastCapability + 1)) - 1n : host.bounding & host.capabilities;
  const mapper: IdMapper | undefined = user ? { kind: "direct", denySetgroups: record.denySetgroups } : undefined;
  return planExec(
    {
      pid: record.pid,
      namespaces: record.namespaces,
      groups: record.cgroups,
      process: processOf(record, options, available),
      idMapper: mapper,
      input: options.interactive ?? false,
      ...(reporter ? { reporter } : {}),
    },
    { ...host, cgroups: { mode: "none", v1: {} } },
  );
}
