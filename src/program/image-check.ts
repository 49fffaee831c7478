/**
 * The rules that every image obeys before anybody looks closer: the same rules, in the same order and in the same
 * words as native/verify.c. test/fuzz/fuzz-decode.ts checks that the two agree.
 */
import {
  ARCHITECTURES,
  ARGUMENT_KINDS,
  type Architecture,
  CONDITIONS,
  CONTROL_OPERATIONS,
  FILL_KINDS,
  FORK_ROLES,
  OPERATION_CODES,
  OPERATION_FLAGS,
  type OperationName,
  PROTOCOL,
  REPORT_WHEN,
  type Shape,
  SUPERVISE_FLAGS,
} from "./protocol.ts";

/** Where the fields of an operation lie: OP_LAYOUT and FILL_LAYOUT as offsets. */
export const OP_AT = {
  fills: 48,
  number: 64,
  operation: 66,
  argumentCount: 67,
  result: 68,
  condition: 69,
  conditionRegister: 70,
  fillCount: 71,
  accepted: 72,
  kinds: 76,
  flags: 82,
  reserved: 83,
} as const;
const HEADER_BYTES = 48;
const OP_BYTES = 88;
/** `sizeof(struct termios)` of the C library: what `supervise` reads when it relays a terminal. */
const TERMIOS_SIZE = 60;

export const FILL_WIDTHS: Readonly<Record<number, number>> = {
  [FILL_KINDS.u32]: 4,
  [FILL_KINDS.u64]: 8,
  [FILL_KINDS.text]: PROTOCOL.decimalWidth + 1,
  [FILL_KINDS.padded]: PROTOCOL.decimalWidth,
  [FILL_KINDS.load]: 4,
};

const NAMES = new Map<number, OperationName>(
  Object.entries(OPERATION_CODES).map(([name, code]) => [code, name as OperationName]),
);

/** The operation with this code, or undefined. */
export function operationName(code: number): OperationName | undefined {
  return NAMES.get(code);
}

/** What is wrong with an image, and at which step when it is about one. */
export interface Wrong {
  readonly reason: string;
  readonly step?: number;
}

/** The header's numbers and where the parts of an image begin. */
export interface Layout {
  readonly version: number;
  readonly architecture: number;
  readonly opCount: number;
  readonly vectorCount: number;
  readonly dataSize: number;
  readonly notesSize: number;
  readonly finallyStep: number;
  readonly reporterVector: number;
  readonly reportWhen: number;
  readonly reserved: number;
  readonly opsAt: number;
  readonly vectorsAt: number;
  readonly dataAt: number;
  readonly notesAt: number;
}

/** Reads the header of an image of at least 48 bytes; nothing in it is believed yet. */
export function layoutOf(view: DataView): Layout {
  const word = (index: number): number => view.getUint32(8 + index * 4, true);
  const vectorsAt = HEADER_BYTES + word(2) * OP_BYTES;
  const dataAt = vectorsAt + word(3) * 4;
  return {
    version: word(0),
    architecture: word(1),
    opCount: word(2),
    vectorCount: word(3),
    dataSize: word(4),
    notesSize: word(5),
    finallyStep: word(6),
    reporterVector: word(7),
    reportWhen: word(8),
    reserved: word(9),
    opsAt: HEADER_BYTES,
    vectorsAt,
    dataAt,
    notesAt: dataAt + word(4),
  };
}

function checkHeader(view: DataView, h: Layout, architecture: Architecture | undefined): string | undefined {
  for (let i = 0; i < PROTOCOL.magic.length; i++)
    if (view.getUint8(i) !== PROTOCOL.magic.charCodeAt(i)) return "it does not start with the program's magic";
  if (h.version !== PROTOCOL.version) return "it is of another version";
  const known = Object.entries(ARCHITECTURES).find(([, code]) => code === h.architecture)?.[0];
  if (known === undefined || (architecture !== undefined && known !== architecture))
    return "it is for another architecture";
  if (h.opCount === 0 || h.opCount > PROTOCOL.maxOps) return "it has no operations, or too many";
  if (h.vectorCount > PROTOCOL.maxVectors || h.dataSize > PROTOCOL.maxData || h.notesSize > PROTOCOL.maxData)
    return "a section is too large";
  if (h.notesAt + h.notesSize !== view.byteLength) return "its length is not what its header says";
  if (h.finallyStep >= h.opCount) return "its final part starts outside of it";
  if (h.reporterVector !== PROTOCOL.vectorEnd && h.reporterVector >= h.vectorCount)
    return "its reporter points outside of the vector table";
  if (h.reportWhen > REPORT_WHEN.unsuccessful) return "its reporter has an unknown condition";
  if (h.reserved !== 0) return "a reserved field is not zero";
  return undefined;
}

function checkVectors(view: DataView, h: Layout): string | undefined {
  if (h.vectorCount === 0) return undefined;
  if (view.getUint32(h.dataAt - 4, true) !== PROTOCOL.vectorEnd)
    return "the vector table does not end with a terminator";
  for (let at = h.vectorsAt; at < h.dataAt; at += 4) {
    const entry = view.getUint32(at, true);
    if (entry !== PROTOCOL.vectorEnd && entry >= h.dataSize) return "a vector entry points outside of the data";
  }
  return undefined;
}

function checkArgument(h: Layout, kind: number, low: number, high: number): string | undefined {
  switch (kind) {
    case ARGUMENT_KINDS.number:
      return undefined;
    case ARGUMENT_KINDS.register:
      return high !== 0 || low >= PROTOCOL.registers ? "a register number is out of range" : undefined;
    case ARGUMENT_KINDS.data:
      return low >= h.dataSize || high > h.dataSize - low ? "a data argument points outside of the data" : undefined;
    case ARGUMENT_KINDS.vector:
      return high !== 0 || low >= h.vectorCount ? "a vector argument points outside of the table" : undefined;
    default:
      return "an argument has an unknown kind";
  }
}

