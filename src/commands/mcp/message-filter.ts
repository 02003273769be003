import { Transform, type TransformCallback } from 'node:stream';
import { ErrorCode, JSONRPCMessageSchema } from '@modelcontextprotocol/sdk/types.js';
import { NEWLINE } from '../../platform/line-reader.ts';

/** More than the longest arguments of any tool. */
const MAX_MESSAGE_BYTES = 4 << 20;

interface Refusal {
  readonly id: string | number | null;
  readonly code: number;
  readonly message: string;
}

/**
 * Passes on the lines of a client that are messages, and answers the others with an error: the SDK ignores them, and ends
 * the session after a long one. Holds one line at a time, up to a limit.
 */
export class MessageFilter extends Transform {
  readonly #reply: (message: object) => void;
  #parts: Buffer[] = [];
  #sizeBytes = 0;

  constructor(reply: (message: object) => void) {
    super();
    this.#reply = reply;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
    done();
  }

  /** The last line may have no newline. */
  override _flush(done: TransformCallback): void {
    this.#endLine();
    done();
  }

  /** A line that becomes too long is refused once; the rest of it is skipped. */
  #add(part: Buffer): void {
    const isLong = this.#sizeBytes > MAX_MESSAGE_BYTES;
    this.#sizeBytes += part.length;
    if (this.#sizeBytes <= MAX_MESSAGE_BYTES) {
      this.#parts.push(part);
      return;
    }
    this.#parts = [];
    const message = `a message has at most ${MAX_MESSAGE_BYTES} bytes`;
    if (!isLong) this.#refuse({ id: null, code: ErrorCode.InvalidRequest, message });
  }

  #endLine(): void {
    const line = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#sizeBytes = 0;
    const text = line.toString().trim();
    if (text === '') return;
    const refusal = refusalOf(text);
    if (refusal === null) this.push(`${text}\n`);
    else this.#refuse(refusal);
  }

  #refuse({ id, code, message }: Refusal): void {
    this.#reply({ jsonrpc: '2.0', id, error: { code, message } });
  }
}

/** Why a line is not a message; null if it is. */
function refusalOf(text: string): Refusal | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { id: null, code: ErrorCode.ParseError, message: 'the line is not valid JSON' };
  }
  if (JSONRPCMessageSchema.safeParse(value).success) return null;
  const { id } = Object(value);
  const message = Array.isArray(value) ? 'batches are not supported' : 'the line is not a JSON-RPC 2.0 message';
  const isId = typeof id === 'string' || typeof id === 'number';
  return { id: isId ? id : null, code: ErrorCode.InvalidRequest, message };
}
