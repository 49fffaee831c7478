/** A folder of the host that hostile images point at: whatever happens to it is seen. */
import { lstatSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export function plantCanary(folder: string): void {
  mkdirSync(join(folder, "sub"), { recursive: true });
  for (const name of ["file", "passwd", "shadow", "sub/file"]) writeFileSync(join(folder, name), `canary ${name}\n`);
}

/** Everything about a tree but access times, one line per entry. */
export function describeTree(folder: string, path = "."): string[] {
  const full = join(folder, path);
  const stat = lstatSync(full);
  const kept = [path, stat.mode, stat.uid, stat.gid, stat.size, stat.mtimeMs, stat.ctimeMs].join(" ");
  if (stat.isSymbolicLink()) return [`${kept} -> ${readlinkSync(full)}`];
  if (stat.isFile()) return [`${kept} ${readFileSync(full, "base64")}`];
  if (!stat.isDirectory()) return [kept];
  return [
    kept,
    ...readdirSync(full)
      .toSorted()
      .flatMap((name) => describeTree(folder, join(path, name))),
  ];
}

/** The host's own folders that symbolic links to `/etc` and the like would reach: their times and names. */
export function describeHost(): string[] {
  return ["/etc", "/proc", "/dev", "/root", "/etc/passwd", "/etc/shadow"].map((path) => {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    const times = path === "/proc" || path === "/dev" ? "" : `${stat?.mtimeMs} ${stat?.size}`;
    return `${path} ${stat?.mode} ${stat?.uid} ${times}`;
  });
}
