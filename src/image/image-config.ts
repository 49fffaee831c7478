/** What an image says about how to run it: the OCI image specification's `config.json`, checked. Pure. */
import { invalidArchive } from "./archive-errors.ts";
import { parseDigest } from "./digest.ts";
import { field, optionalObject, optionalString, optionalStrings, parseJson } from "./json-document.ts";

/** Absent is `undefined` or empty, as a plain root file system has nothing to say. */
export interface ImageConfig {
  /** `NAME=value`, in order. */
  readonly env: readonly string[];
  readonly entrypoint: readonly string[] | undefined;
  readonly cmd: readonly string[] | undefined;
  readonly workingDir: string | undefined;
  /** `name|uid[:group|gid]`. */
  readonly user: string | undefined;
  /** `SIGTERM` or a number, as the image has it. */
  readonly stopSignal: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  /** `8080/tcp`. */
  readonly exposedPorts: readonly string[];
  /** Absolute paths in the image. */
  readonly volumes: readonly string[];
  readonly os: string | undefined;
  readonly architecture: string | undefined;
  readonly variant: string | undefined;
  readonly created: string | undefined;
}

export const EMPTY_CONFIG: ImageConfig = Object.freeze({
  env: [],
  entrypoint: undefined,
  cmd: undefined,
  workingDir: undefined,
  user: undefined,
  stopSignal: undefined,
  labels: {},
  exposedPorts: [],
  volumes: [],
  os: undefined,
  architecture: undefined,
  variant: undefined,
  created: undefined,
});

export interface ImageDescription {
  readonly config: ImageConfig;
  /** Digests of the uncompressed layers, the lowest first. */
  readonly diffIds: readonly string[];
}

const DOCUMENT = "image configuration";

/** Docker once wrote a command as one string. */
function command(config: unknown, name: string): readonly string[] | undefined {
  const found = field(config, name);
  return typeof found === "string" ? [found] : optionalStrings(config, name, DOCUMENT);
}

function labels(config: unknown): Readonly<Record<string, string>> {
  const entries = Object.entries(optionalObject(config, "Labels", DOCUMENT) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => typeof entry[1] === "string"));
}

function diffIds(document: unknown): readonly string[] {
  const ids = optionalStrings(field(document, "rootfs"), "diff_ids", DOCUMENT) ?? [];
  for (const id of ids)
    if (parseDigest(id) === undefined) throw invalidArchive(`holds an ${DOCUMENT} with a diff_id that is no digest`);
  return ids;
}

/** @throws SampanError ARCHIVE_INVALID */
export function parseImageConfig(bytes: Buffer): ImageDescription {
  const document = parseJson(bytes, DOCUMENT);
  const config = optionalObject(document, "config", DOCUMENT);
  return {
    config: {
      env: optionalStrings(config, "Env", DOCUMENT) ?? [],
      entrypoint: command(config, "Entrypoint"),
      cmd: command(config, "Cmd"),
      workingDir: optionalString(config, "WorkingDir", DOCUMENT),
      user: optionalString(config, "User", DOCUMENT),
      stopSignal: optionalString(config, "StopSignal", DOCUMENT),
      labels: labels(config),
      exposedPorts: Object.keys(optionalObject(config, "ExposedPorts", DOCUMENT) ?? {}),
      volumes: Object.keys(optionalObject(config, "Volumes", DOCUMENT) ?? {}),
      os: optionalString(document, "os", DOCUMENT),
      architecture: optionalString(document, "architecture", DOCUMENT),
      variant: optionalString(document, "variant", DOCUMENT),
      created: optionalString(document, "created", DOCUMENT),
    },
    diffIds: diffIds(document),
  };
}
