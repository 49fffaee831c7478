import { invalidArchive } from "./archive-errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A field of an object that may be missing in it, or a field of nothing. */
export function field(value: unknown, name: string): unknown {
  return isObject(value) && Object.hasOwn(value, name) ? (value[name] ?? undefined) : undefined;
}

/** @throws SampanError ARCHIVE_INVALID naming the document */
export function parseJson(bytes: Buffer, document: string): unknown {
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch (cause) {
    throw invalidArchive(`is damaged: its ${document} is not JSON`, { cause, object: document });
  }
}

function wrongType(document: string, name: string, expected: string): Error {
  return invalidArchive(`is damaged: '${name}' in its ${document} is not ${expected}`, { object: document });
}

export function optionalString(value: unknown, name: string, document: string): string | undefined {
  const found = field(value, name);
  if (found !== undefined && typeof found !== "string") throw wrongType(document, name, "a string");
  return found === "" ? undefined : found;
}

export function optionalStrings(value: unknown, name: string, document: string): readonly string[] | undefined {
  const found = field(value, name);
  if (found === undefined) return undefined;
  if (!Array.isArray(found) || !found.every((item) => typeof item === "string"))
    throw wrongType(document, name, "a list of strings");
  return found;
}

export function optionalList(value: unknown, name: string, document: string): readonly unknown[] | undefined {
  const found = field(value, name);
  if (found !== undefined && !Array.isArray(found)) throw wrongType(document, name, "a list");
  return found;
}

export function optionalObject(value: unknown, name: string, document: string): JsonObject | undefined {
  const found = field(value, name);
  if (found !== undefined && !isObject(found)) throw wrongType(document, name, "an object");
  return found;
}
