/**
 * Control groups on kernels that have version 2 alone, and version 1 alone: `test/vm/run-cgroup2.ts [DIST]`.
 *
 * Boots Debian's cloud kernel in an emulated machine, several times. The checks are shell scripts which run Sampan there as
 * a user would. Exits with 77 when this host has no such kernel or emulator.
 */
import { accessSync, constants, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { modulePath, writeInitramfs } from "./initramfs.ts";
import { boot } from "./machine.ts";
import { failuresOf, parseTap } from "./tap.ts";

const EXIT_SKIPPED = 77;
/** Of one boot; all of them together stay below the ten minutes of the step in `make test`. */
const TIMEOUT_MS = 3 * 60_000;
const HERE = import.meta.dirname;
const ROOT = join(HERE, "../..");

/** The machine is the same in all; what differs is what the kernel is told, and which script checks it. */
const BOOTS = [
  { name: "version 2", parameters: ["cgroup_no_v1=all"], script: "cgroup2-inside.sh" },
  {
    name: "version 2 without memory and pids",
    parameters: ["cgroup_no_v1=all", "cgroup_disable=memory,pids"],
    script: "cgroup2-missing-inside.sh",
  },
  { name: "version 1", parameters: [], script: "cgroup1-inside.sh" },
];

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function findCommand(name: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return [...folders, "/bin", "/usr/bin", "/usr/sbin"].map((folder) => join(folder, name)).find(isExecutable);
}

interface Host {
  readonly kernel: string;
  readonly release: string;
  readonly busybox: string;
}

/** What is needed, or the reason why this host cannot do it. */
function lookAround(): Host | string {
  if (process.arch !== "x64") return `the machine is x86-64, and this is ${process.arch}`;
  const [kernel] = globSync("/boot/vmlinuz-*-cloud-amd64").sort().reverse();
  if (kernel === undefined) return "no kernel in /boot (Debian: linux-image-cloud-amd64)";
  const busybox = findCommand("busybox");
  if (busybox === undefined) return "busybox is not installed (Debian: busybox-static)";
  if (findCommand("qemu-system-x86_64") === undefined) return "QEMU is not installed (Debian: qemu-system-x86)";
  if (findCommand("cpio") === undefined) return "cpio is not installed (Debian: cpio)";
  return { kernel, release: kernel.slice("/boot/vmlinuz-".length), busybox };
}

function buildInitramfs({ release, busybox }: Host, dist: string, scratch: string): string {
  const output = join(scratch, "initramfs.cpio");
  const tests = ["package.json", "src", "test/kernel/cgroup.test.ts", "test/support"];
  const files: Record<string, string> = {
    "/init": join(HERE, "init.sh"),
    "/bin/busybox": busybox,
    "/opt/sampan": join(dist, "sampan"),
    "/opt/sampan-executor": join(dist, "sampan-executor"),
  };
  for (const name of ["tap.sh", ...BOOTS.map(({ script }) => script)]) files[`/checks/${name}`] = join(HERE, name);
  for (const name of ["overlay", "loop"]) files[`/modules/${name}.ko`] = modulePath(release, name);
  for (const path of tests) files[`/tests/${path}`] = join(ROOT, path);
  writeInitramfs({ files, dynamic: [join(dist, "sampan")] }, scratch, output);
  return output;
}

interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

async function bootAndCheck(which: (typeof BOOTS)[number], host: Host, initramfs: string, counts: Counts) {
  const parameters = [...which.parameters, `checks=${which.script}`];
  const machine = { kernel: host.kernel, initramfs, parameters, memoryMiB: 1024, timeoutMs: TIMEOUT_MS };
  const session = await boot(machine);
  const result = parseTap(session.console);
  const failures = failuresOf(result);
  const count = (state: string) => result.tests.filter((test) => test.state === state).length;
  counts.passed += count("passed");
  counts.failed += failures.length;
  counts.skipped += count("skipped");
  const ended = session.timedOut ? `stopped after ${TIMEOUT_MS / 1000} s` : `${session.seconds.toFixed(1)} s`;
  console.log(`Linux ${host.release}, ${which.name}: ${count("passed")} passed, ${failures.length} failed (${ended})`);
  for (const failure of failures) console.log(`FAILED: ${failure}`);
  for (const { title, state, reason } of result.tests)
    if (state === "skipped") console.log(`skipped: ${title}: ${reason}`);
  if (failures.length > 0) console.log(`\nThe console:\n${session.console.replaceAll("\r", "")}`);
}

async function main(dist: string): Promise<number> {
  const host = lookAround();
  if (typeof host === "string") {
    console.log(host);
    return EXIT_SKIPPED;
  }
  for (const name of ["sampan", "sampan-executor"]) {
    if (!isExecutable(join(dist, name))) throw new Error(`${join(dist, name)} is missing: run make build`);
  }
  const counts: Counts = { passed: 0, failed: 0, skipped: 0 };
  const scratch = mkdtempSync(join(tmpdir(), "sampan-vm-"));
  try {
    const initramfs = buildInitramfs(host, dist, scratch);
    for (const which of BOOTS) await bootAndCheck(which, host, initramfs, counts);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  console.log(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
  return counts.failed > 0 || counts.passed === 0 ? 1 : 0;
}

process.exitCode = await main(process.argv[2] ?? join(ROOT, "dist"));
