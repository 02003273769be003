import type { Readable } from 'node:stream';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject } from '../domain/json.ts';
import { parseReplyJson } from '../wire/reply-json.ts';

/** No reply of this API is larger; the largest contain a video as base64. */
const MAX_TEXT_BYTES = 64 << 20;
/** How much of a broken reply is searched for an id. */
const MAX_ID_OFFSET = 10_000;

/** Reads from a body; destroys it when the signal aborts. */
export async function abortable<T>(
  body: Readable,
  signal: AbortSignal,
  read: (body: Readable) => Promise<T>,
): Promise<T> {
  const abort = (): void => void body.destroy(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await read(body);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/**
 * The body as text, after the bytes that `peek` took. If it breaks off, a whole JSON object counts: a wrong length
 * must not lose a paid job.
 */
export async function readBodyText(body: Readable, head: Buffer = Buffer.alloc(0)): Promise<string> {
  const decoder = new TextDecoder();
  let text = decoder.decode(head, { stream: true });
  let sizeBytes = head.length;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      sizeBytes += chunk.length;
      if (sizeBytes > MAX_TEXT_BYTES) throw tooLarge();
      text += decoder.decode(chunk, { stream: true });
    }
  } catch (error) {
    if (!isJsonObject(parseReplyJson(text))) throw nameJob(error, text);
  }
  return text + decoder.decode();
}

/** A reply that breaks off after the id of a paid job must not lose the id: the error names it. */
function nameJob(error: unknown, text: string): unknown {
  const id = /"(?:id|task_id|video_id|job_id)"\s*:\s*"?([^\s",}\\]{1,200})[\s",}]/.exec(
    text.slice(0, MAX_ID_OFFSET),
  )?.[1];
  const isNetwork = error instanceof Error && !(error instanceof SoraError);
  if (isNetwork && id !== undefined) error.message += `, after the id ${id} had arrived`;
  return error;
}

/** Reads the first bytes of a stream. They are not put back: a stream that breaks drops its buffer. */
export async function peek(body: Readable, headBytes: number): Promise<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < headBytes) {
    const chunk: Uint8Array | null = body.read();
    if (chunk !== null) head = Buffer.concat([head, chunk]);
    else if (body.readableEnded) return head;
    else if (body.destroyed) throw body.errored ?? new Error('the connection broke');
    else await changed(body);
  }
  return head;
}

const CHANGES = ['readable', 'end', 'error', 'close'] as const;

/** Resolves when a stream has more to read, or has ended in any way. */
function changed(body: Readable): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      for (const change of CHANGES) body.off(change, done);
      resolve();
    };
    for (const change of CHANGES) body.on(change, done);
  });
}

function tooLarge(): Error {
  return Object.assign(new Error(`the reply is larger than ${MAX_TEXT_BYTES >> 20} MiB`), { code: 'EMSGSIZE' });
}
