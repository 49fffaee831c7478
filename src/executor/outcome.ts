import { SampanError } from "../errors/index.ts";
import { errnoName } from "../kernel/index.ts";
import { bufferOffsets, dataSection, decode, type Program, RESULT_MAGIC } from "../program/index.ts";

/** A step that failed: its number and the kernel's word for it. */
export interface Failure {
  readonly step: number;
  readonly errno: string;
  /** Wait status of a helper program; 0 otherwise. */
  readonly detail: number;
}

/** What an executor says about a run. */
export interface Outcome {
  /** The step that could not be performed; the command then never ran, or the executor could not watch it. */
  readonly failure?: Failure;
  /** A step of the final parts that failed: something may have been left behind. */
  readonly cleanup?: Failure;
  /** 0 to 255; 128 + n when ended by signal n; 125 after a failure. */
  readonly exitCode: number;
  /** The signal that ended the command. */
  readonly signal?: number;
  readonly wallTimeNs: bigint;
  readonly userTimeUs: number;
  readonly systemTimeUs: number;
  /** Largest resident set of one process, in bytes (getrusage(2)). */
  readonly maxRssBytes: number;
  /** The program's buffers by name, as its first process left them. */
  readonly buffers: Readonly<Record<string, Uint8Array>>;
}

export const RESULT_SIZE = 80;

function statusOf(waitStatus: number): { exitCode: number; signal?: number } {
  const signal = waitStatus & 0x7f;
  return signal === 0 ? { exitCode: (waitStatus >> 8) & 0xff } : { exitCode: 128 + signal, signal };
}

function failureAt(view: DataView, at: number, detail: number): Failure | undefined {
  const step = view.getInt32(at, true);
  return step < 0 ? undefined : { step, errno: errnoName(view.getInt32(at + 4, true)), detail };
}

/**
 * Decodes an executor's result: the record of `RESULT_LAYOUT`, and the data section behind it.
 *
 * @throws SampanError INTERNAL when the bytes are not a result
 */
export function decodeOutcome(
  bytes: Uint8Array,
  buffers: readonly { readonly name: string; readonly size: number }[],
): Outcome {
  const magic = new TextDecoder("latin1").decode(bytes.subarray(0, 8));
  if (bytes.length < RESULT_SIZE || magic !== RESULT_MAGIC) {
    throw new SampanError("INTERNAL", "the executor ended without a result", {
      hint: "It may have been killed; nothing of the container runs any more.",
    });
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const failure = failureAt(view, 8, view.getInt32(16, true));
  const cleanup = failureAt(view, 20, 0);
  const data = bytes.subarray(RESULT_SIZE);
  const offsets = bufferOffsets(buffers);
  const named = buffers.map(({ name, size }, i) => {
    const offset = offsets[i] ?? 0;
    return [name, data.subarray(offset, offset + size)] as const;
  });
  return {
    ...(failure ? { failure } : {}),
    ...(cleanup ? { cleanup } : {}),
    ...(failure ? { exitCode: 125 } : statusOf(view.getInt32(28, true))),
    wallTimeNs: view.getBigUint64(48, true) - view.getBigUint64(40, true),
    userTimeUs: Number(view.getBigUint64(56, true)),
    systemTimeUs: Number(view.getBigUint64(64, true)),
    maxRssBytes: Number(view.getBigUint64(72, true)) * 1024,
    buffers: Object.fromEntries(named),
  };
}

/**
 * Decodes what the executor hands to its reporter: the record, and the program with its data as it was at the end.
 *
 * @throws SampanError INTERNAL or PROGRAM_INVALID when the bytes are something else
 */
export function decodeReport(bytes: Uint8Array): { readonly program: Program; readonly outcome: Outcome } {
  const image = bytes.subarray(RESULT_SIZE);
  const program = decode(image);
  const result = new Uint8Array(RESULT_SIZE + image.length);
  result.set(bytes.subarray(0, RESULT_SIZE));
  result.set(dataSection(image), RESULT_SIZE);
  return { program, outcome: decodeOutcome(result, program.buffers) };
}
