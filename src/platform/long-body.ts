import type * as NodeHttp from 'node:http';
import type { Socket } from 'node:net';
import { Readable } from 'node:stream';

/** What one read of a socket may bring. A shorter body gains little, and leaves its connection to the next request. */
const BLOCK_BYTES = 1 << 20;

/** The readers of the sockets of `longBodyAgent`. */
const readers = new WeakMap<Socket, SocketReader>();
let agent: NodeHttp.Agent | undefined;

/** For requests whose answer may be long: the connections of this agent can be read past the parser of HTTP. */
export function longBodyAgent(): NodeHttp.Agent {
  agent ??= createAgent();
  return agent;
}

/**
 * The body of a reply over the `longBodyAgent`, past the parser of HTTP, or null where that gains nothing or cannot be
 * done. To be called when the reply is announced, before anything else is done with it; then the body comes from here
 * and not from the reply.
 */
export function longBodyOf(reply: NodeHttp.IncomingMessage): LongBody | null {
  // A reply without a body has a length too, and gives its connection back at once.
  const hasBody = reply.statusCode === 200 || reply.statusCode === 206;
  const reader = readers.get(reply.socket);
  const sizeBytes = Number(reply.headers['content-length']);
  const isLong = reply.headers['transfer-encoding'] === undefined && sizeBytes >= BLOCK_BYTES;
  const isParsedSoFar = reply.socket.readableLength === 0;
  if (reader === undefined || !hasBody || !isLong || !isParsedSoFar) return null;
  const body = new LongBody(reply, sizeBytes, reader);
  reader.handTo(body);
  return body;
}

/**
 * A body of a known length, read into memory that is used again: Node’s parser copies each chunk into memory of its own,
 * and touching so much fresh memory takes longer than all the rest of a download (docs/adr/0022).
 */
export class LongBody extends Readable {
  readonly #reply: NodeHttp.IncomingMessage;
  readonly #reader: SocketReader;
  #leftBytes: number;
  /** What broke the connection. */
  #breakage: Error | null = null;

  constructor(reply: NodeHttp.IncomingMessage, sizeBytes: number, reader: SocketReader) {
    super({ highWaterMark: BLOCK_BYTES });
    this.#reply = reply;
    this.#reader = reader;
    this.#leftBytes = sizeBytes;
    reply.on('data', (bytes: Uint8Array) => this.#push(bytes)); // what comes with the head, and is parsed with it
    reply.on('error', (error) => {
      this.#breakage = error;
      this.#breakWhenEmpty();
    });
  }

  /** Takes a chunk back that nobody reads any more; the next bytes are read into it. */
  readonly recycle = (chunk: Uint8Array): void => this.#reader.recycle(chunk);

  /** Whether more is wanted at once. */
  accept(bytes: Uint8Array): boolean {
    while (this.#reply.read() !== null); // should any be left of what came with the head: it is first
    return this.#push(bytes);
  }

  /** What has arrived before the connection broke is handed out before the error is: a download goes on behind it. */
  override read(size?: number): unknown {
    const bytes: unknown = super.read(size);
    this.#breakWhenEmpty();
    return bytes;
  }

  override _read(): void {
    this.#reply.socket.resume();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#reply.destroy();
    done(error);
  }

  #breakWhenEmpty(): void {
    if (this.#breakage !== null && this.readableLength === 0) this.destroy(this.#breakage);
  }

  #push(bytes: Uint8Array): boolean {
    if (this.#leftBytes === 0) return false;
    const ours = bytes.subarray(0, this.#leftBytes);
    this.#leftBytes -= ours.length;
    const wantsMore = this.push(ours);
    if (this.#leftBytes > 0) return wantsMore;
    this.push(null);
    this.#reply.destroy(); // with its connection, which nothing else can be asked over
    return false;
  }
}

/** Reads a socket block by block, for the parser or for a long body. */
class SocketReader {
  #block = newBlock();
  readonly #free: Uint8Array[] = [];
  /** Blocks that are on their way, by how much of them is. */
  readonly #lentBytes = new WeakMap<ArrayBufferLike, number>();
  #body: LongBody | null = null;

  handTo(body: LongBody): void {
    this.#body = body;
  }

  /** Where the next read goes. */
  readonly block = (): Uint8Array => this.#block;

  /** Hands on what a read has brought; false when no more is wanted for now. */
  handOn(socket: Socket, sizeBytes: number): boolean {
    const bytes = this.#block.subarray(0, sizeBytes);
    if (this.#body === null) return socket.push(Buffer.from(bytes));
    if (sizeBytes < BLOCK_BYTES / 2) return this.#body.accept(Buffer.from(bytes));
    this.#lentBytes.set(bytes.buffer, sizeBytes);
    this.#block = this.#free.pop() ?? newBlock();
    return this.#body.accept(bytes);
  }

  /** A block is used again only when all that was lent of it comes back in one piece. */
  recycle(chunk: Uint8Array): void {
    if (this.#lentBytes.get(chunk.buffer) !== chunk.length) return;
    this.#lentBytes.delete(chunk.buffer);
    this.#free.push(new Uint8Array(chunk.buffer));
  }
}

function newBlock(): Uint8Array {
  return Buffer.allocUnsafeSlow(BLOCK_BYTES); // with a memory of its own
}

function createAgent(): NodeHttp.Agent {
  const http = process.getBuiltinModule('node:http');
  class LongBodyAgent extends http.Agent {
    override createConnection(...[options, callback]: Parameters<NodeHttp.Agent['createConnection']>) {
      const reader = new SocketReader();
      const callbackOfRead = (sizeBytes: number): boolean => reader.handOn(socket, sizeBytes);
      const onread = { buffer: reader.block, callback: callbackOfRead };
      const socket = super.createConnection({ ...options, onread } as NodeHttp.ClientRequestArgs, callback) as Socket;
      readers.set(socket, reader);
      return socket;
    }
  }
  return new LongBodyAgent({ keepAlive: true, scheduling: 'lifo', timeout: 5_000 }); // as Node’s own
}
