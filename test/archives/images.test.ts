/** Images in all the archives that engines write: layers, whiteouts, platforms, digests. */
import { expect, test } from "bun:test";
import { lstatSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { sniff } from "../../src/image/index.ts";
import { type EntryOptions, makeTar, sha256 } from "./make-archive.ts";
import { dockerSaveNew, dockerSaveOld, type ImageOptions, type LayerBytes, ociArchive } from "./make-image.ts";
import { describeTree } from "./tree.ts";
import { failureOf, Workshop } from "./workshop.ts";

const file = (name: string, body = name): EntryOptions => ({ name, body });
const folder = (name: string, mode = 0o755): EntryOptions => ({ name, type: "directory", mode });

const LOWER = [
  folder("etc/"),
  file("etc/passwd", "root"),
  file("etc/gone"),
  folder("opt/", 0o700),
  file("opt/old"),
  file("opt/sub/older"),
  folder("becomes-file/"),
  file("becomes-file/x"),
  file("becomes-folder"),
  file("shared", "lower"),
];
const UPPER = [
  file("etc/.wh.gone", ""),
  file("etc/passwd", "root and more"),
  folder("opt/", 0o711),
  file("opt/sub/newer"),
  file("opt/.wh..wh..opq", ""),
  file("opt/new"),
  file("becomes-file", "now a file"),
  folder("becomes-folder/"),
  file("becomes-folder/y"),
  { name: "linked", type: "link", linkname: "shared" } as const,
];

const FILES = ["becomes-file", "becomes-folder/y", "etc/passwd", "linked", "opt/new", "opt/sub/newer", "shared"];

function files(rootfs: string): string[] {
  return readdirSync(rootfs, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(rootfs.length + 1))
    .sort();
}

async function twoLayers(store: (tar: Buffer) => Uint8Array = (tar) => tar): Promise<LayerBytes[]> {
  const tars = await Promise.all([makeTar(LOWER), makeTar(UPPER)]);
  return tars.map((tar) => ({ tar, stored: store(tar) }));
}

/** One frame per kilobyte, as zstd:chunked has one per file, and a skippable frame at the end. */
function chunkedZstd(tar: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at < tar.length; at += 1024) frames.push(zstdCompressSync(tar.subarray(at, at + 1024)));
  return Buffer.concat([...frames, Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3])]);
}

const STORED: readonly (readonly [string, (tar: Buffer) => Uint8Array])[] = [
  ["plain", (tar) => tar],
  ["gzip", (tar) => gzipSync(tar)],
  ["gzip in several members", (tar) => Buffer.concat([gzipSync(tar.subarray(0, 700)), gzipSync(tar.subarray(700))])],
  ["zstd", (tar) => zstdCompressSync(tar)],
  ["zstd in many frames", chunkedZstd],
];
const LAYOUTS: readonly (readonly [string, string, (image: ImageOptions) => Promise<Buffer>])[] = [
  ["old docker save", "docker-save", dockerSaveOld],
  ["new docker save", "docker-save", dockerSaveNew],
  ["OCI", "oci-archive", (image) => ociArchive([image])],
  ["OCI with a nested index", "oci-archive", (image) => ociArchive([image], { nested: true })],
];

for (const [layout, kind, build] of LAYOUTS)
  for (const [compression, store] of STORED)
    for (const outer of ["plain", "gzip"])
      test(`${layout}, layers ${compression}, in a ${outer} archive: lower, upper, whiteouts`, async () => {
        using w = new Workshop();
        const config = {
          Env: ["A=b"],
          Cmd: ["sh"],
          Entrypoint: ["/init"],
          WorkingDir: "/opt",
          User: "1:2",
          StopSignal: "SIGINT",
          Labels: { l: "v" },
          ExposedPorts: { "80/tcp": {} },
          Volumes: { "/data": {} },
        };
        const bytes = await build({ layers: await twoLayers(store), config });
        const path = w.write("archive", outer === "gzip" ? gzipSync(bytes) : bytes);
        const image = await w.open(path);
        expect(await sniff(path)).toBe(kind as "docker-save");
        expect(image.kind).toBe(kind as "docker-save");
        expect(image.digest).toBe(sha256(readFileSync(path)));
        expect(files(image.rootfs)).toEqual(FILES);
        expect(readFileSync(join(image.rootfs, "etc/passwd"), "utf8")).toBe("root and more");
        expect(statSync(join(image.rootfs, "linked")).ino).toBe(statSync(join(image.rootfs, "shared")).ino);
        expect(statSync(join(image.rootfs, "opt")).mode & 0o777).toBe(0o711);
        expect(image.config).toEqual({
          env: ["A=b"],
          cmd: ["sh"],
          entrypoint: ["/init"],
          workingDir: "/opt",
          user: "1:2",
          stopSignal: "SIGINT",
          labels: { l: "v" },
          exposedPorts: ["80/tcp"],
          volumes: ["/data"],
          os: "linux",
          architecture: "amd64",
          variant: undefined,
          created: undefined,
        });
      });

