/** Image archives around layers that are given as tar files. */
import { type EntryOptions, makeTar, sha256 } from "./make-archive.ts";

export interface LayerBytes {
  readonly tar: Uint8Array;
  /** As it is stored; the same as `tar` when it is not compressed. */
  readonly stored?: Uint8Array;
}

export interface ImageOptions {
  readonly layers: readonly LayerBytes[];
  readonly config?: object;
  readonly os?: string;
  readonly architecture?: string;
  readonly diffIds?: readonly string[];
}

function configOf({ layers, config = {}, os = "linux", architecture = "amd64", diffIds }: ImageOptions): Buffer {
  const ids = diffIds ?? layers.map(({ tar }) => sha256(tar));
  return Buffer.from(JSON.stringify({ os, architecture, config, rootfs: { type: "layers", diff_ids: ids } }));
}

function hex(bytes: Uint8Array): string {
  return sha256(bytes).slice("sha256:".length);
}

function file(name: string, body: string | Uint8Array): EntryOptions {
  return { name, body };
}

function blob(bytes: Uint8Array): EntryOptions {
  return file(`blobs/sha256/${hex(bytes)}`, bytes);
}

/** Docker before version 25: folders with layer.tar, the configuration and manifest.json at the end. */
export async function dockerSaveOld(image: ImageOptions): Promise<Buffer> {
  const config = configOf(image);
  const folders = image.layers.map((_, i) => String(i).padStart(64, "0"));
  const entries = image.layers.flatMap(({ tar, stored }, i) => [
    { name: `${folders[i]}/`, type: "directory" as const },
    file(`${folders[i]}/VERSION`, "1.0"),
    file(`${folders[i]}/json`, "{}"),
    file(`${folders[i]}/layer.tar`, stored ?? tar),
  ]);
  const manifest = [
    { Config: `${hex(config)}.json`, RepoTags: ["a:b"], Layers: folders.map((folder) => `${folder}/layer.tar`) },
  ];
  return makeTar([
    ...entries,
    file(`${hex(config)}.json`, config),
    file("manifest.json", JSON.stringify(manifest)),
    file("repositories", "{}"),
  ]);
}

interface Stored {
  readonly manifest: Buffer;
  readonly config: Buffer;
  readonly blobs: EntryOptions[];
  readonly descriptor: object;
}

function store(image: ImageOptions): Stored {
  const config = configOf(image);
  const layers = image.layers.map(({ tar, stored }) => Buffer.from(stored ?? tar));
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: { digest: sha256(config), size: config.length },
      layers: layers.map((bytes) => ({ digest: sha256(bytes), size: bytes.length })),
    }),
  );
  const platform = { os: image.os ?? "linux", architecture: image.architecture ?? "amd64" };
  const descriptor = { digest: sha256(manifest), size: manifest.length, platform };
  return { manifest, config, blobs: [blob(manifest), blob(config), ...layers.map(blob)], descriptor };
}

const LAYOUT = file("oci-layout", `{"imageLayoutVersion":"1.0.0"}`);

/** Docker since version 25: an OCI layout with manifest.json in it. */
export async function dockerSaveNew(image: ImageOptions): Promise<Buffer> {
  const { blobs, config, descriptor } = store(image);
  const manifest = [
    {
      Config: `blobs/sha256/${hex(config)}`,
      Layers: image.layers.map(({ tar, stored }) => `blobs/sha256/${hex(stored ?? tar)}`),
    },
  ];
  return makeTar([
    { name: "blobs/", type: "directory" },
    ...blobs,
    file("index.json", JSON.stringify({ schemaVersion: 2, manifests: [descriptor] })),
    file("manifest.json", JSON.stringify(manifest)),
    LAYOUT,
  ]);
}

export interface OciOptions {
  /** Around the manifests, one index of their own, as registries have it for several platforms. */
  readonly nested?: boolean;
  readonly tamper?: (entries: EntryOptions[]) => EntryOptions[];
}

export async function ociArchive(images: readonly ImageOptions[], options: OciOptions = {}): Promise<Buffer> {
  const stored = images.map(store);
  let manifests = stored.map(({ descriptor }) => descriptor);
  const blobs = stored.flatMap((image) => image.blobs);
  if (options.nested) {
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
    blobs.push(blob(index));
    manifests = [{ digest: sha256(index), size: index.length }];
  }
  const entries = [LAYOUT, file("index.json", JSON.stringify({ schemaVersion: 2, manifests })), ...blobs];
  return makeTar(options.tamper ? options.tamper(entries) : entries);
}
