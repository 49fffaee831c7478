/**
 * A run that has been planned before need not be planned again: `plan` is pure, so what it gave for a command line is
 * what it would give, as long as everything that was looked at is as it was. Planning in a cold JavaScript engine is the
 * larger part of a start, hence this memory: one file for each command line in the run folder, which does not outlive
 * the boot and which only its owner can read.
 *
 * What differs from run to run (id, name, owner, time) are words of fixed length, replaced in the encoded program.
 */
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { PROTOCOL } from "../program/index.ts";
import { shortId } from "../runtime/index.ts";
import type { RunOptions } from "./run-options.ts";
import { newRunWords, type RunWords } from "./run-words.ts";

/** What a command line means depends on these. */
export interface MemoKey {
  readonly argv: readonly string[];
  readonly cwd: string;
  /** The executable, so that a newer one plans anew. */
  readonly executable: string;
  /** The run folder. */
  readonly run: string;
}

interface Memo {
  readonly key: string;
  readonly facts: string;
  /** The whole mount table, where the source is the host and so made of its mounts. */
  readonly mounts: string | undefined;
  readonly paths: readonly (readonly [path: string, signature: string])[];
  readonly places: Places;
  /** Bytes of the image, which follows. */
  readonly size: number;
  readonly givenName: string | undefined;
}

/** Offsets in the image of each word. */
type Places = Readonly<Record<Word, readonly number[]>>;
type Word = keyof RunWords | "shortId";

/** A program that can be run at once. */
export interface RecalledPlan {
  readonly image: Buffer;
  /** `--name`: it has to be free. */
  readonly givenName: string | undefined;
}

const FORMAT = 1;
const MAX_MEMOS = 64;

function signature(path: string): string {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return "absent";
  // A folder's times change with its entries, which do not matter here.
  if (stat.isDirectory()) return `folder ${stat.dev}:${stat.ino}`;
  return stat.isFile()
    ? `file ${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeMs}:${stat.ctimeMs}`
    : `other ${stat.mode}`;
}

function line(text: string, start: string): string {
  const at = text.indexOf(`\n${start}`);
  return at < 0 ? "" : text.slice(at, text.indexOf("\n", at + 1));
}

/** Of the mount table only the control groups matter, and of the unified one what is handed down already. */
function cgroupFacts(): string {
  const mounts = readFileSync("/proc/self/mountinfo", "latin1")
    .split("\n")
    .filter((entry) => entry.includes(" - cgroup"));
  const unified = mounts.find((entry) => entry.includes(" - cgroup2 "))?.split(" ")[4];
  const handedDown = unified ? readFileSync(`${unified}/cgroup.subtree_control`, "latin1") : "";
  return mounts.join("\n") + readFileSync("/proc/self/cgroup", "latin1") + handedDown;
}

/** Identity, capabilities and control groups of this process, as text. */
function hostFacts(): string {
  const status = readFileSync("/proc/self/status", "latin1");
  const fields = ["Uid:", "Gid:", "CapEff:", "CapBnd:"].map((field) => line(status, field));
  return fields.join("") + cgroupFacts();
}

function mountTable(): string {
  return readFileSync("/proc/self/mountinfo", "latin1");
}

function executableSignature(path: string): string {
  const { ino, size, mtimeMs } = statSync(path);
  return `${ino}:${size}:${mtimeMs}`;
}

function keyText({ argv, cwd, executable, run }: MemoKey): string {
  return JSON.stringify([FORMAT, executableSignature(executable), run, cwd, argv]);
}

/** FNV-1a, 32 bits twice: a name for the file, whose content holds the whole key. */
function fileName(key: string): string {
  let [a, b] = [0x811c9dc5, 0x01000193];
  for (let i = 0; i < key.length; i++) {
    a = Math.imul(a ^ key.charCodeAt(i), 0x01000193);
    b = Math.imul(b ^ key.charCodeAt(key.length - 1 - i), 0x01000193);
  }
  return (a >>> 0).toString(16).padStart(8, "0") + (b >>> 0).toString(16).padStart(8, "0");
}

function folderOf({ run }: MemoKey): string {
  return join(run, "plans");
}

/** A file that a crash of the machine has cut or emptied: the end of an image is that of its notes, which are JSON. */
function isWhole(image: Buffer, size: number): boolean {
  return image.length === size && image[0] === PROTOCOL.magic.charCodeAt(0) && image.at(-1) === 0x7d;
}