test("a whiteout hides what is below and not what its own layer has, in either order", async () => {
  using w = new Workshop();
  const lower = await makeTar([file("a"), file("b"), file("d/old"), file("e/old")]);
  const upper = await makeTar([
    file(".wh.a", ""),
    file("a", "new"),
    file("b", "new"),
    file(".wh.b", ""),
    file("d/new"),
    file(".wh.d", ""),
    file(".wh.e", ""),
  ]);
  const third = await makeTar([file("d/.wh.new", ""), file("d/last")]);
  const layers = [lower, upper, third].map((tar) => ({ tar }));
  const { rootfs } = await w.openBytes(await dockerSaveNew({ layers }));
  expect(files(rootfs)).toEqual(["a", "b", "d/last"]);
  expect(readFileSync(join(rootfs, "b"), "utf8")).toBe("new");
});

test("a symlink of a lower layer is not followed by an upper one", async () => {
  using w = new Workshop();
  const before = w.surroundings();
  const lower = await makeTar([{ name: "door", type: "symlink", linkname: w.outside }]);
  const upper = await makeTar([file("door/secret")]);
  const error = await failureOf(w.openBytes(await dockerSaveNew({ layers: [{ tar: lower }, { tar: upper }] })));
  expect([error.code, error.message]).toEqual([
    "ARCHIVE_HOSTILE",
    `the archive's entry "door/secret" leads through the symbolic link 'door'`,
  ]);
  expect(w.surroundings()).toEqual(before);
});

test("an upper layer's folder replaces a lower layer's symlink", async () => {
  using w = new Workshop();
  const lower = await makeTar([{ name: "door", type: "symlink", linkname: w.outside }]);
  const upper = await makeTar([folder("door/"), file("door/secret")]);
  const { rootfs } = await w.openBytes(await dockerSaveNew({ layers: [{ tar: lower }, { tar: upper }] }));
  expect(lstatSync(join(rootfs, "door")).isDirectory()).toBe(true);
});

test("of several platforms the asked one is taken, by Node's names as well", async () => {
  using w = new Workshop();
  const amd = { layers: [{ tar: await makeTar([file("amd")]) }] };
  const arm = { layers: [{ tar: await makeTar([file("arm")]) }], architecture: "arm64" };
  const path = w.write("archive", await ociArchive([amd, arm], { nested: true }));
  for (const [architecture, found] of [
    ["amd64", "amd"],
    ["x64", "amd"],
    ["arm64", "arm"],
    ["aarch64", "arm"],
  ] as const)
    expect(files((await w.open(path, { platform: { os: "linux", architecture } })).rootfs)).toEqual([found]);
  const error = await failureOf(w.open(path, { platform: { os: "linux", architecture: "riscv64" } }));
  expect([error.code, error.message, error.hint]).toEqual([
    "WRONG_ARCHITECTURE",
    "the archive has no image for linux/riscv64",
    "It has: linux/amd64, linux/arm64.",
  ]);
});

test("layers that are symlinks to other layers are found (Podman, old Docker)", async () => {
  using w = new Workshop();
  const tar = await makeTar([file("f")]);
  const config = Buffer.from(
    JSON.stringify({ os: "linux", architecture: "amd64", rootfs: { diff_ids: [sha256(tar), sha256(tar)] } }),
  );
  const bytes = await makeTar([
    { name: "one.tar", body: tar },
    { name: "1/layer.tar", type: "symlink", linkname: "../one.tar" },
    { name: "2/layer.tar", type: "link", linkname: "one.tar" },
    { name: "config.json", body: config },
    file("manifest.json", JSON.stringify([{ Config: "config.json", Layers: ["1/layer.tar", "2/layer.tar"] }])),
  ]);
  expect(files((await w.openBytes(bytes)).rootfs)).toEqual(["f"]);
});

test("an image without layers is an empty root file system", async () => {
  using w = new Workshop();
  expect(describeTree((await w.openBytes(await ociArchive([{ layers: [] }]))).rootfs)).toEqual([]);
});

test("a root file system with files named like those of an image is a root file system", async () => {
  using w = new Workshop();
  const tar = await makeTar([file("manifest.json", "{}"), file("index.json", "{}"), file("app")]);
  const image = await w.openBytes(tar);
  expect([image.kind, files(image.rootfs).length]).toEqual(["rootfs-tar", 3]);
  const zipped = await w.openBytes(gzipSync(tar));
  expect(files(zipped.rootfs)).toEqual(files(image.rootfs));
});

interface Damage {
  readonly title: string;
  readonly build: () => Promise<Buffer>;
  readonly message: string | RegExp;
  readonly code?: string;
}

const other = Buffer.from("something else");

async function oneLayer(): Promise<ImageOptions> {
  return { layers: [{ tar: await makeTar([file("f")]) }] };
}

