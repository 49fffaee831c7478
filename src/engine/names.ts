/** Names for containers that were given none: a word for the water, a boat, and a piece of the id against repeats. */
const WATERS = [
  "calm",
  "tidal",
  "swift",
  "misty",
  "broad",
  "quiet",
  "silver",
  "gentle",
  "deep",
  "northern",
  "sunlit",
  "winding",
  "rippled",
  "still",
  "amber",
  "clear",
] as const;

const BOATS = [
  "barge",
  "canoe",
  "coracle",
  "cutter",
  "dhow",
  "dinghy",
  "ferry",
  "gondola",
  "junk",
  "kayak",
  "ketch",
  "lugger",
  "punt",
  "raft",
  "skiff",
  "sloop",
] as const;

/** The same id gives the same name: `calm-skiff-3f2a`. */
export function generateName(id: string): string {
  const byte = Number.parseInt(id.slice(0, 2), 16);
  return `${WATERS[byte >> 4]}-${BOATS[byte & 15]}-${id.slice(2, 6)}`;
}

/** 64 hexadecimal digits, as Docker's. */
export function generateId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Buffer.from(bytes.buffer).toString("hex");
}
