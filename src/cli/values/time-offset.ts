import type { RunOptions } from "../../engine/index.ts";
import { invalid, quote } from "./invalid.ts";

type Offsets = NonNullable<RunOptions["timeOffsetSeconds"]>;

/** `[monotonic=|boottime=]SECONDS`; a plain number moves both clocks (time_namespaces(7)). */
export function parseTimeOffset(value: string): Offsets {
  const match = /^(?:(monotonic|boottime)=)?([+-]?\d+(?:\.\d{1,9})?)$/.exec(value);
  if (match === null) {
    throw invalid(
      `${quote(value)} is not a time offset`,
      "Write seconds, such as 86400, or one clock: monotonic=86400 or boottime=86400.",
    );
  }
  const seconds = Number(match[2]);
  const clock = match[1] as keyof Offsets | undefined;
  return clock === undefined ? { monotonic: seconds, boottime: seconds } : { [clock]: seconds };
}
