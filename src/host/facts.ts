import { readFileSync } from "node:fs";
import { SampanError } from "../errors/index.ts";
import type { HostFacts } from "../plan/index.ts";
import type { Architecture } from "../program/index.ts";

function readText(path: string): string {
  try {
    return readFileSync(path, "latin1");
  } catch (cause) {
    throw new SampanError("NOT_PERMITTED", `cannot read ${path}`, {
      cause,
      hint: "Sampan needs a mounted /proc.",
    });
  }
}

/** proc(5): the hexadecimal masks of /proc/self/status. */
function statusMask(status: string, field: string): bigint {
  const start = status.indexOf(`\n${field}:\t`);
  return start < 0 ? 0n : BigInt(`0x${status.slice(start + field.length + 3, start + field.length + 19)}`);
}

function architecture(): Architecture {
  if (process.arch === "x64" || process.arch === "arm64") return process.arch;
  throw new SampanError("WRONG_ARCHITECTURE", `Sampan does not run on ${process.arch}`, {
    hint: "It supports x86-64 and arm64.",
  });
}

function kernelVersion(): [number, number] {
  const [major = "0", minor = "0"] = readText("/proc/sys/kernel/osrelease").split(/[.-]/);
  return [Number(major), Number(minor)];
}

/**
 * Reads what a plan needs to know about this host, but for the control groups, which few runs need and which
 * `readCgroupLayout` reads: three small files of /proc, about 0.1 ms.
 *
 * @throws SampanError NOT_PERMITTED without /proc, WRONG_ARCHITECTURE elsewhere than on x86-64 and arm64
 */
export function readHostFacts(): Omit<HostFacts, "cgroups"> {
  const status = readText("/proc/self/status");
  return {
    architecture: architecture(),
    kernel: kernelVersion(),
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    capabilities: statusMask(status, "CapEff"),
    bounding: statusMask(status, "CapBnd"),
    lastCapability: Number(readText("/proc/sys/kernel/cap_last_cap")),
  };
}
