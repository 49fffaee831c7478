import { describe, expect, test } from "bun:test";
import { SampanError } from "../errors/index.ts";
import { chooseIsolations } from "./isolation.ts";
import type { RunOptions } from "./run-options.ts";

const choose = (options: Omit<RunOptions, "source">, uid = 0) => chooseIsolations({ source: "host", ...options }, uid);
const chosen = (options: Omit<RunOptions, "source">, uid = 0) => [...choose(options, uid).isolations].sort().join(",");

function refusal(options: Omit<RunOptions, "source">, uid = 0): string[] {
  try {
    choose(options, uid);
  } catch (error) {
    if (error instanceof SampanError) return [error.code, error.message, error.hint ?? ""];
    throw error;
  }
  throw new Error("it was accepted");
}

describe("by default", () => {
  test("root has Docker's isolations", () => {
    expect(chosen({})).toBe("caps,cgroup,ipc,limits,mount,net,pid,root,uts");
    expect(choose({}).namespaces.map(({ type }) => type)).toEqual(["uts", "pid", "mount", "ipc", "network", "cgroup"]);
  });

  test("another user has a user namespace, too", () => {
    expect(chosen({}, 1000)).toBe("caps,cgroup,ipc,limits,mount,net,pid,root,user,uts");
  });

  test("root gets a user namespace with an id map", () => {
    const map = [{ container: 0, host: 1, size: 1 }];
    expect(choose({ uidMap: map }).has("user")).toBe(true);
    expect(choose({ gidMap: map }).has("user")).toBe(true);
    expect(choose({ uidMap: [] }).has("user")).toBe(false);
  });

  test("there is a time namespace only with an offset", () => {
    expect(choose({}).has("time")).toBe(false);
    expect(choose({ timeOffsetSeconds: { boottime: 1 } }).has("time")).toBe(true);
  });

  test("single namespaces can be the host's, or private", () => {
    expect(chosen({ namespaces: { network: "host", pid: "host", ipc: "host", uts: "host", cgroup: "host" } })).toBe(
      "caps,limits,mount,root",
    );
    expect(choose({ namespaces: { user: "private" } }).has("user")).toBe(true);
    expect(choose({ namespaces: { network: "none" } }).has("net")).toBe(true);
  });
});

describe("--isolate", () => {
  test("is exactly these", () => {
    expect(chosen({ isolate: ["uts", "pid"] })).toBe("pid,uts");
    expect(chosen({ isolate: [] })).toBe("");
    expect(choose({ isolate: [] }).namespaces).toEqual([]);
  });

  test("adds mount to root, which cannot do without it", () => {
    expect(chosen({ isolate: ["root"] })).toBe("mount,root");
  });

  test("is no isolation at all for another user either", () => {
    expect(chosen({ isolate: [] }, 1000)).toBe("");
    expect(chosen({ isolate: ["limits", "caps"] }, 1000)).toBe("caps,limits");
  });

  test("needs a user namespace for the rest when one is not root", () => {
    expect(refusal({ isolate: ["uts"] }, 1000)).toEqual([
      "NOT_PERMITTED",
      'an ordinary user cannot have the isolation "uts" without "user"',
      "Only a user namespace gives the power to make the others: add user to --isolate, or run as root.",
    ]);
    expect(chosen({ isolate: ["uts", "user"] }, 1000)).toBe("user,uts");
    expect(refusal({ namespaces: { user: "host" } }, 1000)[0]).toBe("NOT_PERMITTED");
  });
});

describe("options that contradict each other", () => {
  test("a namespace that is both the host's and isolated", () => {
    expect(refusal({ isolate: ["pid"], namespaces: { pid: "host" } })).toEqual([
      "USAGE",
      "--isolate pid and host mode for it contradict each other",
      "",
    ]);
  });

  test("a private namespace that --isolate leaves out", () => {
    expect(refusal({ isolate: ["pid"], namespaces: { network: "private" } })).toEqual([
      "USAGE",
      'a private network namespace needs the isolation "net", which --isolate leaves out',
      "Add net to --isolate, or leave a private network namespace out.",
    ]);
  });

  const device = { source: "/dev/null", target: "/dev/null", access: "rwm" };
  const throttle = [{ device: "/dev/sda", rate: 1 }];
  const map = [{ container: 0, host: 0, size: 1 }];
  test.each<readonly [option: string, isolation: string, Omit<RunOptions, "source">]>([
    ["--memory", "limits", { resources: { memory: { limit: 1 } } }],
    ["--memory-swap", "limits", { resources: { memory: { swap: 1 } } }],
    ["--memory-reservation", "limits", { resources: { memory: { reservation: 1 } } }],
    ["--cpus", "limits", { resources: { cpu: { quota: 1, period: 2 } } }],
    ["--cpu-shares", "limits", { resources: { cpu: { shares: 2 } } }],
    ["--cpuset-cpus", "limits", { resources: { cpu: { cpus: "0" } } }],
    ["--cpuset-mems", "limits", { resources: { cpu: { mems: "0" } } }],
    ["--pids-limit", "limits", { resources: { pids: { limit: 1 } } }],
    ["--blkio-weight", "limits", { blockIo: { weight: 10 } }],
    ["--device-read-bps", "limits", { blockIo: { readBps: throttle } }],
    ["--device-write-bps", "limits", { blockIo: { writeBps: throttle } }],
    ["--device-read-iops", "limits", { blockIo: { readIops: throttle } }],
    ["--device-write-iops", "limits", { blockIo: { writeIops: throttle } }],
    ["--ulimit", "limits", { ulimits: [{ name: "nofile", soft: 1n, hard: 1n }] }],
    ["--hostname", "uts", { hostname: "boat" }],
    ["--domainname", "uts", { domainname: "harbour" }],
    ["--time-offset", "time", { timeOffsetSeconds: { monotonic: 1 } }],
    ["--uidmap", "user", { uidMap: map }],
    ["--gidmap", "user", { gidMap: map }],
    ["--cap-add", "caps", { capAdd: ["ALL"] }],
    ["--cap-drop", "caps", { capDrop: ["ALL"] }],
    ["--privileged", "caps", { privileged: true }],
    ["a mount", "mount", { mounts: [{ type: "tmpfs", target: "/x" }] }],
    ["--device", "root", { devices: [device] }],
    ["--read-only", "root", { readOnly: true }],
    ["--copy", "root", { copies: [{ source: "/a", target: "/b" }] }],
    ["--in-place", "root", { inPlace: true }],
  ])("%s without %s", (option, isolation, options) => {
    expect(refusal({ isolate: [], ...options })).toEqual([
      "USAGE",
      `${option} needs the isolation "${isolation}", which --isolate leaves out`,
      `Add ${isolation} to --isolate, or leave ${option} out.`,
    ]);
  });

  test("what needs a namespace that is the host's says so in these words", () => {
    expect(refusal({ hostname: "boat", namespaces: { uts: "host" } })).toEqual([
      "USAGE",
      '--hostname needs the isolation "uts", which is the host\'s here',
      "Give the container its own uts namespace, or leave --hostname out.",
    ]);
  });
});
