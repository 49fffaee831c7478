import { invalid, quote } from "./invalid.ts";

/** Microseconds; the period that Docker and Podman use for `--cpus`. */
const PERIOD = 100_000;
/** The kernel refuses a quota below one millisecond. */
const SMALLEST_QUOTA = 1000;

/** `1.5` CPUs as a quota in each period. 0 is no limit: undefined. */
export function parseCpus(value: string): { readonly quota: number; readonly period: number } | undefined {
  if (!/^(\d+(\.\d*)?|\.\d+)$/.test(value)) {
    throw invalid(`${quote(value)} is not a number of CPUs`, "Write a decimal number such as 1.5.");
  }
  const quota = Math.round(Number(value) * PERIOD);
  if (Number(value) === 0) return undefined;
  if (quota >= SMALLEST_QUOTA && Number.isSafeInteger(quota)) return { quota, period: PERIOD };
  throw quota < SMALLEST_QUOTA
    ? invalid(`${quote(value)} is less CPU time than the kernel can hand out`, "Write 0.01 or more.")
    : invalid(`${quote(value)} is not a number of CPUs`, "Write a decimal number such as 1.5.");
}

/** A list for cpuset(7), `0-3,5`: checked here, because the kernel says no more than EINVAL. */
export function parseCpuList(value: string): string {
  const isList = value.split(",").every((part) => {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    return match !== null && Number(match[2] ?? match[1]) >= Number(match[1]);
  });
  if (isList) return value;
  throw invalid(`${quote(value)} is not a list of numbers`, "Write numbers and ranges with commas, such as 0-3,5.");
}
