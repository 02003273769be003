import { buffer } from 'node:stream/consumers';
import type { ContentReply } from '../../src/client/port.ts';

/** All bytes of a file. */
export async function contentBytes({ head, body }: Pick<ContentReply, 'head' | 'body'>): Promise<Buffer> {
  return Buffer.concat([head, await buffer(body)]);
}
