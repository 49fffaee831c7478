import { ERRNO, type ErrnoName, SYSCALL_NUMBERS } from "../kernel/index.ts";
import type { Argument, Bytes, Load, Operation, Program, Register, Text, Vector } from "./program.ts";
import {
  ARCHITECTURES,
  ARGUMENT_KINDS,
  CONDITIONS,
  type ControlName,
  FILL_KINDS,
  type FillKind,
  OPERATION_CODES,
  OPERATION_FLAGS,
  PROTOCOL,
  REPORT_WHEN,
} from "./protocol.ts";
import type { CallName } from "./signatures.ts";

export const HEADER_SIZE = 48;
export const OP_SIZE = 88;

/** Where the buffers lie in the data section: needed to read them from an executor's result. */
export interface Encoded {
  readonly image: Uint8Array;
  readonly bufferOffsets: readonly number[];
}

/** Where the buffers lie: at the start of the data section, in order, each on a multiple of eight bytes. */
export function bufferOffsets(buffers: readonly { readonly size: number }[]): number[] {
  let at = 0;
  return buffers.map(({ size }) => {
    const offset = at;
    at = Math.ceil((at + size) / 8) * 8;
    return offset;
  });
}

const utf8 = new TextEncoder();

/** Grows as needed; strings are kept once. Registers are filled into copies, so those are never shared. */
class DataSection {
  bytes = new Uint8Array(16384);
  size = 0;
  readonly #strings = new Map<string, number>();
  readonly #constants = new Map<Uint8Array, number>();

  reserve(size: number, align: number): number {
    const at = Math.ceil(this.size / align) * align;
    if (at + size > this.bytes.length) {
      const larger = new Uint8Array(Math.max(this.bytes.length * 2, at + size));
      larger.set(this.bytes.subarray(0, this.size));
      this.bytes = larger;
    }
    this.size = at + size;
    return at;
  }

  string(value: string): number {
    const known = this.#strings.get(value);
    if (known !== undefined) return known;
    const at = this.#append(value, 1);
    this.#strings.set(value, at);
    return at;
  }

  /** prefix, then room for the digits and the zero. Returns the offset of the prefix; the digits follow it. */
  text(prefix: string): { at: number; digits: number } {
    const at = this.#append(prefix, PROTOCOL.decimalWidth + 1);
    return { at, digits: this.size - PROTOCOL.decimalWidth - 1 };
  }

  zeroes(size: number, align: number): void {
    const at = this.reserve(size, align);
    this.bytes.fill(0, at, at + size);
  }

  /** Bytes that nothing is filled into are kept once, too. */
  constant(value: Uint8Array): number {
    let at = this.#constants.get(value);
    if (at === undefined) {
      at = this.copy(value);
      this.#constants.set(value, at);
    }
    return at;
  }

  copy(value: Uint8Array): number {
    const at = this.reserve(value.length, 8);
    this.bytes.set(value, at);
    return at;
  }

  /** `tail` zero bytes follow. */
  #append(value: string, tail: number): number {
    if (value.includes("\0")) throw new TypeError("a string of a program cannot hold a zero character");
    const at = this.reserve(value.length * 3 + tail, 1);
    const { written } = utf8.encodeInto(value, this.bytes.subarray(at));
    this.bytes.fill(0, at + written, this.size);
    this.size = at + written + tail;
    return at;
  }
}

/** Byte offsets within an encoded operation, see OP_LAYOUT. */
const AT = {
  fills: 48,
  number: 64,
  code: 66,
  count: 67,
  result: 68,
  condition: 69,
  register: 70,
  fillCount: 71,
  accepted: 72,
  kinds: 76,
  flags: 82,
} as const;

const WORDS = OP_SIZE / 4;
const FILL_WORDS = AT.fills / 4;
const TWO_32 = 2 ** 32;

/**
 * Runs once, cold, on the way to every container: plain loops over typed arrays (both architectures are little-endian),
 * no closures, and no BigInt but for values beyond 2^53.
 */
class Encoder {
  readonly #program: Program;
  readonly #data = new DataSection();
  readonly #vectors: number[] = [];
  readonly #bufferOffsets: number[];
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #column: 0 | 1;
  /** Of the operation under way. */
  #fillCount = 0;
  #op = 0;

