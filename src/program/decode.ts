import { SampanError } from "../errors/index.ts";
import { ERRNO, type ErrnoName, SYSCALL_NUMBERS } from "../kernel/index.ts";
import { decodeNotes, Malformed, type Notes } from "./decode-notes.ts";
import { HEADER_SIZE, OP_SIZE } from "./encode.ts";
import { checkImage, FILL_WIDTHS, type Layout, layoutOf, OP_AT, operationName, type Wrong } from "./image-check.ts";
import type {
  Argument,
  Buffer,
  Bytes,
  Fill,
  Load,
  Operation,
  Program,
  Register,
  Reporter,
  Text,
  Vector,
} from "./program.ts";
import {
  ARCHITECTURES,
  ARGUMENT_KINDS,
  type Architecture,
  CONDITIONS,
  CONTROL_OPERATIONS,
  type ControlName,
  FILL_KINDS,
  type FillKind,
  OPERATION_FLAGS,
  PROTOCOL,
  REPORT_WHEN,
} from "./protocol.ts";
import { type ArgumentType, type CallName, SIGNATURES } from "./signatures.ts";

/** A fill of the step being decoded; it belongs to one argument or is a load. */
interface FoundFill {
  readonly at: number;
  readonly register: Register;
  readonly as: FillKind;
  used: boolean;
}

interface PlacedBuffer {
  readonly buffer: Buffer;
  readonly at: number;
}

/** Their pointers may be plain numbers, where zero is no null pointer. */
const SCALAR_POINTERS: ReadonlySet<string> = new Set(["prctl", "ioctl", "keyctl"]);
/** Their pointers may be strings; everywhere else data of no length is an empty structure. */
const STRING_POINTERS: ReadonlySet<string> = new Set(["prctl", "keyctl"]);
/** Their pointers may be strings, too, and the next argument is the size. */
const SIZED_POINTERS: ReadonlySet<string> = new Set(["write", "lsetxattr"]);

const FILL_NAMES = new Map(Object.entries(FILL_KINDS).map(([name, code]) => [code as number, name as FillKind]));
const REPORTER_WHEN = new Map(
  Object.entries(REPORT_WHEN).map(([name, code]) => [code as number, name as Reporter["when"]]),
);
const ERRNO_NAMES = new Map(Object.entries(ERRNO).map(([name, code]) => [code as number, name as ErrnoName]));

function callNames(architecture: Architecture): ReadonlyMap<number, CallName> {
  const column = architecture === "x64" ? 0 : 1;
  const names = Object.keys(SIGNATURES) as CallName[];
  return new Map(names.map((name) => [SYSCALL_NUMBERS[name][column], name]));
}

/** A 64-bit word as the number it most probably was: small and signed, otherwise an unsigned bigint. */
function numberOf(low: number, high: number): number | bigint {
  const signed = (high | 0) * 2 ** 32 + low;
  return Number.isSafeInteger(signed) ? signed : (BigInt(high) << 32n) | BigInt(low);
}

function placeBuffers(buffers: Notes["buffers"]): readonly PlacedBuffer[] {
  let end = 0;
  return buffers.map(({ name, size }, index) => {
    const at = Math.ceil(end / 8) * 8;
    end = at + size;
    return { buffer: { kind: "buffer", index, name, size }, at };
  });
}

class Decoder {
  readonly #view: DataView;
  readonly #data: Uint8Array;
  readonly #layout: Layout;
  readonly #notes: Notes;
  readonly #architecture: Architecture;
  readonly #calls: ReadonlyMap<number, CallName>;
  readonly #buffers: readonly PlacedBuffer[];
  readonly #registers: readonly Register[];
  readonly #buffersEnd: number;
  readonly #strings = new Map<number, { end: number; value: string | undefined }>();
  readonly #blocks = new Map<number, Uint8Array>();
  readonly #utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  /** An honest image mentions each of its bytes once; one whose strings overlap could ask for terabytes. */
  #bytesLeft: number = PROTOCOL.maxData;
  #valuesLeft: number = PROTOCOL.maxVectors;

