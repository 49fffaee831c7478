/** An OCI image layout in an archive: `index.json` leads to manifests, and these to a configuration and layers. */
import { invalidArchive } from "./archive-errors.ts";
import { blobPath, type ImageArchive, type LayerReference } from "./image-archive.ts";
import { parseImageConfig } from "./image-config.ts";
import type { SelectedImage } from "./image-selection.ts";
import { field, optionalList, optionalObject, optionalString, parseJson } from "./json-document.ts";
import { describePlatform, fits, type Platform, wrongPlatform } from "./platform.ts";

/** An index may hold indexes; engines nest one level. */
const MAX_DEPTH = 4;
const MAX_MANIFESTS = 1000;

interface Search {
  readonly archive: ImageArchive;
  readonly platform: Platform;
  /** Platforms that were seen and do not fit, for the error. */
  readonly others: string[];
  manifests: number;
}

function blobOf(descriptor: unknown, what: string): string {
  const path = blobPath(field(descriptor, "digest"));
  if (path === undefined) throw invalidArchive(`names ${what} without a digest that is known`);
  return path;
}

/** BuildKit's attestations are listed as images for `unknown/unknown`. */
function mayFit(search: Search, descriptor: unknown): boolean {
  const platform = optionalObject(descriptor, "platform", "index");
  if (platform === undefined) return true;
  const os = optionalString(platform, "os", "index");
  const architecture = optionalString(platform, "architecture", "index");
  if (fits(search.platform, os, architecture)) return true;
  if (os !== "unknown") search.others.push(describePlatform(os, architecture));
  return false;
}

function layersOf(manifest: unknown, diffIds: readonly string[]): LayerReference[] {
  const descriptors = optionalList(manifest, "layers", "manifest") ?? [];
  if (descriptors.length !== diffIds.length)
    throw invalidArchive(
      `names ${descriptors.length} layers in the manifest and ${diffIds.length} in the image's configuration`,
    );
  return descriptors.map((descriptor, i) => ({
    member: blobOf(descriptor, "a layer"),
    digest: optionalString(descriptor, "digest", "manifest"),
    diffId: diffIds[i] ?? "",
  }));
}

async function readManifest(search: Search, manifest: unknown): Promise<SelectedImage | undefined> {
  const bytes = await search.archive.document(blobOf(field(manifest, "config"), "a configuration"));
  const { config, diffIds } = parseImageConfig(bytes);
  if (fits(search.platform, config.os, config.architecture)) return { config, layers: layersOf(manifest, diffIds) };
  search.others.push(describePlatform(config.os, config.architecture));
  return undefined;
}

async function searchIndex(search: Search, index: unknown, depth: number): Promise<SelectedImage | undefined> {
  for (const descriptor of optionalList(index, "manifests", "index") ?? []) {
    if (!mayFit(search, descriptor)) continue;
    search.manifests += 1;
    if (search.manifests > MAX_MANIFESTS || depth > MAX_DEPTH) throw invalidArchive("holds an index that has no end");
    const path = blobOf(descriptor, "a manifest");
    const document = parseJson(await search.archive.document(path), "manifest");
    const nested = optionalList(document, "manifests", "index") !== undefined;
    const found = nested ? await searchIndex(search, document, depth + 1) : await readManifest(search, document);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The first image for the platform, in the order of the index. */
export async function selectFromOciLayout(archive: ImageArchive, platform: Platform): Promise<SelectedImage> {
  const layout = parseJson(await archive.document("oci-layout"), "oci-layout");
  const version = optionalString(layout, "imageLayoutVersion", "oci-layout");
  if (version === undefined || !version.startsWith("1."))
    throw invalidArchive(`is an OCI image layout of version ${version ?? "(none)"}, and only version 1 is supported`);
  const index = parseJson(await archive.document("index.json"), "index.json");
  const search: Search = { archive, platform, others: [], manifests: 0 };
  const found = await searchIndex(search, index, 0);
  if (found === undefined) throw wrongPlatform(platform, search.others);
  return found;
}
