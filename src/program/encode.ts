import { ERRNO, SYSCALL_NUMBERS } from "../kernel/index.ts";
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

interface PendingFill {
  readonly at: number;
  readonly register: number;
  readonly as: FillKind;
}

interface EncodedArgument {
  readonly kind: number;
  readonly value: bigint | number;
}

const utf8 = new TextEncoder();

/** Grows as needed; strings are kept once. Registers are filled into copies, so those are never shared. */
class DataSection {
  bytes = new Uint8Array(16384);
  size = 0;
  readonly #strings = new Map<string, number>();

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

class Encoder {
  readonly #program: Program;
  readonly #data = new DataSection();
  readonly #vectors: number[] = [];
  readonly #bufferOffsets: number[] = [];
  readonly #ops: DataView;
  #fills: PendingFill[] = [];

  constructor(program: Program) {
    this.#program = program;
    this.#ops = new DataView(new ArrayBuffer(program.operations.length * OP_SIZE));
  }

  encode(): Encoded {
    const { operations, buffers, reporter, finallyStep, architecture } = this.#program;
    for (const buffer of buffers) {
      const at = this.#data.reserve(buffer.size, 8);
      this.#data.bytes.fill(0, at, at + buffer.size);
      this.#bufferOffsets.push(at);
    }
    for (let i = 0; i < operations.length; i++) this.#operation(i, operations[i] as Operation);
    const reporterVector = reporter ? this.#vector({ kind: "vector", values: reporter.argv }) : PROTOCOL.vectorEnd;
    const end = this.#data.reserve(1, 1);
    this.#data.bytes[end] = 0;
    const notes = utf8.encode(notesOf(this.#program));
    return {
      image: this.#assemble(notes, [
        ARCHITECTURES[architecture],
        finallyStep,
        reporterVector,
        REPORT_WHEN[reporter?.when ?? "failed"],
      ]),
      bufferOffsets: this.#bufferOffsets,
    };
  }

  #assemble(notes: Uint8Array, [arch, finallyStep, reporter, always]: [number, number, number, number]): Uint8Array {
    const opsSize = this.#ops.byteLength;
    const vectorsSize = this.#vectors.length * 4;
    const image = new Uint8Array(HEADER_SIZE + opsSize + vectorsSize + this.#data.size + notes.length);
    const view = new DataView(image.buffer);
    utf8.encodeInto(PROTOCOL.magic, image);
    const count = this.#program.operations.length;
    [
      PROTOCOL.version,
      arch,
      count,
      this.#vectors.length,
      this.#data.size,
      notes.length,
      finallyStep,
      reporter,
      always,
    ].forEach((value, i) => {
      view.setUint32(8 + i * 4, value, true);
    });
    image.set(new Uint8Array(this.#ops.buffer), HEADER_SIZE);
    this.#vectors.forEach((offset, i) => {
      view.setUint32(HEADER_SIZE + opsSize + i * 4, offset, true);
    });
    image.set(this.#data.bytes.subarray(0, this.#data.size), HEADER_SIZE + opsSize + vectorsSize);
    image.set(notes, image.length - notes.length);
    return image;
  }

  #operation(index: number, op: Operation): void {
    const at = index * OP_SIZE;
    const view = this.#ops;
    this.#fills = [];
    const args = op.arguments;
    for (let i = 0; i < args.length; i++) {
      const { kind, value } = this.#argument(args[i] as Argument);
      view.setUint8(at + 76 + i, kind);
      if (typeof value === "number" && value >= 0) {
        view.setUint32(at + i * 8, value, true);
        view.setUint32(at + i * 8 + 4, value / 2 ** 32, true);
      } else view.setBigUint64(at + i * 8, BigInt.asUintN(64, BigInt(value)), true);
    }
    for (const load of op.loads ?? []) this.#load(load);
    if (this.#fills.length > PROTOCOL.fills)
      throw new RangeError(`step ${index} fills more than ${PROTOCOL.fills} registers`);
    this.#fills.forEach((fill, i) => {
      view.setUint32(at + 48 + i * 8, fill.at, true);
      view.setUint8(at + 52 + i * 8, fill.register);
      view.setUint8(at + 53 + i * 8, FILL_KINDS[fill.as]);
    });
    this.#shape(at, op);
  }

  #shape(at: number, op: Operation): void {
    const view = this.#ops;
    const syscall = op.kind === "syscall";
    view.setUint16(at + 64, syscall ? this.#number(op.name as CallName) : 0, true);
    view.setUint8(at + 66, syscall ? OPERATION_CODES.syscall : OPERATION_CODES[op.name as ControlName]);
    view.setUint8(at + 67, op.arguments.length);
    view.setUint8(at + 68, op.result?.index ?? PROTOCOL.none);
    const condition = op.when ?? op.unless;
    view.setUint8(at + 69, op.when ? CONDITIONS.when : op.unless ? CONDITIONS.unless : CONDITIONS.always);
    view.setUint8(at + 70, condition?.index ?? 0);
    view.setUint8(at + 71, this.#fills.length);
    op.accepts?.forEach((name, i) => {
      view.setUint8(at + 72 + i, ERRNO[name]);
    });
    const flags = (op.goOn ? OPERATION_FLAGS.goOn : 0) | (op.retryBusy ? OPERATION_FLAGS.retryBusy : 0);
    view.setUint8(at + 82, flags);
  }

  #number(name: CallName): number {
    const number = SYSCALL_NUMBERS[name][this.#program.architecture === "x64" ? 0 : 1];
    if (number < 0) throw new RangeError(`${name} does not exist on ${this.#program.architecture}`);
    return number;
  }

  #argument(arg: Argument): EncodedArgument {
    if (typeof arg === "number" || typeof arg === "bigint") return { kind: ARGUMENT_KINDS.number, value: arg };
    if (typeof arg === "string") return this.#at(this.#data.string(arg), 0);
    if (arg === null) return { kind: ARGUMENT_KINDS.number, value: 0 };
    switch (arg.kind) {
      case "register":
        return { kind: ARGUMENT_KINDS.register, value: arg.index };
      case "text":
        return this.#at(this.#text(arg), 0);
      case "bytes":
        return this.#bytes(arg);
      case "buffer":
        return this.#at(this.#bufferOffsets[arg.index] ?? 0, arg.size);
      case "vector":
        return { kind: ARGUMENT_KINDS.vector, value: this.#vector(arg) };
    }
  }

  #at(offset: number, length: number): EncodedArgument {
    return { kind: ARGUMENT_KINDS.data, value: offset + length * 2 ** 32 };
  }

  #text(text: Text): number {
    const { at, digits } = this.#data.text(text.prefix);
    this.#fill(digits, text.register, "text");
    return at;
  }

  #bytes(bytes: Bytes): EncodedArgument {
    const at = this.#data.copy(bytes.value);
    for (const fill of bytes.fills ?? []) this.#fill(at + fill.at, fill.register, fill.as);
    return this.#at(at, bytes.value.length);
  }

  #vector(vector: Vector): number {
    const offsets = vector.values.map((v) => (typeof v === "string" ? this.#data.string(v) : this.#text(v)));
    const at = this.#vectors.length;
    for (const offset of offsets) this.#vectors.push(offset);
    this.#vectors.push(PROTOCOL.vectorEnd);
    return at;
  }

  #fill(at: number, register: Register, as: FillKind): void {
    this.#fills.push({ at, register: register.index, as });
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
