import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type HttpReply, nodeHttp } from '../../src/platform/http.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

/** No two places of it look the same, so that a byte in the wrong place shows. */
const FILM = Buffer.from(Uint32Array.from({ length: 4_000_000 }, (_, place) => place * 2_654_435_761).buffer);
const whole = { headers: { 'content-length': String(FILM.length) }, body: FILM };
const cut = { ...whole, body: FILM.subarray(0, FILM.length / 2) };

type Changes = { readonly signal?: AbortSignal; readonly idleTimeoutMs?: number };

function get(url: string, changes: Changes = {}): Promise<HttpReply> {
  return nodeHttp({ method: 'GET', url, headers: {}, recycles: true, ...changes });
}

type Chunks = AsyncIterable<Uint8Array>;
type Recycle = (chunk: Uint8Array) => void;

/** Gives each chunk back `times` times, when `waiting` more have come. */
function readerThatGivesBack(waiting: number, times = 1): (body: Chunks, recycle: Recycle) => Promise<Buffer> {
  return async (body, recycle) => {
    const copies: Uint8Array[] = [];
    const held: Uint8Array[] = [];
    for await (const chunk of body) {
      held.push(chunk);
      const done = held.length > waiting ? held.shift() : undefined;
      if (done === undefined) continue;
      copies.push(Buffer.from(done));
      for (let i = 0; i < times; i++) recycle(done);
      await nextTurn(); // time to be overwritten in, for whatever may be
    }
    return Buffer.concat([...copies, ...held]);
  };
}

async function readerThatGivesBackHalves(body: Chunks, recycle: Recycle): Promise<Buffer> {
  const held: Uint8Array[] = [];
  for await (const chunk of body) {
    recycle(chunk.subarray(0, chunk.length / 2));
    held.push(chunk);
  }
  return Buffer.concat(held);
}

describe('a long body', () => {
  it.each([
    ['at once', readerThatGivesBack(0)],
    ['late', readerThatGivesBack(3)],
    ['never', readerThatGivesBack(Number.POSITIVE_INFINITY)],
    ['twice', readerThatGivesBack(1, 2)],
    ['in parts', readerThatGivesBackHalves],
  ])('arrives byte for byte at a reader that gives its chunks back %s', async (_, readWhole) => {
    const server = await startScriptedServer([whole]);
    const { body, recycle } = await get(server.url);
    if (recycle === undefined) throw new Error('it was not read as a long one');
    expect((await readWhole(body, recycle)).equals(FILM)).toBe(true);
  });

  it('brings what came before the connection broke, and then says so', async () => {
    const server = await startScriptedServer([{ ...whole, body: FILM.subarray(0, 700_000), afterwards: 'drop' }]);
    const { body } = await get(server.url);
    await once(body, 'readable');
    for (let turn = 0; turn < 50; turn++) await nextTurn(); // all has come, and nobody has taken any of it
    const { bytes, error } = await readUntilBroken(body);
    expect(error).toMatchObject({ code: 'ECONNRESET' });
    expect(bytes.equals(FILM.subarray(0, 700_000))).toBe(true);
  });

  it('breaks with the reason of an abort, or of a silence', async () => {
    const server = await startScriptedServer([{ ...cut, afterwards: 'hang' }]);
    const interrupt = new Error('interrupted');
    const controller = new AbortController();
    const aborted = await get(server.url, { signal: controller.signal });
    aborted.body.once('data', () => controller.abort(interrupt));
    expect((await readUntilBroken(aborted.body)).error).toBe(interrupt);
    const silent = await get(server.url, { idleTimeoutMs: 200 });
    expect((await readUntilBroken(silent.body)).error).toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('is not read on while nobody takes it', async () => {
    const server = await startScriptedServer([whole]);
    const { body } = await get(server.url);
    await once(body, 'readable');
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    expect(body.readableLength).toBeLessThan(4 << 20);
    expect((await readerThatGivesBack(0)(body, () => {})).equals(FILM)).toBe(true);
  });

  it('is whole though the connection is closed before its end is read', async () => {
    const long = FILM.subarray(0, 1 << 20);
    const headers = { 'content-length': String(long.length), connection: 'close' };
    const server = await startScriptedServer([{ headers, body: long }]);
    const { body, recycle } = await get(server.url);
    expect(recycle).toBeDefined();
    await once(body, 'readable');
    for (let turn = 0; turn < 50; turn++) await nextTurn();
    const { bytes, error } = await readUntilBroken(body);
    expect(error).toBeNull();
    expect(bytes.equals(long)).toBe(true);
  });

  it('is not expected where a reply has a length and no body', async () => {
    const server = await startScriptedServer([
      { status: 304, headers: { 'content-length': String(FILM.length) } },
      { body: 'the next' },
    ]);
    const { body } = await get(server.url);
    expect(await readUntilBroken(body)).toEqual({ bytes: Buffer.alloc(0), error: null });
    await nextTurn();
    const next = await get(server.url, { idleTimeoutMs: 2_000 });
    expect(String((await readUntilBroken(next.body)).bytes)).toBe('the next');
  });

  it('closes its connection, and leaves that of a short one to the next request', async () => {
    let connections = 0;
    const server = createServer((request, reply) => {
      const body = request.url === '/long' ? FILM : FILM.subarray(0, 1000);
      reply.writeHead(200, { 'content-length': body.length }).end(body);
    });
    server.on('connection', () => connections++);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
    for (const path of ['short', 'short', 'long', 'short']) {
      const { body } = await get(`http://127.0.0.1:${port}/${path}`);
      await readUntilBroken(body);
      await nextTurn(); // the connection goes back to where the next request finds it
    }
    expect(connections).toBe(2);
  });
});

async function readUntilBroken(body: Readable): Promise<{ bytes: Buffer; error: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of body as Chunks) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), error: null };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error };
  }
}