  constructor(program: Program) {
    this.#program = program;
    const memory = new ArrayBuffer(program.operations.length * OP_SIZE);
    this.#bytes = new Uint8Array(memory);
    this.#words = new Uint32Array(memory);
    this.#bufferOffsets = bufferOffsets(program.buffers);
    this.#column = program.architecture === "x64" ? 0 : 1;
  }

  encode(): Encoded {
    const { operations, buffers, reporter } = this.#program;
    for (const buffer of buffers) this.#data.zeroes(buffer.size, 8);
    for (let i = 0; i < operations.length; i++) this.#operation(i, operations[i] as Operation);
    const reporterVector = reporter ? this.#vector({ kind: "vector", values: reporter.argv }) : PROTOCOL.vectorEnd;
    this.#data.zeroes(1, 1);
    return {
      image: this.#assemble(utf8.encode(notesOf(this.#program)), reporterVector),
      bufferOffsets: this.#bufferOffsets,
    };
  }

  #assemble(notes: Uint8Array, reporterVector: number): Uint8Array {
    const { architecture, operations, finallyStep, reporter } = this.#program;
    const vectors = new Uint8Array(Uint32Array.from(this.#vectors).buffer);
    const data = this.#data.bytes.subarray(0, this.#data.size);
    const when = REPORT_WHEN[reporter?.when ?? "failed"];
    const header = new Uint8Array(HEADER_SIZE);
    utf8.encodeInto(PROTOCOL.magic, header);
    const counts = [operations.length, this.#vectors.length, data.length, notes.length];
    const fields = [PROTOCOL.version, ARCHITECTURES[architecture], ...counts, finallyStep, reporterVector, when];
    header.set(new Uint8Array(Uint32Array.from(fields).buffer), 8);
    const image = new Uint8Array(HEADER_SIZE + this.#bytes.length + vectors.length + data.length + notes.length);
    let at = 0;
    for (const part of [header, this.#bytes, vectors, data, notes]) {
      image.set(part, at);
      at += part.length;
    }
    return image;
  }

  #operation(index: number, op: Operation): void {
    const args = op.arguments;
    this.#op = index;
    this.#fillCount = 0;
    for (let i = 0; i < args.length; i++) this.#argument(i, args[i] as Argument);
    if (op.loads) for (const load of op.loads) this.#load(load);
    if (this.#fillCount > PROTOCOL.fills) {
      throw new RangeError(`step ${index} fills more than ${PROTOCOL.fills} registers`);
    }
    const bytes = this.#bytes;
    const at = index * OP_SIZE;
    const number = op.kind === "syscall" ? this.#number(op.name as CallName) : 0;
    bytes[at + AT.number] = number & 0xff;
    bytes[at + AT.number + 1] = number >> 8;
    bytes[at + AT.code] = op.kind === "syscall" ? OPERATION_CODES.syscall : OPERATION_CODES[op.name as ControlName];
    bytes[at + AT.count] = args.length;
    bytes[at + AT.result] = op.result === undefined ? PROTOCOL.none : op.result.index;
    bytes[at + AT.fillCount] = this.#fillCount;
    bytes[at + AT.flags] = (op.goOn ? OPERATION_FLAGS.goOn : 0) | (op.retryBusy ? OPERATION_FLAGS.retryBusy : 0);
    this.#condition(at, op);
    if (op.accepts)
      for (let i = 0; i < op.accepts.length; i++) bytes[at + AT.accepted + i] = ERRNO[op.accepts[i] as ErrnoName];
  }

  #condition(at: number, { when, unless }: Operation): void {
    if (when === undefined && unless === undefined) return;
    this.#bytes[at + AT.condition] = when ? CONDITIONS.when : CONDITIONS.unless;
    this.#bytes[at + AT.register] = (when ?? (unless as Register)).index;
  }

  #number(name: CallName): number {
    const number = SYSCALL_NUMBERS[name][this.#column];
    if (number < 0) throw new RangeError(`${name} does not exist on ${this.#program.architecture}`);
    return number;
  }

  #argument(i: number, arg: Argument): void {
    if (typeof arg === "number") this.#put(i, ARGUMENT_KINDS.number, arg, Math.floor(arg / TWO_32));
    else if (typeof arg === "string") this.#put(i, ARGUMENT_KINDS.data, this.#data.string(arg), 0);
    else if (typeof arg === "bigint") {
      const wide = BigInt.asUintN(64, arg);
      this.#put(i, ARGUMENT_KINDS.number, Number(wide & 0xffff_ffffn), Number(wide >> 32n));
    } else if (arg === null) this.#put(i, ARGUMENT_KINDS.number, 0, 0);
    else this.#structured(i, arg);
  }

  #structured(i: number, arg: Exclude<Argument, number | bigint | string | null>): void {
    switch (arg.kind) {
      case "register":
        this.#put(i, ARGUMENT_KINDS.register, arg.index, 0);
        break;
      case "text":
        this.#put(i, ARGUMENT_KINDS.data, this.#text(arg), 0);
        break;
      case "bytes":
        this.#put(i, ARGUMENT_KINDS.data, this.#constant(arg), arg.value.length);
        break;
      case "buffer":
        this.#put(i, ARGUMENT_KINDS.data, this.#bufferOffsets[arg.index] ?? 0, arg.size);
        break;
      case "vector":
        this.#put(i, ARGUMENT_KINDS.vector, this.#vector(arg), 0);
        break;
    }
  }

