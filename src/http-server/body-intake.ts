import type { IncomingMessage } from 'node:http';
import { HttpError } from './handler.ts';

export const MAX_BODY_BYTES = 25 * 1024 * 1024;
/** Up to this size the body of a refused request is read and discarded, so that its sender gets to read the refusal. */
const MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES;
/** For all bodies that are arriving: many large ones at once would exhaust the memory. */
const CAPACITY_BYTES = 10 * MAX_BODY_BYTES;

/** Reads request bodies, with a limit for each and one for all of them together. */
export class BodyIntake {
  readonly #capacityBytes: number;
  #heldBytes = 0;

  constructor(capacityBytes = CAPACITY_BYTES) {
    this.#capacityBytes = capacityBytes;
  }

  /**
   * Reads a whole body; until its answer is ready, its bytes count as held. Throws 413 for a body that is too large,
   * and 503 while there is no room.
   */
  async take<T>(incoming: IncomingMessage, answer: (body: Uint8Array) => Promise<T>): Promise<T> {
    const { expect, 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
    if (length === undefined && encoding === undefined) return answer(Buffer.of());
    if (expect !== undefined && lengthOf(incoming) > MAX_BODY_BYTES) throw tooLarge();
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    let heldBytes = 0;
    let isCrowdedOut = false;
    const release = (): void => {
      chunks.length = 0;
      this.#heldBytes -= heldBytes;
      heldBytes = 0;
    };
    try {
      for await (const chunk of incoming) {
        sizeBytes += chunk.length;
        isCrowdedOut ||= this.#heldBytes + chunk.length > this.#capacityBytes;
        if (sizeBytes > MAX_BODY_BYTES || isCrowdedOut) release();
        else {
          chunks.push(chunk);
          heldBytes += chunk.length;
          this.#heldBytes += chunk.length;
        }
        if (sizeBytes > MAX_DISCARDED_BYTES) break; // closes the connection
      }
      if (sizeBytes > MAX_BODY_BYTES) throw tooLarge();
      if (isCrowdedOut) throw crowdedOut();
      return await answer(Buffer.concat(chunks));
    } finally {
      release();
    }
  }
}

export function lengthOf({ headers }: IncomingMessage): number {
  return Number(headers['content-length'] ?? 0);
}

function tooLarge(): HttpError {
  const message = `The request body is larger than the limit of ${MAX_BODY_BYTES} bytes`;
  return new HttpError({ status: 413, code: 'request_too_large', message, headers: { connection: 'close' } });
}

function crowdedOut(): HttpError {
  const message = 'Too many large requests are arriving at once; retry in a moment';
  return new HttpError({ status: 503, message, headers: { 'retry-after': '1' } });
}
