import { expect, test } from "bun:test";
import { type DoctorReader, examine, type Patient } from "./doctor.ts";

const HEALTHY: Patient = {
  uid: 0,
  kernel: [6, 12],
  release: "6.12.1",
  capabilities: (1n << 41n) - 1n,
  cgroups: {
    mode: "v2",
    v1: {},
    unified: { mount: "/sys/fs/cgroup", own: "/", controllers: ["memory", "cpu", "cpuset", "pids", "io"] },
  },
  subordinate: { uids: [], gids: [], helpers: undefined },
};

const FILES: Readonly<Record<string, string>> = {
  "/proc/sys/user/max_user_namespaces": "1000",
  "/proc/filesystems": "nodev\tproc\nnodev\toverlay",
};

function reader(files: Readonly<Record<string, string>> = FILES, absent: readonly string[] = []): DoctorReader {
  return { text: (path) => files[path], exists: (path) => !absent.includes(path) };
}

function finding(check: string, patient: Patient, look = reader()) {
  return examine(patient, look).find((candidate) => candidate.check === check);
}

test("a healthy host has nothing to complain of", () => {
  expect(examine(HEALTHY, reader()).map(({ status }) => status)).toEqual(Array(8).fill("ok"));
});

test("a kernel before 5.12 is too old, one before 5.14 lacks cgroup.kill", () => {
  expect(finding("kernel", { ...HEALTHY, kernel: [5, 10], release: "5.10.0" })).toEqual({
    check: "kernel",
    status: "missing",
    says: "Linux 5.10.0 is too old",
    hint: "mount_setattr(2) came with Linux 5.12.",
  });
  expect(finding("kernel", { ...HEALTHY, kernel: [5, 13] })?.status).toBe("limited");
});

test("a namespace that the kernel lacks is named", () => {
  expect(finding("namespaces", HEALTHY, reader(FILES, ["/proc/self/ns/time"]))?.says).toBe("this kernel lacks time");
});

test("root without CAP_SYS_ADMIN can do nothing, without CAP_SYS_RESOURCE not everything", () => {
  expect(finding("privileges", { ...HEALTHY, capabilities: 0n })?.status).toBe("missing");
  expect(finding("privileges", { ...HEALTHY, capabilities: 1n << 21n })?.status).toBe("limited");
});

test("each setting that forbids user namespaces is named with its way out", () => {
  const user = { ...HEALTHY, uid: 1000 };
  const off = { "/proc/sys/user/max_user_namespaces": "0" };
  expect(finding("user namespaces", user, reader(off))?.hint).toBe("sysctl user.max_user_namespaces=15000");
  const debian = { ...FILES, "/proc/sys/kernel/unprivileged_userns_clone": "0" };
  expect(finding("user namespaces", user, reader(debian))?.hint).toBe("sysctl kernel.unprivileged_userns_clone=1");
  expect(finding("user namespaces", HEALTHY, reader(debian))?.status).toBe("ok");
  const ubuntu = { ...FILES, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": "1" };
  expect(finding("user namespaces", user, reader(ubuntu))?.says).toBe("restricted by AppArmor");
});

test("an ordinary user is told how to get subordinate ids", () => {
  const user = { ...HEALTHY, uid: 1000 };
  expect(finding("subordinate ids", user)?.hint).toStartWith("Install newuidmap and newgidmap");
  const range = [{ start: 100_000, count: 65_536 }];
  const helpers = { newuidmap: "/usr/bin/newuidmap", newgidmap: "/usr/bin/newgidmap" };
  const granted = { ...user, subordinate: { uids: range, gids: range, helpers } };
  expect(finding("subordinate ids", granted)?.says).toBe("65536 user ids beside your own");
});

test("controllers that are absent are named", () => {
  const cgroups = { mode: "v2", v1: {}, unified: { mount: "/c", own: "/", controllers: ["memory", "pids"] } } as const;
  expect(finding("control groups", { ...HEALTHY, cgroups })?.says).toBe(
    "v2, limits for memory, pids; not for cpu, cpuset, io",
  );
  expect(finding("control groups", { ...HEALTHY, cgroups: { mode: "none", v1: {} } })?.status).toBe("missing");
});

test("memfds that may not be executed keep the executor from running", () => {
  const files = { ...FILES, "/proc/sys/vm/memfd_noexec": "2" };
  expect(finding("executor", HEALTHY, reader(files))?.hint).toBe("sysctl vm.memfd_noexec=1");
});

test("overlayfs that is not there leaves folders in place", () => {
  const look = reader({ "/proc/sys/user/max_user_namespaces": "1" }, ["/sys/module/overlay"]);
  expect(finding("overlay", HEALTHY, look)?.status).toBe("limited");
});
