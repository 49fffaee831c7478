/** Finds the word that was meant: the closest candidate when it is close enough to be a slip of the fingers. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const wanted = word.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  let best: { readonly candidate: string; readonly score: number } | undefined;
  for (const candidate of candidates) {
    const score = likeness(wanted, candidate.toLowerCase());
    if (score <= limit && (best === undefined || score < best.score)) best = { candidate, score };
  }
  return best?.candidate;
}

/** 0 is equal. A shortened or lengthened word (`net`, `network`) counts as one slip, whatever its length. */
function likeness(left: string, right: string): number {
  const shorter = Math.min(left.length, right.length);
  const isPrefix = shorter >= 3 && (left.startsWith(right) || right.startsWith(left));
  const distance = editDistance(left, right);
  return isPrefix ? Math.min(1, distance) : distance;
}

/** Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours. */
export function editDistance(left: string, right: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      current.push(cell(left, right, row, column, [before, previous, current]));
    }
    before = previous;
    previous = current;
  }
  return previous[right.length] ?? 0;
}

type Rows = readonly [before: readonly number[], previous: readonly number[], current: readonly number[]];

function cell(left: string, right: string, row: number, column: number, rows: Rows): number {
  const [before, previous, current] = rows;
  const at = (line: readonly number[], index: number) => line[index] ?? Number.POSITIVE_INFINITY;
  const substitution = left[row - 1] === right[column - 1] ? 0 : 1;
  const plain = Math.min(
    at(previous, column) + 1,
    at(current, column - 1) + 1,
    at(previous, column - 1) + substitution,
  );
  const isSwap = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1];
  return isSwap ? Math.min(plain, at(before, column - 2) + 1) : plain;
}
