/** What `docker save` and `podman save` write: `manifest.json`, a list of images with their configuration and layers. */
import { invalidArchive } from "./archive-errors.ts";
import type { ImageArchive } from "./image-archive.ts";
import { parseImageConfig } from "./image-config.ts";
import type { SelectedImage } from "./image-selection.ts";
import { optionalString, optionalStrings, parseJson } from "./json-document.ts";
import { describePlatform, fits, type Platform, wrongPlatform } from "./platform.ts";

const DOCUMENT = "manifest.json";

async function readImage(archive: ImageArchive, item: unknown): Promise<SelectedImage> {
  const path = optionalString(item, "Config", DOCUMENT);
  if (path === undefined) throw invalidArchive(`holds a ${DOCUMENT} with an image that has no configuration`);
  const { config, diffIds } = parseImageConfig(await archive.document(path));
  const members = optionalStrings(item, "Layers", DOCUMENT) ?? [];
  if (members.length !== diffIds.length)
    throw invalidArchive(
      `names ${members.length} layers in ${DOCUMENT} and ${diffIds.length} in the image's configuration`,
    );
  const layers = members.map((member, i) => ({ member, digest: undefined, diffId: diffIds[i] ?? "" }));
  return { config, layers };
}

/** The first image for the platform. */
export async function selectFromDockerSave(archive: ImageArchive, platform: Platform): Promise<SelectedImage> {
  const list = parseJson(await archive.document(DOCUMENT), DOCUMENT);
  if (!Array.isArray(list) || list.length === 0) throw invalidArchive(`holds a ${DOCUMENT} that lists no images`);
  const others: string[] = [];
  for (const item of list) {
    const image = await readImage(archive, item);
    if (fits(platform, image.config.os, image.config.architecture)) return image;
    others.push(describePlatform(image.config.os, image.config.architecture));
  }
  throw wrongPlatform(platform, others);
}
