/** Help fits a terminal of this width. */
export const COLUMNS = 100;

/** Breaks text between words into lines of at most `width` characters. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}

/** Two columns, the right one wrapped; a left cell that is too long takes a line of its own. */
export function twoColumns(rows: readonly (readonly [left: string, right: string])[], leftWidth: number): string {
  return rows.map(([left, right]) => row(left, right, leftWidth)).join("");
}

function row(left: string, right: string, leftWidth: number): string {
  const gap = " ".repeat(leftWidth + 4);
  const lines = wrap(right, COLUMNS - gap.length);
  const indented = lines.map((line) => `${gap}${line}\n`);
  if (left.length > leftWidth) return `  ${left}\n${indented.join("")}`;
  return `  ${left.padEnd(leftWidth)}  ${lines[0]}\n${indented.slice(1).join("")}`;
}

/** The rows by group, groups in the order of their first row. */
export function byGroup<Row extends { readonly group: string }>(
  rows: readonly Row[],
): readonly (readonly [group: string, rows: readonly Row[]])[] {
  return [...Map.groupBy(rows, (row) => row.group)];
}
