/** Reads what `bun test --reporter=junit` writes, and what it prints. */
import { SKIP_MARK } from "../../test/support/skip-mark.ts";
import type { Outcome, Skip } from "./outcome.ts";

const TEST_CASE = /<testcase ([^>]*?)(?:\/>|>(.*?)<\/testcase>)/gs;
const ATTRIBUTE = /([\w-]+)="([^"]*)"/g;
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", amp: "&" };

function unescapeXml(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code?: string, name?: string) =>
    code === undefined ? (ENTITIES[name ?? ""] ?? whole) : String.fromCodePoint(Number(code)),
  );
}

interface TestCase {
  readonly file: string;
  /** Outermost describe first, the title last. */
  readonly path: readonly string[];
  readonly state: "passed" | "failed" | "skipped";
}

export function testCases(xml: string): TestCase[] {
  return [...xml.matchAll(TEST_CASE)].map(([, attributes = "", body = ""]) => {
    const values = new Map(
      [...attributes.matchAll(ATTRIBUTE)].map(([, key = "", value = ""]) => [key, unescapeXml(value)]),
    );
    const around = (values.get("classname") ?? "").split(" > ").filter((part) => part !== "");
    return {
      file: values.get("file") ?? "",
      path: [...around.reverse(), values.get("name") ?? ""],
      state: body.includes("<skipped") ? "skipped" : body.includes("<failure") ? "failed" : "passed",
    };
  });
}

/** `undefined` when neither the title nor a describe around it gives a reason. */
function skipOf({ file, path }: TestCase): Skip | undefined {
  const marks = path.map((part) => SKIP_MARK.exec(part));
  const reason = marks.find((mark) => mark !== null)?.[2];
  if (reason === undefined) return undefined;
  return { title: [file, ...path.map((part, i) => marks[i]?.[1] ?? part)].join(" > "), reason };
}

function printedFailures(output: string): number {
  return Number(/^ *(\d+) fail$/m.exec(output)?.[1] ?? 0);
}

/** A file that does not load has no test case in the report: the printed summary and the exit code count as well. */
export function outcomeOfBunTest(xml: string | undefined, code: number, output: string): Outcome {
  if (xml === undefined) return { passed: 0, failed: 1, skips: [], output: `${output}\nbun test wrote no report\n` };
  const cases = testCases(xml);
  const skippedCases = cases.filter((test) => test.state === "skipped");
  const unexplained = skippedCases.filter((test) => skipOf(test) === undefined);
  const reported = cases.filter((test) => test.state === "failed").length;
  const failed = Math.max(reported, printedFailures(output), code === 0 ? 0 : 1) + unexplained.length;
  const notes = unexplained.map((test) => `skipped without a reason: ${[test.file, ...test.path].join(" > ")}\n`);
  return {
    passed: cases.filter((test) => test.state === "passed").length,
    failed,
    skips: skippedCases.map(skipOf).filter((skip) => skip !== undefined),
    output: output + notes.join(""),
  };
}