  constructor(image: Uint8Array, layout: Layout, notes: Notes) {
    this.#view = new DataView(image.buffer, image.byteOffset, image.byteLength);
    this.#layout = layout;
    this.#data = image.subarray(layout.dataAt, layout.notesAt);
    this.#notes = notes;
    this.#architecture = layout.architecture === ARCHITECTURES.x64 ? "x64" : "arm64";
    this.#calls = callNames(this.#architecture);
    this.#buffers = placeBuffers(notes.buffers);
    this.#registers = notes.registers.map((name, index) => ({ kind: "register", index, name }));
    const last = this.#buffers.at(-1);
    this.#buffersEnd = last ? last.at + last.buffer.size : 0;
  }

  /** Calls `tell` with the number of the step before it is looked at. */
  decode(tell: (step: number | undefined) => void): Program {
    const { opCount, finallyStep, reporterVector, reportWhen } = this.#layout;
    const operations: Operation[] = [];
    for (let step = 0; step < opCount; step++) {
      tell(step);
      operations.push(this.#operation(step));
    }
    tell(undefined);
    return Object.freeze({
      architecture: this.#architecture,
      operations,
      sections: this.#notes.sections,
      buffers: this.#buffers.map(({ buffer }) => buffer),
      registers: this.#notes.registers,
      finallyStep,
      ...this.#reporter(reporterVector, reportWhen),
    });
  }

  #reporter(index: number, code: number): Pick<Program, "reporter"> {
    const when = REPORTER_WHEN.get(code);
    if (index === PROTOCOL.vectorEnd || when === undefined) return {};
    return { reporter: { argv: this.#vector(index, []).values as readonly string[], when } };
  }

  #operation(step: number): Operation {
    const at = HEADER_SIZE + step * OP_SIZE;
    const code = operationName(this.#view.getUint8(at + OP_AT.operation));
    const fills = this.#fills(at);
    const { name, types } = code === "syscall" ? this.#call(at) : this.#control(code as ControlName);
    const args: Argument[] = [];
    for (let i = 0; i < this.#view.getUint8(at + OP_AT.argumentCount); i++)
      args.push(this.#argument(at, i, fills, name, types[i]));
    const loads = fills.filter((fill) => fill.as === "load").map((fill) => this.#load(fill));
    if (fills.some((fill) => !fill.used)) throw new Malformed("a fill belongs to no argument");
    return Object.freeze({
      kind: code === "syscall" ? "syscall" : "control",
      name,
      arguments: args,
      why: this.#notes.why[step] ?? "",
      ...(loads.length > 0 ? { loads } : {}),
      ...this.#options(at),
    });
  }

  #call(at: number): { name: CallName; types: readonly ArgumentType[] } {
    const number = this.#view.getUint16(at + OP_AT.number, true);
    const name = this.#calls.get(number);
    if (name === undefined) throw new Malformed(`there is no system call ${number} that programs may use`);
    const types: readonly ArgumentType[] = SIGNATURES[name];
    const count = this.#view.getUint8(at + OP_AT.argumentCount);
    if (count !== types.length) throw new Malformed(`${name} takes ${types.length} arguments, not ${count}`);
    return { name, types };
  }

  #control(name: ControlName): { name: ControlName; types: readonly ArgumentType[] } {
    return { name, types: CONTROL_OPERATIONS[name].arguments.map(() => "number" as const) };
  }

  #options(at: number): Partial<Operation> {
    const byte = (field: number): number => this.#view.getUint8(at + field);
    const options: { -readonly [K in keyof Operation]?: Operation[K] } = {};
    if (byte(OP_AT.result) !== PROTOCOL.none) options.result = this.#register(byte(OP_AT.result));
    const condition = byte(OP_AT.condition);
    if (condition === CONDITIONS.when) options.when = this.#register(byte(OP_AT.conditionRegister));
    if (condition === CONDITIONS.unless) options.unless = this.#register(byte(OP_AT.conditionRegister));
    const accepts = this.#accepts(at);
    if (accepts.length > 0) options.accepts = accepts;
    if (byte(OP_AT.flags) & OPERATION_FLAGS.goOn) options.goOn = true;
    if (byte(OP_AT.flags) & OPERATION_FLAGS.retryBusy) options.retryBusy = true;
    return options;
  }

  #accepts(at: number): ErrnoName[] {
    const names: ErrnoName[] = [];
    for (let i = 0; i < PROTOCOL.accepted; i++) {
      const number = this.#view.getUint8(at + OP_AT.accepted + i);
      const name = ERRNO_NAMES.get(number);
      if (name !== undefined) names.push(name);
      else if (number !== 0) throw new Malformed(`it accepts errno ${number}, which does not exist`);
    }
    return names;
  }

  #register(index: number): Register {
    const register = this.#registers[index];
    if (register === undefined) throw new Malformed(`register ${index} has no name`);
    return register;
  }

