/** The cache: instant the second time, and unharmed by processes that die or that do the same at once. */
import { expect, test } from "bun:test";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { makeTar } from "./make-archive.ts";
import { dockerSaveNew } from "./make-image.ts";
import { failureOf, Workshop } from "./workshop.ts";

const etc = { name: "etc/", type: "directory" } as const;
const small = await makeTar([etc, { name: "etc/f", body: "x" }]);

async function manyFiles(count: number): Promise<Buffer> {
  return makeTar([
    etc,
    ...Array.from({ length: count }, (_, i) => ({ name: `etc/${i % 50}/${i}`, body: `file ${i}` })),
  ]);
}

function runOpener(w: Workshop, path: string): ChildProcess {
  const script = join(import.meta.dirname, "open-in-process.ts");
  return spawn(process.execPath, [script, path, w.cacheDir], { stdio: ["ignore", "pipe", "inherit"] });
}

async function output(child: ChildProcess): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of child.stdout ?? []) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).toString();
}

test("the second time nothing is unpacked", async () => {
  using w = new Workshop();
  const path = w.write("archive", small);
  const first = await w.open(path);
  writeFileSync(join(first.rootfs, "mark"), "");
  const second = await w.open(path);
  expect(second).toEqual(first);
  expect(existsSync(join(second.rootfs, "mark"))).toBe(true);
});

test("the same image under another name is found by its digest", async () => {
  using w = new Workshop();
  const path = w.write("archive", await dockerSaveNew({ layers: [{ tar: small }] }));
  const first = await w.open(path);
  writeFileSync(join(first.rootfs, "mark"), "");
  copyFileSync(path, join(w.folder, "copy"));
  const second = await w.open(join(w.folder, "copy"));
  expect(second).toEqual(first);
  expect(existsSync(join(second.rootfs, "mark"))).toBe(true);
});

test("the same root file system under another name leads to the same folder", async () => {
  using w = new Workshop();
  const first = await w.openBytes(small);
  expect(await w.open(w.write("copy", small))).toEqual(first);
  expect(w.partials()).toEqual([]);
});

test("a changed file of the same size and time is not taken for the old one", async () => {
  using w = new Workshop();
  const path = w.write("archive", small);
  const time = new Date("2024-01-01");
  utimesSync(path, time, time);
  const first = await w.open(path);
  writeFileSync(path, await makeTar([etc, { name: "etc/f", body: "y" }]));
  utimesSync(path, time, time);
  const second = await w.open(path);
  expect(second.digest).not.toBe(first.digest);
  expect(readFileSync(join(second.rootfs, "etc/f"), "utf8")).toBe("y");
});

test("a record that a crash has emptied is made anew", async () => {
  using w = new Workshop();
  const path = w.write("archive", small);
  const { rootfs } = await w.open(path);
  writeFileSync(join(rootfs, "../image.json"), "");
  expect((await w.open(path)).rootfs).toBe(rootfs);
  expect(readFileSync(join(rootfs, "etc/f"), "utf8")).toBe("x");
});

test("a process that is killed leaves nothing that the next call does not remove", async () => {
  using w = new Workshop();
  const path = w.write("archive", gzipSync(await manyFiles(20_000), { level: 1 }));
  for (let attempt = 0; attempt < 4; attempt++) {
    const child = runOpener(w, path);
    while (child.exitCode === null && !hasPartial(w)) await delay(2);
    await delay(attempt * 60);
    child.kill("SIGKILL");
    await once(child, "exit");
  }
  const { rootfs } = await w.open(path);
  expect(readdirSync(join(rootfs, "etc")).length).toBe(50);
  expect(readdirSync(join(rootfs, "etc/7")).length).toBe(400);
  expect(w.partials()).toEqual([]);
}, 60_000);

function hasPartial(w: Workshop): boolean {
  const folder = join(w.cacheDir, "partial");
  return existsSync(folder) && readdirSync(folder).length > 0;
}

