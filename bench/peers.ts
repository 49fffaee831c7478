/** The runtimes that Sampan is compared with, and the same container as a bundle for them. */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_CAPABILITIES } from "../src/kernel/index.ts";
import type { TimedCommand } from "./stopwatch.ts";
import { findProgram, type Workshop } from "./workshop.ts";

export const PEERS = ["crun", "runc"] as const;
export type PeerName = (typeof PEERS)[number];

export const LIMITS = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "64"] as const;

/** The same limits in the words of the OCI configuration. */
const RESOURCES = { memory: { limit: 64 << 20 }, cpu: { quota: 50_000, period: 100_000 }, pids: { limit: 64 } };

interface OciConfig {
  process: Record<string, unknown>;
  root: Record<string, unknown>;
  linux: { namespaces: { type: string }[] } & Record<string, unknown>;
}

/** `runc spec` with Sampan's defaults in it: masks, capabilities, cgroup namespace, limits. */
export function makeBundle(shop: Workshop, name: string, args: readonly string[], options: BundleOptions): string {
  const folder = join(shop.folder, name);
  mkdirSync(folder);
  const made = spawnSync(findProgram("runc") ?? "runc", ["spec"], { cwd: folder, encoding: "utf8" });
  if (made.status !== 0) throw new Error(`runc spec: ${made.stderr}`);
  const path = join(folder, "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as OciConfig;
  const capabilities = {
    bounding: DEFAULT_CAPABILITIES,
    effective: DEFAULT_CAPABILITIES,
    permitted: DEFAULT_CAPABILITIES,
  };
  Object.assign(config.process, { terminal: false, args, noNewPrivileges: false, rlimits: [], capabilities });
  config.root = { path: shop.rootfs, readonly: false };
  if (options.cgroupNamespace !== false) config.linux.namespaces.push({ type: "cgroup" });
  Object.assign(config.linux, { resources: RESOURCES, maskedPaths: options.masked, readonlyPaths: options.readonly });
  writeFileSync(path, JSON.stringify(config));
  return folder;
}

export interface BundleOptions {
  readonly masked: readonly string[];
  readonly readonly: readonly string[];
  /** Default true, as Sampan does. On cgroup v1 `runc spec` has none. */
  readonly cgroupNamespace?: boolean;
}

export interface Peers extends AsyncDisposable {
  readonly found: readonly PeerName[];
  readonly notes: readonly string[];
  /** The mount namespace that they run in, when the machine's own does not suit them. */
  readonly mountNamespace: string | undefined;
  run(name: PeerName, bundle: string): TimedCommand;
}

/**
 * crun refuses a machine with a unified hierarchy beside those of version 1. A process of ours holds a mount namespace in
 * which that one is unmounted, for both peers alike; nothing else on the machine sees it.
 */
const HOLD = "mount --make-rprivate / && umount /sys/fs/cgroup/unified && echo ready && read -r end";

async function holdNamespace(): Promise<ChildProcess> {
  const holder = spawn("unshare", ["-m", "sh", "-c", HOLD], { stdio: ["pipe", "pipe", "inherit"] });
  await Promise.race([
    once(holder.stdout, "data"),
    once(holder, "exit").then(() => Promise.reject(new Error("cannot make a mount namespace for the peers"))),
  ]);
  return holder;
}

function version(name: PeerName): string {
  return spawnSync(findProgram(name) ?? name, ["--version"], { encoding: "utf8" }).stdout.split("\n")[0] ?? name;
}

export async function openPeers(): Promise<Peers> {
  const found = PEERS.filter((name) => findProgram(name) !== undefined);
  const missing = PEERS.filter((name) => !found.includes(name));
  const hybrid = existsSync("/sys/fs/cgroup/unified/cgroup.procs");
  const holder = hybrid && found.length > 0 ? await holdNamespace() : undefined;
  const mountNamespace = holder ? `/proc/${holder.pid}/ns/mnt` : undefined;
  const notes = [
    ...found.map(version),
    ...missing.map((name) => `${name} is not installed: nothing is compared with it`),
    ...(holder ? ["the peers run where /sys/fs/cgroup/unified is unmounted, since crun refuses a hybrid layout"] : []),
  ];
  return {
    found,
    notes,
    mountNamespace,
    run: (name, bundle) => {
      const argv = [findProgram(name) ?? name, "run", "--bundle", bundle, `sampan-bench-${process.pid}-${name}`];
      return { name: `${name} run`, argv, mountNamespace };
    },
    async [Symbol.asyncDispose]() {
      if (!holder) return;
      holder.stdin?.end();
      if (holder.exitCode === null) await once(holder, "exit");
    },
  };
}