  #fills(at: number): FoundFill[] {
    const fills: FoundFill[] = [];
    for (let i = 0; i < this.#view.getUint8(at + OP_AT.fillCount); i++) {
      const fill = at + OP_AT.fills + i * 8;
      fills.push({
        at: this.#view.getUint32(fill, true),
        register: this.#register(this.#view.getUint8(fill + 4)),
        as: FILL_NAMES.get(this.#view.getUint8(fill + 5)) as FillKind,
        used: false,
      });
    }
    return fills;
  }

  #load(fill: FoundFill): Load {
    const found = this.#buffers.find(({ at, buffer }) => fill.at >= at && fill.at + 4 <= at + buffer.size);
    if (found === undefined) throw new Malformed("a load reads from outside of the buffers");
    fill.used = true;
    return { buffer: found.buffer, at: fill.at - found.at, register: fill.register };
  }

  #argument(at: number, i: number, fills: FoundFill[], name: string, type: ArgumentType | undefined): Argument {
    const low = this.#view.getUint32(at + i * 8, true);
    const high = this.#view.getUint32(at + i * 8 + 4, true);
    const pointer = type === "pointer";
    switch (this.#view.getUint8(at + OP_AT.kinds + i)) {
      case ARGUMENT_KINDS.register:
        return this.#register(low);
      case ARGUMENT_KINDS.vector:
        return this.#vector(low, fills);
      case ARGUMENT_KINDS.data:
        if (high > 0) return this.#block(low, high, fills);
        if (pointer && this.#isEmpty(at, i, name)) return { kind: "bytes", value: new Uint8Array(0) };
        return this.#text(low, fills);
      default: {
        const isNull = low === 0 && high === 0 && (type === "path" || (pointer && !SCALAR_POINTERS.has(name)));
        return isNull ? null : numberOf(low, high);
      }
    }
  }

  /** Data without a length are a string or nothing at all: where a size follows, it says which. */
  #isEmpty(at: number, i: number, name: string): boolean {
    if (SIZED_POINTERS.has(name)) return this.#view.getBigUint64(at + (i + 1) * 8, true) === 0n;
    return !STRING_POINTERS.has(name);
  }

  #vector(index: number, fills: FoundFill[]): Vector {
    const values: (string | Text)[] = [];
    for (let i = index; ; i++) {
      const offset = this.#view.getUint32(this.#layout.vectorsAt + i * 4, true);
      if (offset === PROTOCOL.vectorEnd) return { kind: "vector", values };
      if (--this.#valuesLeft < 0) throw new Malformed("its vectors overlap too often");
      values.push(this.#text(offset, fills));
    }
  }

  /** A buffer, or bytes with the fills that lie in them. */
  #block(offset: number, length: number, fills: FoundFill[]): Buffer | Bytes {
    const placed = this.#buffers.find(({ at, buffer }) => at === offset && buffer.size === length);
    if (placed !== undefined) return placed.buffer;
    const inside: Fill[] = [];
    for (const fill of fills) {
      if (fill.used || fill.as === "load" || fill.as === "text") continue;
      if (fill.at < offset || fill.at + (FILL_WIDTHS[FILL_KINDS[fill.as]] ?? 0) > offset + length) continue;
      fill.used = true;
      inside.push({ at: fill.at - offset, register: fill.register, as: fill.as });
    }
    const value = this.#copy(offset, length);
    return inside.length > 0 ? { kind: "bytes", value, fills: inside } : { kind: "bytes", value };
  }

  /** Constants that several calls share are copied once. */
  #copy(offset: number, length: number): Uint8Array {
    const key = offset * 2 ** 27 + length;
    let value = this.#blocks.get(key);
    if (value === undefined) {
      this.#spend(offset, length);
      value = this.#data.slice(offset, offset + length);
      this.#blocks.set(key, value);
    }
    return value;
  }

  /** A string; with a register's digits at its end when one is filled in there. */
  #text(offset: number, fills: FoundFill[]): string | Text {
    const known = this.#strings.get(offset) ?? this.#find(offset);
    // after a run the digits are there already, so the prefix ends where they begin
    const fill = fills.find((f) => f.as === "text" && !f.used && f.at >= offset && f.at <= known.end);
    if (fill !== undefined) {
      fill.used = true;
      return { kind: "text", prefix: this.#string(offset, fill.at), register: fill.register };
    }
    known.value ??= this.#string(offset, known.end);
    return known.value;
  }

  #find(offset: number): { end: number; value: string | undefined } {
    const end = this.#data.indexOf(0, offset);
    this.#spend(offset, end - offset);
    const found = { end, value: undefined };
    this.#strings.set(offset, found);
    return found;
  }

  #string(from: number, to: number): string {
    try {
      return this.#utf8.decode(this.#data.subarray(from, to));
    } catch (cause) {
      throw new Malformed("a string is not UTF-8", { cause });
    }
  }

  #spend(offset: number, length: number): void {
    if (offset < this.#buffersEnd) throw new Malformed("an argument points into a buffer");
    this.#bytesLeft -= length;
    if (this.#bytesLeft < 0) throw new Malformed("its data overlap too often");
  }
}