function replaceBody(match: (entry: EntryOptions) => boolean, body: string | Uint8Array) {
  return (entries: EntryOptions[]) => entries.map((entry) => (match(entry) ? { ...entry, body } : entry));
}

const isBlob = (n: number) => {
  let seen = 0;
  return (entry: EntryOptions) => entry.name.startsWith("blobs/") && seen++ === n;
};

const DAMAGED: readonly Damage[] = [
  {
    title: "a manifest that is another",
    build: async () => ociArchive([await oneLayer()], { tamper: replaceBody(isBlob(0), "{}") }),
    message:
      /^the archive holds a damaged blobs\/sha256\/[0-9a-f]{64}: its digest is sha256:[0-9a-f]{64} and should be sha256:[0-9a-f]{64}$/,
  },
  {
    title: "a configuration that is another",
    build: async () => ociArchive([await oneLayer()], { tamper: replaceBody(isBlob(1), "{}") }),
    message: /^the archive holds a damaged blobs\/sha256/,
  },
  {
    title: "a layer that is another",
    build: async () =>
      ociArchive([await oneLayer()], { tamper: replaceBody(isBlob(2), await makeTar([file("evil")])) }),
    message: /^the archive holds a damaged layer with diff_id sha256:/,
  },
  {
    title: "a compressed layer that is another",
    build: async () => {
      const tar = await makeTar([file("f")]);
      return ociArchive([{ layers: [{ tar, stored: gzipSync(tar) }] }], {
        tamper: replaceBody(isBlob(2), gzipSync(tar, { level: 1 })),
      });
    },
    message: /^the archive holds a damaged layer sha256:/,
  },
  {
    title: "a layer that does not have its diff_id",
    build: async () => dockerSaveOld({ ...(await oneLayer()), diffIds: [sha256(other)] }),
    message: `the archive holds a damaged layer with diff_id ${sha256(other)}: its digest is ${sha256(await makeTar([file("f")]))} and should be ${sha256(other)}`,
  },
  {
    title: "a layer in zstd that was cut off",
    build: async () => {
      const tar = await makeTar([{ name: "f", body: Buffer.alloc(300_000, "ab") }]);
      return dockerSaveOld({ layers: [{ tar, stored: zstdCompressSync(tar).subarray(0, -5) }] });
    },
    message: "the archive ends in the middle of its zstd data",
  },
  {
    title: "fewer diff_ids than layers",
    build: async () => dockerSaveOld({ ...(await oneLayer()), diffIds: [] }),
    message: "the archive names 1 layers in manifest.json and 0 in the image's configuration",
  },
  {
    title: "a manifest.json that names files outside",
    build: () => makeTar([file("manifest.json", `[{"Config":"../../outside/secret","Layers":[]}]`)]),
    message: `the archive does not hold "../../outside/secret", which its manifest names`,
  },
  {
    title: "a configuration by a link that leads in circles",
    build: () =>
      makeTar([
        { name: "a", type: "symlink", linkname: "b" },
        { name: "b", type: "symlink", linkname: "a" },
        file("manifest.json", `[{"Config":"a","Layers":[]}]`),
      ]),
    message: `the archive does not hold "a", which its manifest names`,
  },
  {
    title: "a digest that is a path",
    build: () =>
      makeTar([
        file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`),
        file("index.json", `{"manifests":[{"digest":"sha256:../../../outside/secret"}]}`),
      ]),
    message: "the archive names a manifest without a digest that is known",
  },
  {
    title: "a layout of another version",
    build: () => makeTar([file("oci-layout", `{"imageLayoutVersion":"7.0"}`), file("index.json", "{}")]),
    message: "the archive is an OCI image layout of version 7.0, and only version 1 is supported",
  },
  {
    title: "an index that is nested without end in itself",
    build: () => makeTar([file("manifest.json", `[${"[".repeat(100_000)}`)]),
    message: "the archive is damaged: its manifest.json is not JSON",
  },
  {
    title: "an environment that is no list",
    build: async () => ociArchive([{ ...(await oneLayer()), config: { Env: "A=b" } }]),
    message: "the archive is damaged: 'Env' in its image configuration is not a list of strings",
  },
  {
    title: "a manifest.json of 9 MiB",
    build: () => makeTar([{ name: "manifest.json", body: Buffer.alloc(9 * 2 ** 20, "[") }]),
    message: `the archive has a "manifest.json" of more than 8388608 bytes`,
    code: "ARCHIVE_HOSTILE",
  },
];

for (const { title, build, message, code = "ARCHIVE_INVALID" } of DAMAGED)
  test(`refuses an image with ${title}`, async () => {
    using w = new Workshop();
    const before = w.surroundings();
    const error = await failureOf(w.openBytes(await build()));
    expect(error.code).toBe(code as "ARCHIVE_INVALID");
    expect(error.message).toMatch(message);
    expect(w.surroundings()).toEqual(before);
    expect(w.partials()).toEqual([]);
  });
