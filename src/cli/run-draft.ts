import type { BlockIoOption, RunOptions } from "../engine/index.ts";
import type { CpuResources, MemoryResources } from "../oci/index.ts";

/** How the run shows itself; nothing of it reaches the container. */
export interface RunOutput {
  readonly explain?: "text" | "json";
  readonly dryRun: boolean;
  readonly report?: "text" | "json";
}

type Mutable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/** A `run` while its options are being read. */
export interface RunDraft {
  readonly options: Mutable<Omit<RunOptions, "source" | "command" | "env">>;
  readonly output: Mutable<RunOutput>;
  /** `--env-file` comes before `--env` in whatever order they were written, as Docker has it. */
  readonly envFromFiles: string[];
  readonly env: string[];
}

export function emptyRunDraft(): RunDraft {
  return { options: {}, output: { dryRun: false }, envFromFiles: [], env: [] };
}

export function append<Item>(list: readonly Item[] | undefined, ...items: readonly Item[]): readonly Item[] {
  return [...(list ?? []), ...items];
}

/** A copy with the key set, or without it: `-m 0` takes an earlier `-m` back. */
function withKey<Value extends object>(record: Value | undefined, key: keyof Value, value: unknown): Value {
  const { [key]: _, ...rest } = { ...record } as Value;
  return (value === undefined ? rest : { ...rest, [key]: value }) as Value;
}

export function setMemory<Key extends keyof MemoryResources>(
  { options }: RunDraft,
  key: Key,
  value: MemoryResources[Key] | undefined,
): void {
  options.resources = { ...options.resources, memory: withKey(options.resources?.memory, key, value) };
}

export function setCpu<Key extends keyof CpuResources>(
  { options }: RunDraft,
  key: Key,
  value: CpuResources[Key] | undefined,
): void {
  options.resources = { ...options.resources, cpu: withKey(options.resources?.cpu, key, value) };
}

export function setBlockIo<Key extends keyof BlockIoOption>(
  { options }: RunDraft,
  key: Key,
  value: BlockIoOption[Key] | undefined,
): void {
  options.blockIo = withKey(options.blockIo, key, value);
}