test("several processes at once unpack one archive to one folder", async () => {
  using w = new Workshop();
  const path = w.write("archive", await manyFiles(2000));
  const outputs = await Promise.all(Array.from({ length: 4 }, () => output(runOpener(w, path))));
  const own = await Promise.all([w.open(path), w.open(path), w.open(path)]);
  expect(new Set([...outputs, ...own.map(({ rootfs }) => rootfs)]).size).toBe(1);
  expect(w.partials()).toEqual([]);
}, 60_000);

test("calls at once in one process do no harm", async () => {
  using w = new Workshop();
  const path = w.write("archive", await manyFiles(500));
  const images = await Promise.all(Array.from({ length: 6 }, () => w.open(path)));
  expect(new Set(images.map(({ rootfs }) => rootfs)).size).toBe(1);
  expect(w.partials()).toEqual([]);
});

const boot = readFileSync("/proc/sys/kernel/random/boot_id", "latin1").slice(0, 8);

function partialOf(w: Workshop, name: string): string {
  const path = join(w.cacheDir, "partial", name);
  mkdirSync(join(path, "rootfs/sub"), { recursive: true });
  writeFileSync(join(path, "rootfs/sub/f"), "");
  return path;
}

test("folders of the dead go; those of the living, of the unseen and of strangers stay", async () => {
  using w = new Workshop();
  await w.openBytes(small);
  const [stat, namespace] = [
    readFileSync("/proc/self/stat", "latin1"),
    (await import("node:fs")).readlinkSync("/proc/self/ns/pid").replace(/\D/g, ""),
  ];
  const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  const living = partialOf(w, `${boot}.${namespace}.${process.pid}.${start}.00`);
  const reused = partialOf(w, `${boot}.${namespace}.${process.pid}.1.00`);
  const dead = partialOf(w, `${boot}.${namespace}.4194399.1.00`);
  const lastBoot = partialOf(w, `00000000.${namespace}.${process.pid}.${start}.00`);
  const unseen = partialOf(w, `${boot}.1.${process.pid}.1.00`);
  const unseenOld = partialOf(w, `${boot}.1.${process.pid}.1.01`);
  utimesSync(unseenOld, 1, 1);
  const stranger = partialOf(w, "somebody's");
  chmodSync(join(dead, "rootfs/sub"), 0);
  await w.openBytes(small);
  expect([living, reused, dead, lastBoot, unseen, unseenOld, stranger].map((path) => existsSync(path))).toEqual([
    true,
    false,
    false,
    false,
    true,
    false,
    true,
  ]);
});

test("an abort stops the work and removes what was done", async () => {
  using w = new Workshop();
  const path = w.write("archive", gzipSync(await manyFiles(20_000), { level: 1 }));
  const controller = new AbortController();
  const opening = failureOf(w.open(path, { signal: controller.signal }));
  while (!hasPartial(w)) await delay(1);
  controller.abort();
  expect((await opening).code).toBe("ABORTED");
  expect(w.partials()).toEqual([]);
  expect((await failureOf(w.open(path, { signal: AbortSignal.abort() }))).code).toBe("ABORTED");
}, 30_000);

test("an archive that is written to while it is read is refused", async () => {
  using w = new Workshop();
  const path = w.write("archive", await manyFiles(20_000));
  const opening = failureOf(w.open(path));
  while (!hasPartial(w)) await delay(1);
  writeFileSync(path, "x", { flag: "a" });
  const error = await opening;
  expect([error.code, error.message]).toEqual(["ABORTED", `${path} was changed while it was read`]);
  expect(w.partials()).toEqual([]);
}, 30_000);

test("a cache that cannot be made is an error with the path", async () => {
  using w = new Workshop();
  w.write("file", small);
  const error = await failureOf(w.openBytes(small, { cacheDir: join(w.folder, "file/cache") }));
  expect([error.code, error.details.errno]).toEqual(["SYSTEM_CALL", "ENOTDIR"]);
  rmSync(w.outside, { recursive: true });
});
