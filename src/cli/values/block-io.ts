import type { DeviceRate } from "../../engine/index.ts";
import { parseInteger } from "./integer.ts";
import { invalid, quote } from "./invalid.ts";
import { splitLast } from "./pair.ts";
import { parsePositiveSize } from "./size.ts";

const WEIGHT = { what: "a weight", minimum: 10, maximum: 1000 } as const;

/** 10 to 1000; 0 is the default: undefined. */
export function parseWeight(value: string): number | undefined {
  return parseInteger(value, { ...WEIGHT, also: { 0: "the default" } }) || undefined;
}

/** `/dev/sda:200`. */
export function parseDeviceWeight(value: string): { readonly device: string; readonly weight: number } {
  const [device, weight] = splitDevice(value, "DEVICE:WEIGHT, such as /dev/sda:200");
  return { device, weight: parseInteger(weight, WEIGHT) };
}

/** `/dev/sda:1m`: bytes per second. */
export function parseByteRate(value: string): DeviceRate {
  const [device, rate] = splitDevice(value, "DEVICE:SIZE, such as /dev/sda:1m");
  return { device, rate: parsePositiveSize(rate) };
}

/** `/dev/sda:1000`: operations per second. */
export function parseOperationRate(value: string): DeviceRate {
  const [device, rate] = splitDevice(value, "DEVICE:NUMBER, such as /dev/sda:1000");
  return { device, rate: parseInteger(rate, { what: "a rate", minimum: 1, maximum: Number.MAX_SAFE_INTEGER }) };
}

function splitDevice(value: string, form: string): readonly [string, string] {
  const [device, rest] = splitLast(value, ":");
  if (device.startsWith("/") && rest !== undefined) return [device, rest];
  throw invalid(`${quote(value)} does not name a device and a value`, `Write ${form}.`);
}
