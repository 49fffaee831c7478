/** Archives for the tests: well-formed ones by tar-stream, and the rest block by block. */
import { createHash } from "node:crypto";
import { pack } from "tar-stream";

type PackEntry = Parameters<ReturnType<typeof pack>["entry"]>[0];
export type EntryOptions = PackEntry & { readonly body?: string | Uint8Array };

const BLOCK = 512;
const EPOCH = new Date("2024-05-06T07:08:09Z");

/** An uncompressed archive with these entries, in this order. */
export async function makeTar(entries: readonly (EntryOptions | Uint8Array)[]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (const entry of entries) parts.push(entry instanceof Uint8Array ? entry : await packOne(entry));
  return Buffer.concat([...parts, Buffer.alloc(2 * BLOCK)]);
}

async function packOne({ body, ...header }: EntryOptions): Promise<Buffer> {
  const packer = pack();
  const options = { mtime: EPOCH, ...header };
  if (body === undefined) packer.entry(options);
  else packer.entry(options, Buffer.from(body as string));
  packer.finalize();
  const chunks: Uint8Array[] = [];
  for await (const chunk of packer) chunks.push(chunk as Uint8Array);
  return Buffer.concat(chunks).subarray(0, -2 * BLOCK);
}

export interface RawHeader {
  readonly name: string;
  /** One character, as in tar(5): `0` file, `x` PAX, `L` GNU long name, `S` sparse … */
  readonly type: string;
  readonly size?: number;
  readonly mode?: string;
  readonly uid?: string;
  readonly linkname?: string;
  readonly magic?: string;
}

/** A header block with anything in its fields, and a right check sum. */
export function rawHeader(header: RawHeader): Buffer {
  const { name, type, size = 0, mode = "0000644", uid = "0000000", linkname = "", magic = "ustar\x0000" } = header;
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, 100, "latin1");
  block.write(mode, 100, 8, "latin1");
  block.write(uid, 108, 8, "latin1");
  block.write("0000000", 116, 8, "latin1");
  block.write(size.toString(8).padStart(11, "0"), 124, 12, "latin1");
  block.write("14616000000", 136, 12, "latin1");
  block.write(type, 156, 1, "latin1");
  block.write(linkname, 157, 100, "latin1");
  block.write(magic, 257, 8, "latin1");
  block.fill(" ", 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, 8, "latin1");
  return block;
}

export function rawEntry(header: RawHeader, body: Uint8Array = Buffer.alloc(0)): Buffer {
  const padding = Buffer.alloc((BLOCK - (body.length % BLOCK)) % BLOCK);
  return Buffer.concat([rawHeader({ size: body.length, ...header }), body, padding]);
}

/** PAX records whose values are bytes, which tar-stream cannot write. */
export function paxHeader(records: Readonly<Record<string, string | Uint8Array>>): Buffer {
  const parts = Object.entries(records).map(([key, value]) => paxRecord(key, Buffer.from(value as string)));
  return rawEntry({ name: "PaxHeader", type: "x" }, Buffer.concat(parts));
}

function paxRecord(key: string, value: Buffer): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), value, Buffer.from("\n")]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

export function sha256(bytes: Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}
