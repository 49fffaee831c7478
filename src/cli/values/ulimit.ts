import type { UlimitOption } from "../../engine/index.ts";
import { RLIM_INFINITY, RLIMITS, type RlimitName } from "../../kernel/index.ts";
import { choiceHint } from "./choice.ts";
import { invalid, quote } from "./invalid.ts";
import { splitFirst } from "./pair.ts";

const HINT = "Write NAME=SOFT[:HARD], such as nofile=1024:4096; -1 is no limit.";

/** `nofile=1024:4096`; without HARD it equals SOFT, as for Docker. `-1` and `unlimited` are no limit. */
export function parseUlimit(value: string): UlimitOption {
  const [name, limits] = splitFirst(value, "=");
  if (limits === undefined) throw invalid(`${quote(value)} is not a limit`, HINT);
  if (!isRlimitName(name)) throw invalid(`${quote(name)} is not a resource`, choiceHint(name, ulimitNames()));
  const [softText, hardText] = splitFirst(limits, ":");
  const soft = parseLimit(value, softText);
  const hard = parseLimit(value, hardText ?? softText);
  if (soft <= hard) return { name, soft, hard };
  throw invalid(`${quote(value)} has a soft limit above the hard one`, HINT);
}

export function ulimitNames(): readonly RlimitName[] {
  return Object.keys(RLIMITS) as RlimitName[];
}

function isRlimitName(name: string): name is RlimitName {
  return Object.hasOwn(RLIMITS, name);
}

function parseLimit(whole: string, text: string): bigint {
  if (text === "-1" || text === "unlimited") return RLIM_INFINITY;
  const limit = /^\d+$/.test(text) ? BigInt(text) : undefined;
  if (limit !== undefined && limit <= RLIM_INFINITY) return limit;
  throw invalid(`${quote(whole)} is not a limit`, HINT);
}
