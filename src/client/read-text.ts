import type { HttpReply } from '../platform/http.ts';

/** A reply larger than this is no reply of this API; the largest real one carries a video as base64. */
const MAX_REPLY_BYTES = 256 << 20;

/** A reply’s body as text, read to its end. */
export async function readText({ body }: HttpReply): Promise<string> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    sizeBytes += chunk.length;
    if (sizeBytes > MAX_REPLY_BYTES) throw new Error(`the reply is larger than ${MAX_REPLY_BYTES >> 20} MiB`);
    chunks.push(chunk);
  }
  return new TextDecoder().decode(Buffer.concat(chunks));
}
