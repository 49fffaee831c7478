/** The machine's only disk: an archive that the kernel unpacks into its first root file system. */
import { execFileSync } from "node:child_process";
import { closeSync, cpSync, globSync, mkdirSync, openSync, realpathSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

export interface Contents {
  /** Files by their absolute path in the machine. */
  readonly files: Readonly<Record<string, string>>;
  /** Executables whose shared libraries come along, at the paths where the dynamic linker looks for them. */
  readonly dynamic: readonly string[];
}

/** Absolute paths in the output of ldd(1): the libraries, and the dynamic linker itself. */
export function librariesIn(ldd: string): readonly string[] {
  return [...ldd.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? "");
}

function sharedLibraries(executable: string): readonly string[] {
  return librariesIn(execFileSync("ldd", [executable], { encoding: "utf8" }));
}

/** A Debian kernel's module, from the folder of its release. */
export function modulePath(release: string, name: string): string {
  const [path] = globSync(`/lib/modules/${release}/kernel/**/${name}.ko`);
  if (path === undefined) throw new Error(`the kernel ${release} has no module ${name}`);
  return path;
}

/**
 * Writes the archive. It is not compressed: an emulated processor takes longer to unpack than the host to copy. Device
 * nodes are not needed, for the kernel's built-in archive has /dev/console.
 */
export function writeInitramfs(contents: Contents, scratch: string, output: string): void {
  const root = join(scratch, "root");
  for (const [target, source] of Object.entries(contents.files)) copyInto(root, target, source);
  for (const path of new Set(contents.dynamic.flatMap(sharedLibraries))) copyInto(root, path, realpathSync(path));
  const archive = openSync(output, "w");
  try {
    const names = execFileSync("find", [".", "-print0"], { cwd: root });
    const options = ["--create", "--null", "--format=newc", "--owner=0:0", "--quiet"];
    execFileSync("cpio", options, { cwd: root, input: names, stdio: ["pipe", archive, "inherit"] });
  } finally {
    closeSync(archive);
  }
  rmSync(root, { recursive: true });
}

function copyInto(root: string, target: string, source: string): void {
  const path = join(root, target);
  mkdirSync(dirname(path), { recursive: true });
  cpSync(source, path, { recursive: true });
}