/** A remembered program with the words of a new run; undefined when there is none, or anything has changed. */
export function recallPlan(key: MemoKey): RecalledPlan | undefined {
  const text = keyText(key);
  try {
    const file = readFileSync(join(folderOf(key), fileName(text)));
    const end = file.indexOf(10);
    const memo = JSON.parse(file.toString("utf8", 0, end)) as Memo;
    if (memo.key !== text || memo.facts !== hostFacts()) return undefined;
    if (memo.mounts !== undefined && memo.mounts !== mountTable()) return undefined;
    for (const [path, before] of memo.paths) if (signature(path) !== before) return undefined;
    const image = file.subarray(end + 1);
    if (!isWhole(image, memo.size)) return undefined;
    writeWords(image, memo.places, newRunWords());
    return { image, givenName: memo.givenName };
  } catch {
    return undefined; // none, or one that cannot be read: the run is planned
  }
}

/**
 * Only what depends on nothing but the host's facts and a few files is remembered: root without a user namespace, a
 * folder or the host as source, no devices, mounts, copies or users, no environment (it may be secret), no input that may be a terminal.
 */
export function isMemorable(options: RunOptions, uid: number): boolean {
  const { resources = {}, namespaces = {}, source } = options;
  const simple =
    uid === 0 &&
    !options.terminal &&
    !options.interactive &&
    options.env === undefined &&
    options.isolate === undefined &&
    options.user === undefined &&
    options.groupAdd === undefined &&
    options.devices === undefined &&
    options.blockIo === undefined &&
    options.uidMap === undefined &&
    options.gidMap === undefined &&
    options.mounts === undefined &&
    options.copies === undefined;
  if (!simple || resources.cpu?.cpus !== undefined || resources.cpu?.mems !== undefined) return false;
  if (namespaces.user === "private" || namespaces.network === "host") return false;
  return (
    source === "host" || (source !== "scratch" && statSync(source, { throwIfNoEntry: false })?.isDirectory() === true)
  );
}

/** Where names of users were looked up: the folder, and files that no link leads away from. */
function dependencies({ source }: RunOptions): (readonly [string, string])[] | undefined {
  const root = source === "host" ? "/" : realpathSync(source);
  const paths = [
    source === "host" ? "/" : source,
    root,
    join(root, "etc"),
    join(root, "etc/passwd"),
    join(root, "etc/group"),
  ];
  const signed = paths.map((path) => [path, signature(path)] as const);
  return signed.some(([, sign]) => sign.startsWith("other")) ? undefined : signed;
}

function placesOf(image: Buffer, word: string): number[] {
  const places: number[] = [];
  for (let at = image.indexOf(word); at >= 0; at = image.indexOf(word, at + 1)) places.push(at);
  return places;
}

/** The short id is the start of every id as well: those are the id's places. */
function findWords(image: Buffer, words: RunWords): Places {
  const id = placesOf(image, words.id);
  return {
    id,
    shortId: placesOf(image, shortId(words.id)).filter((at) => !id.includes(at)),
    name: placesOf(image, words.name),
    owner: placesOf(image, words.owner),
    created: placesOf(image, words.created),
  };
}

function writeWords(image: Buffer, places: Places, words: RunWords): void {
  const all = { ...words, shortId: shortId(words.id) };
  for (const word in places) for (const at of places[word as Word]) image.write(all[word as Word], at, "latin1");
}

/** Keeps the folder small: the oldest go. */
function makeRoom(folder: string): void {
  const names = readdirSync(folder);
  if (names.length < MAX_MEMOS) return;
  const aged = names.map((name) => ({
    name,
    age: lstatSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0,
  }));
  aged.sort((a, b) => a.age - b.age);
  for (const { name } of aged.slice(0, names.length - MAX_MEMOS / 2)) rmSync(join(folder, name), { force: true });
}

/**
 * Remembers the encoded program of a run. A memory is a gain, not a need: when it cannot be kept (a full disk), the run
 * goes on without.
 *
 * @param words those that the program was planned with
 */
export function rememberPlan(key: MemoKey, options: RunOptions, words: RunWords, image: Uint8Array): void {
  const paths = dependencies(options);
  if (paths === undefined) return;
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  const text = keyText(key);
  const places = findWords(bytes, words);
  const mounts = options.source === "host" ? mountTable() : undefined;
  const memo: Memo = {
    key: text,
    facts: hostFacts(),
    mounts,
    paths,
    places,
    size: bytes.length,
    givenName: options.name,
  };
  const folder = folderOf(key);
  const file = join(folder, fileName(text));
  const temporary = `${file}.${process.pid}`;
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    makeRoom(folder);
    writeFileSync(temporary, Buffer.concat([Buffer.from(`${JSON.stringify(memo)}\n`), bytes]), {
      mode: 0o600,
      flag: "wx",
    });
    renameSync(temporary, file);
  } catch {
    rmSync(temporary, { force: true });
  }
}
