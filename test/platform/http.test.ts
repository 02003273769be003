import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type HttpReply, nodeHttp } from '../../src/platform/http.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

const interrupt = new Error('interrupted');

/** Opens a reply with the idle timeout, or a longer one where a busy machine needs that. */
const openWithin = (url: string, idleTimeoutMs: number): Promise<HttpReply> =>
  nodeHttp({ method: 'GET', url, headers: {}, idleTimeoutMs }).catch(() => openWithin(url, 2 * idleTimeoutMs));

describe('nodeHttp', () => {
  it('sends a request and returns the reply', async () => {
    const server = await startScriptedServer([
      { status: 201, headers: { 'X-Answer': 'yes', 'set-cookie': 'a=1' }, body: 'done' },
    ]);
    const reply = await nodeHttp({
      method: 'PUT',
      url: `${server.origin}/a?b=c`,
      headers: { 'x-question': 'why' },
      body: 'mañana',
    });
    expect(reply).toMatchObject({ status: 201, headers: { 'x-answer': 'yes', 'set-cookie': 'a=1' } });
    expect(String(await buffer(reply.body))).toBe('done');
    expect(server.requests).toMatchObject([
      { method: 'PUT', path: '/a?b=c', headers: { 'x-question': 'why', 'content-length': '7' } },
    ]);
    expect(String(server.requests[0]?.body)).toBe('mañana');
  });

  it('sends nothing when already aborted', async () => {
    const server = await startScriptedServer(['hang']);
    const signal = AbortSignal.abort(interrupt);
    await expect(nodeHttp({ method: 'GET', url: server.url, headers: {}, signal })).rejects.toBe(interrupt);
    expect(server.requests).toEqual([]);
  });

  it('rejects with the reason of an abort before the reply', async () => {
    const controller = new AbortController();
    const server = await startScriptedServer(() => {
      controller.abort(interrupt);
      return 'hang';
    });
    const { signal } = controller;
    await expect(nodeHttp({ method: 'GET', url: server.url, headers: {}, signal })).rejects.toBe(interrupt);
  });

  it('fails the body with the reason of an abort, or after a silence', async () => {
    const server = await startScriptedServer([{ body: 'half', afterwards: 'hang' }]);
    const controller = new AbortController();
    const aborted = await nodeHttp({ method: 'GET', url: server.url, headers: {}, signal: controller.signal });
    const reading = buffer(aborted.body);
    controller.abort(interrupt);
    await expect(reading).rejects.toBe(interrupt);

    const silent = await openWithin(server.url, 50);
    await expect(buffer(silent.body)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it.each([
    ['http://127.0.0.1:1/', 'ECONNREFUSED'],
    ['ftp://127.0.0.1/', 'ERR_INVALID_PROTOCOL'],
  ])('rejects with the system error code for %s', async (url, code) => {
    await expect(nodeHttp({ method: 'GET', url, headers: {} })).rejects.toMatchObject({ code });
  });
});