function refuse({ reason, step }: Wrong, count: number, cause?: unknown): never {
  const place = step === undefined ? "" : ` (step ${step})`;
  throw new SampanError("PROGRAM_INVALID", `this is not a program: ${reason}${place}`, {
    operation: "decode a program",
    ...(step === undefined ? {} : { step: { index: step, count } }),
    cause,
  });
}

/**
 * Decodes what `encode` wrote: names of registers, sections, buffers and sentences are as they were. Lost are
 * `Bytes.label`, and what the kernel cannot tell apart: a small bigint comes back as a number, and zero where a call
 * wants an address comes back as `null`. An image that has been run is decoded, too; its data are then what the run
 * left there.
 *
 * ```ts
 * console.log(explain(decode(encode(program).image)));
 * ```
 *
 * @throws SampanError PROGRAM_INVALID for every image that `encode` could not have written, naming what is wrong
 */
export function decode(image: Uint8Array): Program {
  const wrong = checkImage(image);
  const count = image.length < HEADER_SIZE ? 0 : new DataView(image.buffer, image.byteOffset).getUint32(16, true);
  if (wrong !== undefined) refuse(wrong, count);
  const layout = layoutOf(new DataView(image.buffer, image.byteOffset, image.byteLength));
  let step: number | undefined;
  try {
    const notes = decodeNotes(image.subarray(layout.notesAt), layout.opCount, layout.dataSize);
    return new Decoder(image, layout, notes).decode((at) => {
      step = at;
    });
  } catch (cause) {
    if (!(cause instanceof Malformed)) throw cause;
    return refuse(step === undefined ? { reason: cause.message } : { reason: cause.message, step }, count, cause.cause);
  }
}
