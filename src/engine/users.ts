/** Users and groups by the container's own passwd and group files (passwd(5), group(5)), as Docker resolves `--user`. */
import { SampanError } from "../errors/index.ts";
import { readTextInRoot } from "./read-in-root.ts";

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Those of `--group-add` alone. */
  readonly addedGids: readonly number[];
  readonly home: string;
}

interface PasswdEntry {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface GroupEntry {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

const NUMBER = /^\d+$/;
/** The next one means "as it is" to setresuid(2). */
const MAX_ID = 0xffff_fffe;

function isId(text: string): boolean {
  return NUMBER.test(text) && Number(text) <= MAX_ID;
}

/** Lines without a name or with something else than ids count for nothing, as for getpwnam(3). */
function lines(text: string): string[][] {
  return text.split("\n").flatMap((line) => (line.includes("\0") ? [] : [line.split(":")]));
}

function passwdEntries(text: string): PasswdEntry[] {
  return lines(text).flatMap(([name = "", , uid = "", gid = "", , home]) =>
    name !== "" && isId(uid) && isId(gid) ? [{ name, uid: Number(uid), gid: Number(gid), home: home || "/" }] : [],
  );
}

function groupEntries(text: string): GroupEntry[] {
  return lines(text).flatMap(([name = "", , gid = "", members = ""]) =>
    name !== "" && isId(gid) ? [{ name, gid: Number(gid), members: members.split(",") }] : [],
  );
}

function numericId(text: string, what: string): number | undefined {
  if (!NUMBER.test(text)) return undefined;
  const id = Number(text);
  if (id <= MAX_ID) return id;
  throw new SampanError("INVALID_VALUE", `${what} ${text} is larger than ${MAX_ID}`, { object: text });
}

/** Reads the account files once, and only when somebody asks. */
class Accounts {
  readonly #roots: readonly string[];
  #passwd: PasswdEntry[] | undefined;
  #group: GroupEntry[] | undefined;

  constructor(roots: readonly string[]) {
    this.#roots = roots;
  }

  get passwd(): PasswdEntry[] {
    this.#passwd ??= passwdEntries(this.#read("etc/passwd"));
    return this.#passwd;
  }

  get group(): GroupEntry[] {
    this.#group ??= groupEntries(this.#read("etc/group"));
    return this.#group;
  }

  /** The topmost layer that has the file. */
  #read(path: string): string {
    for (const root of this.#roots) {
      const text = readTextInRoot(root, path);
      if (text !== undefined) return text;
    }
    return "";
  }
}

function findUser(accounts: Accounts, text: string): { entry: PasswdEntry | undefined; uid: number } {
  const uid = numericId(text, "the user id");
  const entry = accounts.passwd.find((candidate) =>
    uid === undefined ? candidate.name === text : candidate.uid === uid,
  );
  if (uid === undefined && entry === undefined) {
    throw new SampanError("USER_NOT_FOUND", `there is no user ${JSON.stringify(text)} in the container`, {
      object: text,
      hint: "Its /etc/passwd does not list it; give a number instead, such as --user 1000.",
    });
  }
  return { entry, uid: uid ?? entry?.uid ?? 0 };
}

function findGroup(accounts: Accounts, text: string): number {
  const gid = numericId(text, "the group id");
  const entry = gid === undefined ? accounts.group.find((candidate) => candidate.name === text) : undefined;
  if (gid === undefined && entry === undefined) {
    throw new SampanError("USER_NOT_FOUND", `there is no group ${JSON.stringify(text)} in the container`, {
      object: text,
      hint: "Its /etc/group does not list it; give a number instead.",
    });
  }
  return gid ?? entry?.gid ?? 0;
}

/**
 * Resolves `user[:group]` and further groups.
 *
 * @param roots folders that make up the root file system, topmost first; none when it has no files of its own
 * @throws SampanError USER_NOT_FOUND for a name that the container does not know, INVALID_VALUE for too large an id
 */
export function resolveUser(text: string, groupAdd: readonly string[], roots: readonly string[]): ResolvedUser {
  const accounts = new Accounts(roots);
  const [userText = "", groupText] = text.split(":");
  const { entry, uid } = findUser(accounts, userText === "" ? "0" : userText);
  const gid = groupText ? findGroup(accounts, groupText) : (entry?.gid ?? 0);
  const ofUser = groupText || !entry ? [] : accounts.group.filter((group) => group.members.includes(entry.name));
  const added = groupAdd.map((group) => findGroup(accounts, group));
  const additionalGids = [...new Set([gid, ...ofUser.map((group) => group.gid), ...added])];
  return { uid, gid, additionalGids, addedGids: added, home: entry?.home ?? (uid === 0 ? "/root" : "/") };
}
