import type { IncomingMessage } from 'node:http';
import { ApiError } from './api-error.ts';

export const MAX_BODY_BYTES = 25 * 1024 * 1024;
/** Of a body that is too large so much is read and thrown away, so that its sender gets to read the refusal. */
const MAX_DISCARDED_BYTES = 4 * MAX_BODY_BYTES;
/** Of all bodies together that are on their way in: many large ones at once would take all memory. */
const CAPACITY_BYTES = 10 * MAX_BODY_BYTES;

/** Takes in the bodies of requests, within limits for each and for all of them together. */
export class BodyIntake {
  readonly #capacityBytes: number;
  #heldBytes = 0;

  constructor(capacityBytes = CAPACITY_BYTES) {
    this.#capacityBytes = capacityBytes;
  }

  /**
   * Reads a body to its end and answers with it; its bytes count as held until then. Throws a 413 for one that is too large
   * (before anything was read where the sender waits for a word: `Expect: 100-continue`), and a 503 for one that there is no
   * room for now.
   */
  async take<T>(incoming: IncomingMessage, answer: (body: Uint8Array) => Promise<T>): Promise<T> {
    const { expect, 'content-length': length, 'transfer-encoding': encoding } = incoming.headers;
    if (length === undefined && encoding === undefined) return answer(Buffer.of());
    if (expect !== undefined && lengthOf(incoming) > MAX_BODY_BYTES) throw tooLarge();
    const chunks: Uint8Array[] = [];
    let sizeBytes = 0;
    let heldBytes = 0;
    let isCrowdedOut = false;
    const letGo = (): void => {
      chunks.length = 0;
      this.#heldBytes -= heldBytes;
      heldBytes = 0;
    };
    try {
      for await (const chunk of incoming) {
        sizeBytes += chunk.length;
        isCrowdedOut ||= this.#heldBytes + chunk.length > this.#capacityBytes;
        if (sizeBytes > MAX_BODY_BYTES || isCrowdedOut) letGo();
        else {
          chunks.push(chunk);
          heldBytes += chunk.length;
          this.#heldBytes += chunk.length;
        }
        if (sizeBytes > MAX_DISCARDED_BYTES) break; // which breaks the connection
      }
      if (sizeBytes > MAX_BODY_BYTES) throw tooLarge();
      if (isCrowdedOut) throw crowdedOut();
      return await answer(Buffer.concat(chunks));
    } finally {
      letGo();
    }
  }
}

export function lengthOf({ headers }: IncomingMessage): number {
  return Number(headers['content-length'] ?? 0);
}

function tooLarge(): ApiError {
  const message = `The request body is larger than the limit of ${MAX_BODY_BYTES} bytes`;
  return new ApiError({ status: 413, code: 'request_too_large', message, headers: { connection: 'close' } });
}

function crowdedOut(): ApiError {
  const message = 'Too many large requests arrive at once. Please try again later.';
  const headers = { 'retry-after': '1' };
  return new ApiError({ status: 503, type: 'service_unavailable_error', message, headers });
}
