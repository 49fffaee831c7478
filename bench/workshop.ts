/** What the scenarios need built: a folder of their own with the C programs and a root file system in it. */
import { spawnSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

export interface Workshop {
  /** Of the repository. */
  readonly top: string;
  readonly folder: string;
  readonly rootfs: string;
  readonly floor: string;
  readonly stopwatch: string;
  readonly sampan: string;
  readonly executor: string;
  /** Sampan's state, apart from the user's. */
  readonly state: string;
}

export function findProgram(name: string): string | undefined {
  const folders = [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function compile(source: string, output: string): void {
  const triplet = spawnSync("cc", ["-print-multiarch"], { encoding: "utf8" }).stdout?.trim() ?? "";
  const kernel = ["/usr/include", ...(triplet ? [`/usr/include/${triplet}`] : [])].flatMap((path) => [
    "-idirafter",
    path,
  ]);
  const flags = ["-static", "-s", "-std=gnu11", "-O2", "-Wall", "-Wextra", source, "-o", output];
  const musl = spawnSync("musl-gcc", [...kernel, ...flags], { stdio: "ignore" });
  if (musl.status === 0) return;
  const cc = spawnSync("cc", flags, { encoding: "utf8" });
  if (cc.status !== 0) throw new Error(`cannot compile ${source}: ${cc.stderr ?? cc.error}`);
}

/** As an image of busybox has it: the program and a link for every applet. */
function makeRootfs(folder: string): void {
  const busybox = findProgram("busybox");
  if (busybox === undefined) throw new Error("busybox is not installed (apt-get install busybox-static)");
  for (const name of ["bin", "dev", "etc", "proc", "root", "sys", "tmp", "usr", "var"]) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  copyFileSync(busybox, join(folder, "bin", "busybox"));
  const applets = spawnSync(busybox, ["--list"], { encoding: "utf8" }).stdout.split("\n");
  for (const name of applets) if (name && name !== "busybox") symlinkSync("busybox", join(folder, "bin", name));
}

export function openWorkshop(top: string): Workshop {
  const folder = mkdtempSync(join(tmpdir(), "sampan-bench-"));
  const inside = (name: string) => join(folder, name);
  makeRootfs(inside("rootfs"));
  for (const name of ["floor", "stopwatch"]) compile(join(top, "bench", `${name}.c`), inside(name));
  return {
    top,
    folder,
    rootfs: inside("rootfs"),
    floor: inside("floor"),
    stopwatch: inside("stopwatch"),
    sampan: join(top, "dist", "sampan"),
    executor: join(top, "dist", "sampan-executor"),
    state: inside("state"),
  };
}

export function closeWorkshop({ folder }: Workshop): void {
  rmSync(folder, { recursive: true, force: true });
}
