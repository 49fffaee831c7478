/**
 * Collects a stream as UTF-8 text, up to `maxBytes`; what comes after that is thrown away, and `onExceeded` is called
 * once. Resolves when the stream ends; a stream that is null gives the empty text.
 */
export async function collectOutput(
  stream: NodeJS.ReadableStream | null,
  maxBytes: number,
  onExceeded: () => void,
): Promise<string> {
  if (stream === null) return "";
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of stream) {
    const bytes = chunk as Buffer;
    if (size <= maxBytes && size + bytes.length > maxBytes) onExceeded();
    size += bytes.length;
    if (size <= maxBytes) chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString("utf8");
}
