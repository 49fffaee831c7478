import { invalid, quote } from "./invalid.ts";

export interface IntegerRange {
  /** With its article: `a weight`. */
  readonly what: string;
  readonly minimum: number;
  readonly maximum: number;
  /** Values outside the range, and what they mean: `{ [-1]: "no limit" }`. */
  readonly also?: Readonly<Record<number, string>>;
}

/** A decimal integer within its range. */
export function parseInteger(value: string, range: IntegerRange): number {
  const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
  const isWithin = number >= range.minimum && number <= range.maximum;
  // `-0` is a 0 as well.
  if (isWithin || range.also?.[number] !== undefined) return number === 0 ? 0 : number;
  throw invalid(`${quote(value)} is not ${range.what}`, rangeHint(range));
}

function rangeHint({ minimum, maximum, also = {} }: IntegerRange): string {
  const isOpen = maximum >= Number.MAX_SAFE_INTEGER;
  const range = isOpen ? `a number from ${minimum}` : `a number from ${minimum} to ${maximum}`;
  const meanings = Object.entries(also).map(([value, meaning]) => `${value} for ${meaning}`);
  return `Write ${[range, ...meanings].join(", or ")}.`;
}
