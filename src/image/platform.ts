import { SampanError } from "../errors/index.ts";

/** In the words of the OCI image specification (Go's GOOS and GOARCH): `linux`, `amd64`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
}

/** Other names of the same machines: Node's, uname(2)'s. */
const ALIASES: Readonly<Record<string, string>> = { x64: "amd64", x86_64: "amd64", aarch64: "arm64", ia32: "386" };

export function normalPlatform({ os, architecture }: Platform): Platform {
  return { os: os.toLowerCase(), architecture: ALIASES[architecture] ?? architecture.toLowerCase() };
}

/** What an image leaves open fits everything. */
export function fits(wanted: Platform, os: string | undefined, architecture: string | undefined): boolean {
  const normal = normalPlatform(wanted);
  const found = normalPlatform({ os: os ?? normal.os, architecture: architecture ?? normal.architecture });
  return found.os === normal.os && found.architecture === normal.architecture;
}

export function describePlatform(os: string | undefined, architecture: string | undefined): string {
  return `${os ?? "any"}/${architecture ?? "any"}`;
}

export function wrongPlatform(wanted: Platform, found: readonly string[]): SampanError {
  const { os, architecture } = normalPlatform(wanted);
  const shown = [...new Set(found)].slice(0, 20).join(", ");
  return new SampanError("WRONG_ARCHITECTURE", `the archive has no image for ${os}/${architecture}`, {
    operation: "unpack",
    object: `${os}/${architecture}`,
    hint: shown === "" ? undefined : `It has: ${shown}.`,
  });
}