  /** A typed array takes a number modulo 2^32, so a negative low word is its two's complement. */
  #put(i: number, kind: number, low: number, high: number): void {
    const at = this.#op * WORDS + i * 2;
    this.#words[at] = low;
    this.#words[at + 1] = high;
    this.#bytes[this.#op * OP_SIZE + AT.kinds + i] = kind;
  }

  #text(text: Text): number {
    const { at, digits } = this.#data.text(text.prefix);
    this.#fill(digits, text.register, "text");
    return at;
  }

  #constant({ value, fills }: Bytes): number {
    if (fills === undefined) return this.#data.constant(value);
    const at = this.#data.copy(value);
    for (const fill of fills) this.#fill(at + fill.at, fill.register, fill.as);
    return at;
  }

  #vector({ values }: Vector): number {
    const offsets: number[] = [];
    for (const value of values) offsets.push(typeof value === "string" ? this.#data.string(value) : this.#text(value));
    const at = this.#vectors.length;
    for (const offset of offsets) this.#vectors.push(offset);
    this.#vectors.push(PROTOCOL.vectorEnd);
    return at;
  }

  #fill(at: number, register: Register, as: FillKind): void {
    if (this.#fillCount < PROTOCOL.fills) {
      this.#words[this.#op * WORDS + FILL_WORDS + this.#fillCount * 2] = at;
      this.#words[this.#op * WORDS + FILL_WORDS + this.#fillCount * 2 + 1] = register.index | (FILL_KINDS[as] << 8);
    }
    this.#fillCount++;
  }

  #load({ buffer, at, register }: Load): void {
    this.#fill((this.#bufferOffsets[buffer.index] ?? 0) + at, register, "load");
  }
}

/** What the executor does not need and `decode` does: sentences, names, and how the data is divided. */
function notesOf(program: Program): string {
  return JSON.stringify({
    why: program.operations.map((op) => op.why),
    sections: program.sections,
    registers: program.registers,
    buffers: program.buffers.map((buffer) => [buffer.name, buffer.size]),
  });
}

/**
 * Encodes a program for the executor.
 *
 * @throws RangeError when a limit of the protocol is exceeded or a call does not exist on the architecture
 * @throws TypeError for a string with a zero character
 */
export function encode(program: Program): Encoded {
  return new Encoder(program).encode();
}

/** The data section of an image whose header is known to be sound. */
export function dataSection(image: Uint8Array): Uint8Array {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  const [ops, vectors, size] = [16, 20, 24].map((at) => view.getUint32(at, true)) as [number, number, number];
  const start = HEADER_SIZE + ops * OP_SIZE + vectors * 4;
  return image.subarray(start, start + size);
}
