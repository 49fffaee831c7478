/**
 * Names for containers that were given none: a word for the water, a boat, and a piece of the id against repeats. All
 * words are equally long, so that all names are (see plan-memo.ts).
 */
const WATERS = [
  "tidal",
  "swift",
  "misty",
  "broad",
  "quiet",
  "still",
  "amber",
  "clear",
  "brisk",
  "green",
  "stony",
  "sandy",
  "sunny",
  "rainy",
  "windy",
  "foggy",
] as const;

const BOATS = [
  "barge",
  "canoe",
  "ferry",
  "kayak",
  "ketch",
  "skiff",
  "sloop",
  "yacht",
  "coble",
  "umiak",
  "xebec",
  "tjalk",
  "scull",
  "smack",
  "prahu",
  "praam",
] as const;

/** The same id gives the same name: `quiet-skiff-3f2a`. */
export function generateName(id: string): string {
  const byte = Number.parseInt(id.slice(0, 2), 16);
  return `${WATERS[byte >> 4]}-${BOATS[byte & 15]}-${id.slice(2, 6)}`;
}

/** 64 hexadecimal digits, as Docker's. */
export function generateId(): string {
  // Without Buffer, whose first use costs more than all of this.
  let id = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(32))) id += byte.toString(16).padStart(2, "0");
  return id;
}
