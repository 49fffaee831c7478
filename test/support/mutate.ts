/** Damages images the way that finds most: at random, and in the fields that lead somewhere. */
import { HEADER_SIZE, OP_SIZE } from "../../src/program/index.ts";
import type { Random } from "./random.ts";

const INTERESTING = [0, 1, 2, 3, 4, 5, 13, 14, 60, 63, 64, 191, 192, 254, 255];
const WORDS = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff, 1 << 16, 1 << 18, 1 << 26];
const NOTES_SIZE_AT = 28;

type Mutation = (image: Uint8Array, random: Random) => Uint8Array;

function viewOf(image: Uint8Array): DataView {
  return new DataView(image.buffer, image.byteOffset, image.byteLength);
}

const flipBit: Mutation = (image, random) => {
  const at = random.below(image.length);
  image[at] = (image[at] ?? 0) ^ (1 << random.below(8));
  return image;
};

const setByte: Mutation = (image, random) => {
  image[random.below(image.length)] = random.chance(50) ? random.pick(INTERESTING) : random.below(256);
  return image;
};

function word(random: Random, view: DataView): number {
  const nearEnd = view.getUint32(24, true) - random.below(16);
  return random.pick([random.pick(WORDS), random.below(256), nearEnd >>> 0, random.word()]);
}

/** A field of the header, with a value close to a limit. */
const setHeader: Mutation = (image, random) => {
  const view = viewOf(image);
  view.setUint32(8 + random.below(10) * 4, word(random, view), true);
  return image;
};

/** A word in an operation: arguments, offsets and fills lead somewhere. */
const setOperation: Mutation = (image, random) => {
  const view = viewOf(image);
  const operations = Math.max(1, Math.floor((image.length - HEADER_SIZE) / OP_SIZE));
  const at = HEADER_SIZE + random.below(Math.min(operations, view.getUint32(16, true) || 1)) * OP_SIZE;
  if (random.chance(60) && at + 64 <= image.length) view.setUint32(at + random.below(16) * 4, word(random, view), true);
  else if (at + OP_SIZE <= image.length) view.setUint8(at + 64 + random.below(24), random.pick(INTERESTING));
  return image;
};

const truncate: Mutation = (image, random) => image.slice(0, random.below(image.length + 1));

const append: Mutation = (image, random) => {
  const longer = new Uint8Array(image.length + 1 + random.below(100));
  longer.set(image);
  return longer;
};

/** Other notes of the same or another length, with a header that agrees. */
const changeNotes: Mutation = (image, random) => {
  const view = viewOf(image);
  const size = view.getUint32(NOTES_SIZE_AT, true);
  if (size === 0 || size > image.length) return image;
  const text = new TextDecoder().decode(image.subarray(image.length - size));
  const cut = random.below(text.length);
  const insert = random.pick(["", '"', "null", "-1", "[[", "}", "1e999", '{"a":', "\u0000", "9007199254740993"]);
  const notes = new TextEncoder().encode(text.slice(0, cut) + insert + text.slice(cut + random.below(4)));
  const changed = new Uint8Array(image.length - size + notes.length);
  changed.set(image.subarray(0, image.length - size));
  changed.set(notes, image.length - size);
  viewOf(changed).setUint32(NOTES_SIZE_AT, notes.length, true);
  return changed;
};

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setByte,
  setHeader,
  setOperation,
  setOperation,
  setOperation,
  truncate,
  append,
  changeNotes,
];

/** A damaged copy of the image; one in ten is left whole. */
export function mutate(image: Uint8Array, random: Random): Uint8Array {
  let damaged: Uint8Array = image.slice();
  if (random.chance(10)) return damaged;
  for (let n = 1 + random.below(3); n > 0; n--)
    if (damaged.length >= HEADER_SIZE) damaged = random.pick(MUTATIONS)(damaged, random);
  return damaged;
}
