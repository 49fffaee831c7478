/** What differs between two runs of the same command line: words, each of the same length in every run. */
import { ownerWord } from "../runtime/index.ts";
import { generateId, generateName } from "./names.ts";

export interface RunWords {
  /** 64 hexadecimal digits. */
  readonly id: string;
  /** The generated name, 16 characters; a given one is not a word of the run. */
  readonly name: string;
  /** See runtime/owner.ts. */
  readonly owner: string;
  /** ISO 8601 with milliseconds, UTC. */
  readonly created: string;
}

export function newRunWords(): RunWords {
  const id = generateId();
  return { id, name: generateName(id), owner: ownerWord(), created: new Date().toISOString() };
}
