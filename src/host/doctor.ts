/** Looks at this host and says what will and will not work, before anything is tried. */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import type { CgroupLayout } from "../plan/index.ts";
import { readCgroupLayout } from "./cgroup-layout.ts";
import { readHostFacts } from "./facts.ts";
import { readSubordinateIds, type SubordinateIds } from "./subordinate-ids.ts";

export interface Finding {
  readonly check: string;
  /** `ok`: works; `limited`: works in part; `missing`: does not work. */
  readonly status: "ok" | "limited" | "missing";
  readonly says: string;
  /** What to change, where something can be changed. */
  readonly hint?: string;
}

/** How the host is looked at; tests give a host of their own. */
export interface DoctorReader {
  /** The trimmed text of a small file, or undefined. */
  text(path: string): string | undefined;
  exists(path: string): boolean;
}

export const systemDoctorReader: DoctorReader = {
  text(path) {
    try {
      return readFileSync(path, "utf8").trim();
    } catch {
      return undefined;
    }
  },
  exists: existsSync,
};

export interface Patient {
  readonly uid: number;
  readonly kernel: readonly [number, number];
  readonly release: string;
  readonly capabilities: bigint;
  readonly cgroups: CgroupLayout;
  readonly subordinate: SubordinateIds;
}

type Check = (patient: Patient, reader: DoctorReader) => Finding;

function atLeast(
  [major, minor]: readonly [number, number],
  [wantMajor, wantMinor]: readonly [number, number],
): boolean {
  return major > wantMajor || (major === wantMajor && minor >= wantMinor);
}

const kernel: Check = ({ kernel: version, release: name }) => {
  const check = "kernel";
  if (!atLeast(version, [5, 12])) {
    return {
      check,
      status: "missing",
      says: `Linux ${name} is too old`,
      hint: "mount_setattr(2) came with Linux 5.12.",
    };
  }
  const newer = atLeast(version, [5, 14]) ? "" : " (cgroup.kill came with 5.14: groups are emptied process by process)";
  return { check, status: newer ? "limited" : "ok", says: `Linux ${name}${newer}` };
};

const NAMESPACES = ["mnt", "uts", "pid", "ipc", "net", "cgroup", "user", "time"] as const;

const namespaces: Check = (_patient, reader) => {
  const absent = NAMESPACES.filter((name) => !reader.exists(`/proc/self/ns/${name}`));
  if (absent.length === 0) return { check: "namespaces", status: "ok", says: "all eight kinds" };
  return {
    check: "namespaces",
    status: "limited",
    says: `this kernel lacks ${absent.join(", ")}`,
    hint: "Leave them out with --isolate.",
  };
};

const privileges: Check = ({ uid, capabilities }) => {
  const check = "privileges";
  if (uid !== 0) return { check, status: "limited", says: `user ${uid}: everything happens in a user namespace` };
  const admin = (capabilities >> 21n) & 1n;
  if (!admin)
    return {
      check,
      status: "missing",
      says: "root without CAP_SYS_ADMIN",
      hint: "Run where root may make namespaces and mounts.",
    };
  const resource = (capabilities >> 24n) & 1n;
  return resource
    ? { check, status: "ok", says: "root" }
    : {
        check,
        status: "limited",
        says: "root without CAP_SYS_RESOURCE: hard limits cannot be raised, and --oom-score-adj not lowered",
      };
};

const userNamespaces: Check = ({ uid }, reader) => {
  const check = "user namespaces";
  const max = reader.text("/proc/sys/user/max_user_namespaces");
  if (max === undefined) return { check, status: "missing", says: "this kernel has none" };
  if (max === "0") {
    return { check, status: "missing", says: "switched off", hint: "sysctl user.max_user_namespaces=15000" };
  }
  if (uid !== 0 && reader.text("/proc/sys/kernel/unprivileged_userns_clone") === "0") {
    return { check, status: "missing", says: "for root only", hint: "sysctl kernel.unprivileged_userns_clone=1" };
  }
  if (uid !== 0 && reader.text("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") === "1") {
    const hint =
      "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile that allows userns for sampan";
    return { check, status: "missing", says: "restricted by AppArmor", hint };
  }
  return { check, status: "ok", says: `up to ${max}` };
};

