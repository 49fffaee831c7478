import { SIGNALS } from "../../kernel/index.ts";
import { closest } from "../suggest.ts";
import { invalid, quote } from "./invalid.ts";

/** The real-time signals as programs number them: glibc and musl keep 32 and 33 for themselves (signal(7)). */
const REAL_TIME = { minimum: 34, maximum: 64 } as const;

/** `TERM`, `SIGTERM`, `15`, `RTMIN+3`, `RTMAX-2`; names in any case. */
export function parseSignal(value: string): number {
  const number = /^\d+$/.test(value) ? Number(value) : named(value.toUpperCase().replace(/^SIG/, ""));
  if (number !== undefined && number >= 1 && number <= REAL_TIME.maximum) return number;
  throw invalid(`${quote(value)} is not a signal`, hint(value));
}

/** Without `SIG`. */
export function signalNames(): readonly string[] {
  return Object.keys(SIGNALS).map((name) => name.slice("SIG".length));
}

function named(name: string): number | undefined {
  const standard = (SIGNALS as Readonly<Record<string, number>>)[`SIG${name}`];
  return standard ?? realTime(name);
}

function realTime(name: string): number | undefined {
  const match = /^RT(?:MIN(?:\+(\d+))?|MAX(?:-(\d+))?)$/.exec(name);
  if (match === null) return undefined;
  const number = name.startsWith("RTMIN")
    ? REAL_TIME.minimum + Number(match[1] ?? 0)
    : REAL_TIME.maximum - Number(match[2] ?? 0);
  return number >= REAL_TIME.minimum && number <= REAL_TIME.maximum ? number : undefined;
}

function hint(value: string): string {
  const near = closest(value.toUpperCase().replace(/^SIG/, ""), signalNames());
  return near === undefined ? "Write a name or number, such as TERM or 15." : `Did you mean ${near}?`;
}
