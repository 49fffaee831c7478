import { existsSync, readFileSync } from "node:fs";
import { userInfo } from "node:os";

export interface IdRange {
  readonly start: number;
  readonly count: number;
}

const NUMBER = /^\d+$/;

/** The ranges of one user in subuid(5) or subgid(5), by name or number; none when the file is missing. */
export function parseSubordinateIds(text: string, names: readonly string[]): IdRange[] {
  const ranges: IdRange[] = [];
  for (const line of text.split("\n")) {
    const [owner = "", start = "", count = ""] = line.split(":");
    if (!names.includes(owner) || !NUMBER.test(start) || !NUMBER.test(count)) continue;
    if (Number(count) > 0) ranges.push({ start: Number(start), count: Number(count) });
  }
  return ranges;
}

function ranges(file: string, names: readonly string[]): IdRange[] {
  try {
    return parseSubordinateIds(readFileSync(file, "utf8"), names);
  } catch {
    return [];
  }
}

function findHelper(name: string): string | undefined {
  return ["/usr/bin", "/bin", "/usr/sbin", "/usr/local/bin"]
    .map((dir) => `${dir}/${name}`)
    .find((path) => existsSync(path));
}

export interface SubordinateIds {
  readonly uids: readonly IdRange[];
  readonly gids: readonly IdRange[];
  /** Paths of the set-uid helpers, when both are installed. */
  readonly helpers: { readonly newuidmap: string; readonly newgidmap: string } | undefined;
}

/** What shadow-utils grants to this user: ranges of ids, and the helpers that write the maps. */
export function readSubordinateIds(uid: number): SubordinateIds {
  const names = [String(uid)];
  try {
    names.push(userInfo().username);
  } catch {
    // A user id without a name has its ranges by number alone.
  }
  const newuidmap = findHelper("newuidmap");
  const newgidmap = findHelper("newgidmap");
  return {
    uids: ranges("/etc/subuid", names),
    gids: ranges("/etc/subgid", names),
    helpers: newuidmap !== undefined && newgidmap !== undefined ? { newuidmap, newgidmap } : undefined,
  };
}
