import { invalid, quote } from "./invalid.ts";

/** The last id: 2^32-1 means "no id" to the kernel. */
export const LAST_ID = 0xffff_fffe;

/** `name|uid[:group|gid]`; names are looked up in the container later. */
export function parseUser(value: string): string {
  const parts = value.split(":");
  if (parts.length <= 2 && parts.every(isNameOrId)) return value;
  throw invalid(
    `${quote(value)} is not a user`,
    "Write a name or number, with an optional group: nobody, 1000 or 1000:1000.",
  );
}

export function parseGroup(value: string): string {
  if (!value.includes(":") && isNameOrId(value)) return value;
  throw invalid(`${quote(value)} is not a group`, "Write a name or a number, such as audio or 29.");
}

function isNameOrId(part: string): boolean {
  return /^\d+$/.test(part) ? Number(part) <= LAST_ID : /^[^\s:/,-][^\s:/,]*$/.test(part);
}
