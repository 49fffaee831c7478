/** The test lines of a serial console: TAP 13, as far as shell scripts write it. */

export interface TapTest {
  readonly title: string;
  readonly state: "passed" | "failed" | "skipped";
  /** Of a skip. */
  readonly reason?: string;
  /** Lines with `#` behind a test. */
  readonly notes: readonly string[];
}

export interface TapResult {
  readonly tests: readonly TapTest[];
  /** The closing plan, `1..N`; without it the script has not reached its end. */
  readonly planned: number | undefined;
}

const TEST = /^(not )?ok(?: \d+)? - (.*?)(?: # SKIP (.*))?$/;
const PLAN = /^1\.\.(\d+)$/;

/** Everything else on the console, such as messages of the kernel, is passed over. */
export function parseTap(text: string): TapResult {
  const tests: (TapTest & { notes: string[] })[] = [];
  let planned: number | undefined;
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\r/g, "");
    const test = TEST.exec(line);
    const plan = PLAN.exec(line);
    if (test !== null) tests.push(testOf(test));
    else if (plan !== null) planned = Number(plan[1]);
    else if (line.startsWith("# ")) tests.at(-1)?.notes.push(line.slice(2));
  }
  return { tests, planned };
}

function testOf([, not, title = "", reason]: RegExpExecArray): TapTest & { notes: string[] } {
  if (reason !== undefined) return { title, state: "skipped", reason, notes: [] };
  return { title, state: not === undefined ? "passed" : "failed", notes: [] };
}

/** What is wrong with a result, as sentences: failed tests, and a script that did not end as it should. */
export function failuresOf({ tests, planned }: TapResult): readonly string[] {
  const failed = tests.filter((test) => test.state === "failed");
  const sentences = failed.map(({ title, notes }) => [title, ...notes.map((note) => `  ${note}`)].join("\n"));
  if (planned === undefined) sentences.push("the script in the machine did not reach its end");
  else if (planned !== tests.length) sentences.push(`${planned} tests were announced, and ${tests.length} reported`);
  return sentences;
}
