import { SampanError } from "../errors/index.ts";
import type { Grammar, ParseContext } from "./grammar.ts";
import { parseOptions } from "./parse-options.ts";

const KINDS = ["brief", "text", "json"] as const;

export interface InternalReportCommand {
  /** `brief`: only what went wrong. */
  readonly kind: (typeof KINDS)[number];
  /** Descriptor to read the executor's result from. */
  readonly fd: number;
}

export const INTERNAL_REPORT_GRAMMAR: Grammar<unknown> = {
  name: "internal-report",
  operands: "KIND FD",
  stopsAtOperand: false,
  description: ["Started by Sampan itself when a run ends."],
  examples: [],
  options: [],
  common: [],
};

export function parseInternalReport(argv: readonly string[], context: ParseContext): InternalReportCommand {
  const [kind, fd, ...more] = parseOptions(INTERNAL_REPORT_GRAMMAR, argv, undefined, context);
  const known = KINDS.find((candidate) => candidate === kind);
  if (known && fd !== undefined && more.length === 0 && /^\d{1,9}$/.test(fd)) return { kind: known, fd: Number(fd) };
  throw new SampanError("USAGE", "internal-report needs a kind of report and the number of a descriptor", {
    object: "FD",
    hint: "It is for Sampan's own use.",
  });
}
