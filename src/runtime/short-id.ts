/** The start of an id that stands for it where people read it: host names, `ps`, messages. */
export function shortId(id: string): string {
  return id.slice(0, 12);
}
