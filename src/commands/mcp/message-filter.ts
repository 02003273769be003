import { Transform, type TransformCallback, type Writable } from 'node:stream';
import {
  CallToolRequestSchema,
  ErrorCode,
  InitializeRequestSchema,
  JSONRPCMessageSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { parseJson } from '../../domain/json.ts';
import { NEWLINE } from '../../platform/line-reader.ts';

/** More than the longest arguments of any tool. */
const MAX_MESSAGE_BYTES = 4 << 20;

interface Refusal {
  readonly id: string | number | null;
  readonly code: number;
  readonly message: string;
}

/** The SDK reports parameters that do not fit as internal errors. */
const REQUESTS: Readonly<Record<string, typeof CallToolRequestSchema | typeof InitializeRequestSchema>> = {
  initialize: InitializeRequestSchema,
  'tools/call': CallToolRequestSchema,
};

/**
 * Passes on the messages of a client and answers other lines with an error: the SDK would ignore them, and end the
 * session after a long one.
 */
export class MessageFilter extends Transform {
  readonly #replies: Writable;
  #parts: Buffer[] = [];
  #sizeBytes = 0;

  constructor(replies: Writable) {
    super();
    this.#replies = replies;
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    let start = 0;
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, start)) {
      this.#add(chunk.subarray(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#add(chunk.subarray(start));
    this.#whenRead(done);
  }

  /** The last line may have no newline. */
  override _flush(done: TransformCallback): void {
    this.#endLine();
    done();
  }

  #whenRead(done: () => void): void {
    const replies = this.#replies;
    if (!replies.writableNeedDrain || replies.destroyed) {
      done();
      return;
    }
    const resume = (): void => {
      replies.off('drain', resume).off('close', resume);
      done();
    };
    replies.on('drain', resume).on('close', resume);
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
    this.#replies.write(`${JSON.stringify({ jsonrpc: '2.0', id, error: { code, message } })}\n`);
  }
}

/** Why a line is not a message; null if it is. */
function refusalOf(text: string): Refusal | null {
  const value = parseJson(text);
  if (value === undefined) return { id: null, code: ErrorCode.ParseError, message: 'the line is not valid JSON' };
  const { id, method } = Object(value);
  const known = { id: typeof id === 'string' || typeof id === 'number' ? id : null };
  if (!JSONRPCMessageSchema.safeParse(value).success) {
    const message = Array.isArray(value) ? 'batches are not supported' : 'the line is not a JSON-RPC 2.0 message';
    return { ...known, code: ErrorCode.InvalidRequest, message };
  }
  const isFitting = known.id === null || (REQUESTS[method]?.safeParse(value).success ?? true);
  return isFitting ? null : { ...known, code: ErrorCode.InvalidParams, message: `invalid parameters of ${method}` };
}
