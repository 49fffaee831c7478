import { SampanError } from "../errors/index.ts";
import type { IsolationSet } from "./isolation.ts";
import type { Isolation } from "./run-options.ts";

/** Kernel parameters that belong to a namespace (ipc_namespaces(7), network_namespaces(7)); all others are the host's. */
const NAMESPACED: readonly (readonly [RegExp, Isolation])[] = [
  [/^kernel\.(msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$/, "ipc"],
  [/^fs\.mqueue\.[\w.-]+$/, "ipc"],
  [/^net\.[\w.\-/:@]+$/, "net"],
  [/^kernel\.(hostname|domainname)$/, "uts"],
];

/**
 * @throws SampanError INVALID_VALUE for a parameter that would change the host
 */
export function checkSysctls(sysctls: Readonly<Record<string, string>>, set: IsolationSet): void {
  for (const name of Object.keys(sysctls)) {
    const isolation = NAMESPACED.find(([pattern]) => pattern.test(name) && !name.includes(".."))?.[1];
    if (isolation === undefined) {
      throw new SampanError(
        "INVALID_VALUE",
        `--sysctl ${name} is not a parameter of a namespace: it would change the host`,
        {
          object: name,
          hint: "Allowed are kernel.msg*, kernel.sem, kernel.shm*, fs.mqueue.* and net.*.",
        },
      );
    }
    if (set.has(isolation)) continue;
    throw new SampanError(
      "INVALID_VALUE",
      `--sysctl ${name} would change the host, whose ${isolation} namespace is shared`,
      {
        object: name,
        hint: `Leave it out, or give the container its own ${isolation} namespace.`,
      },
    );
  }
}
