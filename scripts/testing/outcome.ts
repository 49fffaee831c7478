/** What one step of `make test` came to. */
export interface Outcome {
  readonly passed: number;
  readonly failed: number;
  readonly skips: readonly Skip[];
  /** What to show when something failed. */
  readonly output: string;
}

export interface Skip {
  /** `file > describe > title`, or the name of a step. */
  readonly title: string;
  readonly reason: string;
}

export function succeeded(): Outcome {
  return { passed: 1, failed: 0, skips: [], output: "" };
}

export function failure(output: string): Outcome {
  return { passed: 0, failed: 1, skips: [], output };
}

export function skipped(title: string, reason: string): Outcome {
  return { passed: 0, failed: 0, skips: [{ title, reason }], output: "" };
}

/** A closing line of our own programs. */
const SUMMARY = /^(\d+) passed, (\d+) failed, (\d+) skipped$/;

/** By convention of automake: a program that could not test anything here exits with 77 and says why in its last line. */
export const EXIT_SKIPPED = 77;

/**
 * The outcome of a program that is not a `bun test`: counted by its own closing line `N passed, N failed, N skipped`,
 * and as one test by its exit code when there is no such line. Lines `skipped: TITLE: REASON` (or `NAME: SKIPPED TITLE:
 * REASON`) before it say what was not tested.
 */
export function outcomeOfProgram(name: string, code: number, output: string): Outcome {
  const lines = output.trimEnd().split("\n");
  const last = lines.at(-1) ?? "";
  if (code === EXIT_SKIPPED) return skipped(name, last.trim() || "no reason given");
  const counts = SUMMARY.exec(last.trim());
  if (counts === null) {
    return { ...(code === 0 ? succeeded() : failure(output)), skips: skipsOf(name, lines) };
  }
  const [passed, failed, skippedCount] = counts.slice(1).map(Number) as [number, number, number];
  const skips = skipsOf(name, lines);
  const unexplained = Math.max(0, skippedCount - skips.length);
  const broken = code !== 0 && failed === 0 ? 1 : 0;
  return { passed, failed: failed + unexplained + broken, skips, output };
}

function skipsOf(name: string, lines: readonly string[]): Skip[] {
  return lines.flatMap((line) => {
    const match = /^(?:skipped:|\w+: SKIPPED) (.+?): (.+)$/.exec(line.trim());
    return match === null ? [] : [{ title: `${name} > ${match[1]}`, reason: match[2] ?? "" }];
  });
}
