import { invalid, quote } from "./invalid.ts";

/** One program as Docker has it (empty to clear the image's), or a JSON array of words as Podman has it. */
export function parseEntrypoint(value: string): readonly string[] {
  if (!value.startsWith("[")) return [value];
  const words = parseJson(value);
  if (Array.isArray(words) && words.length > 0 && words.every((word) => typeof word === "string")) return words;
  throw invalid(`${quote(value)} is not a list of words`, 'Write a program, or a JSON array such as ["sh","-c"].');
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
