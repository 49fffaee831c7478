import type { LayerReference } from "./image-archive.ts";
import type { ImageConfig } from "./image-config.ts";

/** The one image of an archive that is to be unpacked. */
export interface SelectedImage {
  readonly config: ImageConfig;
  /** The lowest first. */
  readonly layers: readonly LayerReference[];
}
