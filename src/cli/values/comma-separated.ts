import { invalid, quote } from "./invalid.ts";

/** The fields of one CSV line, as Docker reads `--mount`: `"a,b"` is one field, `""` in quotes is a quote. */
export function parseFields(line: string): readonly string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  for (;;) {
    const match = pattern.exec(line);
    if (match === null)
      throw invalid(`${quote(line)} has a stray quote`, 'Put a whole field in quotes: "source=/a,b".');
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") return fields;
  }
}
