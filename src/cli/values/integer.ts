import { invalid, quote } from "./invalid.ts";

export interface IntegerRange {
  /** With its article: `a weight`. */
  readonly what: string;
  readonly minimum: number;
  readonly maximum: number;
  /** Values outside the range that mean something, e.g. -1. */
  readonly also?: readonly number[];
}

/** A decimal integer within its range. */
export function parseInteger(value: string, range: IntegerRange): number {
  const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN;
  const isWithin = number >= range.minimum && number <= range.maximum;
  if (isWithin || range.also?.includes(number)) return number === 0 ? 0 : number;
  throw invalid(`${quote(value)} is not ${range.what}`, rangeHint(range));
}

function rangeHint({ minimum, maximum, also = [] }: IntegerRange): string {
  const isOpen = maximum >= Number.MAX_SAFE_INTEGER;
  const range = isOpen ? `a number from ${minimum}` : `a number from ${minimum} to ${maximum}`;
  // 0 and -1 are conventions shared by all limits of Docker and Podman.
  const meanings = also.map((value) => (value === -1 ? "-1 for no limit" : `${value} for the default`));
  return `Write ${[range, ...meanings].join(", or ")}.`;
}