const subordinateIds: Check = ({ uid, subordinate: { uids, gids, helpers } }) => {
  const check = "subordinate ids";
  if (uid === 0) return { check, status: "ok", says: "not needed by root" };
  const count = uids.reduce((sum, range) => sum + range.count, 0);
  if (helpers && count > 0 && gids.length > 0)
    return { check, status: "ok", says: `${count} user ids beside your own` };
  const says = "none: only root inside of a container is mapped, to you";
  const hint = helpers
    ? `Let root run: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ${uid}`
    : "Install newuidmap and newgidmap (Debian: apt-get install uidmap), and have ranges in /etc/subuid and /etc/subgid.";
  return { check, status: "limited", says, hint };
};

const overlay: Check = ({ uid, kernel: version }, reader) => {
  const check = "overlay";
  const known = reader.text("/proc/filesystems")?.includes("\toverlay");
  if (!known && !reader.exists("/sys/module/overlay")) {
    return {
      check,
      status: "limited",
      says: "overlayfs is not loaded",
      hint: "modprobe overlay; without it, only --in-place works.",
    };
  }
  if (uid !== 0 && !atLeast(version, [5, 11])) {
    return { check, status: "missing", says: "not for ordinary users before Linux 5.11" };
  }
  return { check, status: "ok", says: "copy-on-write layers" };
};

const executor: Check = (_patient, reader) => {
  const check = "executor";
  if (reader.text("/proc/sys/vm/memfd_noexec") === "2") {
    const hint = "sysctl vm.memfd_noexec=1";
    return { check, status: "missing", says: "the executor may not run from a sealed memfd", hint };
  }
  return { check, status: "ok", says: "runs from a sealed memfd" };
};

const WANTED = ["memory", "cpu", "cpuset", "pids", "io"] as const;

function available({ v1, unified }: CgroupLayout): string[] {
  return WANTED.filter(
    (name) => v1[name === "io" ? "blkio" : name] !== undefined || unified?.controllers.includes(name),
  );
}

const cgroups: Check = ({ uid, cgroups: layout }) => {
  const check = "control groups";
  if (layout.mode === "none") {
    return { check, status: "missing", says: "none are mounted", hint: "mount -t cgroup2 none /sys/fs/cgroup" };
  }
  const present = available(layout);
  const absent = WANTED.filter((name) => !present.includes(name));
  const says = `${layout.mode}, limits for ${present.join(", ") || "nothing"}`;
  if (uid !== 0) {
    const hint = "Start it in a scope that systemd hands over (systemd-run --user --scope sampan …), or run as root.";
    return { check, status: "limited", says: `${says}, as far as groups are delegated to you`, hint };
  }
  return absent.length === 0
    ? { check, status: "ok", says }
    : { check, status: "limited", says: `${says}; not for ${absent.join(", ")}` };
};

const CHECKS: readonly Check[] = [
  kernel,
  privileges,
  namespaces,
  userNamespaces,
  subordinateIds,
  overlay,
  cgroups,
  executor,
];

/** All findings, in the order of what depends on what. */
export function examine(patient: Patient, reader: DoctorReader): Finding[] {
  return CHECKS.map((check) => check(patient, reader));
}

/** Reads this host. @throws SampanError when not even /proc can be read */
export function readPatient(): Patient {
  const { uid, kernel: version, capabilities } = readHostFacts();
  return {
    uid,
    kernel: version,
    release: release(),
    capabilities,
    cgroups: readCgroupLayout(),
    subordinate: readSubordinateIds(uid),
  };
}
