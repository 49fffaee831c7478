/** Splits at the first separator: `K=V` as [K, V], a word without it as [word, undefined]. */
export function splitFirst(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}

/** Splits at the last separator, for values that start with a path: `/dev/disk/by-id/a:b:1m`. */
export function splitLast(text: string, separator: string): readonly [string, string | undefined] {
  const at = text.lastIndexOf(separator);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + separator.length)];
}
