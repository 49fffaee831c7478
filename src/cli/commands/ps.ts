/** `sampan ps`: the running containers, in Docker's columns as far as they apply. */
import { reconcile } from "../../engine/index.ts";
import { type ContainerRecord, listRecords, shortId } from "../../runtime/index.ts";
import type { CommandContext } from "../context.ts";
import { foldersOf } from "../folders.ts";
import { type PsCommand, parsePs } from "../parse-ps.ts";

function matches({ name, id }: ContainerRecord, { filters }: PsCommand): boolean {
  const byName = filters.name.length === 0 || filters.name.some((part) => name.includes(part));
  const byId = filters.id.length === 0 || filters.id.some((start) => id.startsWith(start));
  return byName && byId;
}

const SPANS: readonly (readonly [seconds: number, name: string])[] = [
  [86_400, "day"],
  [3600, "hour"],
  [60, "minute"],
  [1, "second"],
];

function ago(created: string, now: number): string {
  const seconds = Math.max(0, Math.floor((now - Date.parse(created)) / 1000));
  const [size, unit] = SPANS.find(([span]) => seconds >= span) ?? [1, "second"];
  const count = Math.floor(seconds / size);
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function shorten(text: string, length: number, noTrunc: boolean): string {
  return noTrunc || text.length <= length ? text : `${text.slice(0, length - 1)}…`;
}

function row(record: ContainerRecord, { noTrunc }: PsCommand, now: number): string[] {
  const age = ago(record.created, now);
  return [
    noTrunc ? record.id : shortId(record.id),
    shorten(record.source, 32, noTrunc),
    `"${shorten(record.process.args.join(" "), 24, noTrunc)}"`,
    `${age} ago`,
    `Up ${age}`,
    record.name,
  ];
}

/** Columns as wide as their widest cell, three spaces between. Control characters of a name are no terminal's business. */
function table(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((cells) => cells.map((cell) => cell.replace(/\p{Cc}/gu, "?")));
  const widths = (clean[0] ?? []).map((_, column) => Math.max(...clean.map((cells) => cells[column]?.length ?? 0)));
  return clean
    .map(
      (cells) =>
        `${cells
          .map((cell, i) => cell.padEnd(widths[i] ?? 0))
          .join("   ")
          .trimEnd()}\n`,
    )
    .join("");
}

function json(record: ContainerRecord): string {
  const {
    id,
    name,
    pid,
    created,
    source,
    process: { args },
    namespaces,
  } = record;
  return `${JSON.stringify({ id, name, pid, created, source, command: args, namespaces, state: "running" })}\n`;
}

export async function execute(argv: readonly string[], context: CommandContext): Promise<number> {
  const command = parsePs(argv, context);
  const folders = foldersOf(context);
  await reconcile(folders);
  const records = listRecords(folders).filter((record) => matches(record, command));
  if (command.quiet) context.print(records.map(({ id }) => `${command.noTrunc ? id : shortId(id)}\n`).join(""));
  else if (command.format === "json") context.print(records.map(json).join(""));
  else {
    const heading = ["CONTAINER ID", "SOURCE", "COMMAND", "CREATED", "STATUS", "NAMES"];
    const now = Date.now();
    context.print(table([heading, ...records.map((record) => row(record, command, now))]));
  }
  return 0;
}
