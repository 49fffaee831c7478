import { invalid, quote } from "./invalid.ts";

/** The names that Docker and Podman allow; they become parts of paths. */
export function parseContainerName(value: string): string {
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(value)) return value;
  throw invalid(
    `${quote(value)} is not a container name`,
    "Names are letters, digits, dots, dashes and underscores, and start with a letter or a digit.",
  );
}

/** __NEW_UTS_LEN: sethostname(2) and setdomainname(2) take 64 bytes. */
const UTS_LENGTH = 64;

export function parseUtsName(value: string): string {
  const bytes = Buffer.byteLength(value);
  if (bytes > 0 && bytes <= UTS_LENGTH) return value;
  throw invalid(`${quote(value)} is ${bytes} bytes long`, `Linux takes names of 1 to ${UTS_LENGTH} bytes.`);
}