function checkArguments(view: DataView, h: Layout, at: number): string | undefined {
  const count = view.getUint8(at + OP_AT.argumentCount);
  if (count > PROTOCOL.arguments) return "too many arguments";
  for (let i = 0; i < count; i++) {
    const kind = view.getUint8(at + OP_AT.kinds + i);
    const wrong = checkArgument(h, kind, view.getUint32(at + i * 8, true), view.getUint32(at + i * 8 + 4, true));
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

function checkFills(view: DataView, h: Layout, at: number): string | undefined {
  const count = view.getUint8(at + OP_AT.fillCount);
  if (count > PROTOCOL.fills) return "too many fills";
  for (let i = 0; i < count; i++) {
    const fill = at + OP_AT.fills + i * 8;
    const place = view.getUint32(fill, true);
    const width = FILL_WIDTHS[view.getUint8(fill + 5)];
    if (width === undefined) return "a fill has an unknown kind";
    if (view.getUint8(fill + 4) >= PROTOCOL.registers) return "a fill names a register out of range";
    // the last byte stays zero: it ends every string
    if (place + width > h.dataSize - 1) return "a fill lies outside of the data";
    if (view.getUint16(fill + 6, true) !== 0) return "a reserved field is not zero";
  }
  return undefined;
}

function shapeFits(shape: Shape, kind: number): boolean {
  if (shape === "value") return kind === ARGUMENT_KINDS.number || kind === ARGUMENT_KINDS.register;
  return kind === ARGUMENT_KINDS[shape];
}

function checkControl(view: DataView, h: Layout, at: number, index: number): string | undefined {
  const name = operationName(view.getUint8(at + OP_AT.operation));
  if (name === undefined || name === "syscall") return undefined;
  const shapes = CONTROL_OPERATIONS[name].arguments;
  if (view.getUint8(at + OP_AT.argumentCount) !== shapes.length)
    return "a control operation has the wrong number of arguments";
  for (const [i, { shape }] of shapes.entries())
    if (!shapeFits(shape, view.getUint8(at + OP_AT.kinds + i)))
      return "a control operation has an argument of the wrong kind";
  const value = (i: number): bigint => view.getBigUint64(at + i * 8, true);
  if (name === "fork") return checkFork(h, index, value);
  const relays = name === "supervise" && (value(1) & BigInt(SUPERVISE_FLAGS.terminal)) !== 0n;
  if (relays && Number(value(3) & 0xffff_ffffn) + TERMIOS_SIZE > h.dataSize)
    return "a terminal's settings do not fit into the data";
  return undefined;
}

function checkFork(h: Layout, index: number, value: (i: number) => bigint): string | undefined {
  // only forwards: a program always ends
  if (value(1) <= BigInt(index) || value(1) >= BigInt(h.opCount))
    return "a fork does not lead forwards to an operation";
  if (value(3) >= BigInt(PROTOCOL.registers) && value(3) !== BigInt(PROTOCOL.none))
    return "a fork names a register out of range";
  if (value(4) !== BigInt(FORK_ROLES.child) && value(4) !== BigInt(FORK_ROLES.janitor))
    return "a fork has an unknown role";
  return undefined;
}

function checkOperation(view: DataView, h: Layout, index: number): string | undefined {
  const at = h.opsAt + index * OP_BYTES;
  const byte = (field: number): number => view.getUint8(at + field);
  if (operationName(byte(OP_AT.operation)) === undefined) return "an operation has an unknown code";
  if (byte(OP_AT.result) !== PROTOCOL.none && byte(OP_AT.result) >= PROTOCOL.registers)
    return "a result register is out of range";
  const condition = byte(OP_AT.condition);
  if (condition > CONDITIONS.unless || (condition !== 0 && byte(OP_AT.conditionRegister) >= PROTOCOL.registers))
    return "a condition is malformed";
  if ((byte(OP_AT.flags) & ~(OPERATION_FLAGS.goOn | OPERATION_FLAGS.retryBusy)) !== 0)
    return "an operation has unknown flags";
  for (let i = OP_AT.reserved; i < OP_BYTES; i++) if (byte(i) !== 0) return "a reserved field is not zero";
  return checkArguments(view, h, at) ?? checkFills(view, h, at) ?? checkControl(view, h, at, index);
}

/**
 * Checks an image as the executor does. Every offset in an image that passes may be followed.
 *
 * @param architecture when given, images for other architectures are refused too, as an executor would
 * @returns undefined, or what is wrong
 */
export function checkImage(image: Uint8Array, architecture?: Architecture): Wrong | undefined {
  const view = new DataView(image.buffer, image.byteOffset, image.byteLength);
  if (image.length < HEADER_BYTES) return { reason: "it is shorter than a header" };
  const h = layoutOf(view);
  const header = checkHeader(view, h, architecture);
  if (header !== undefined) return { reason: header };
  if (h.dataSize === 0 || view.getUint8(h.notesAt - 1) !== 0) return { reason: "its data does not end with a zero" };
  const vectors = checkVectors(view, h);
  if (vectors !== undefined) return { reason: vectors };
  for (let step = 0; step < h.opCount; step++) {
    const reason = checkOperation(view, h, step);
    if (reason !== undefined) return { reason, step };
  }
  const last = h.vectorsAt - OP_BYTES;
  const exits = view.getUint8(last + OP_AT.operation) === OPERATION_CODES.exit;
  return exits && view.getUint8(last + OP_AT.condition) === CONDITIONS.always
    ? undefined
    : { reason: "it does not end with an exit" };
}
