/** Later entries win over earlier ones of the same name; the order of first appearance stays. */
export function mergeEnvironment(...lists: readonly (readonly string[])[]): string[] {
  const merged = new Map<string, string>();
  for (const entry of lists.flat()) {
    const equals = entry.indexOf("=");
    merged.set(equals < 0 ? entry : entry.slice(0, equals), entry);
  }
  return [...merged.values()];
}
