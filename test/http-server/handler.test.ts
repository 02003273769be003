import { buffer } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { httpTo } from '../../src/http-server/handler.ts';

describe('httpTo', () => {
  const echo = httpTo({
    answer: async ({ method, url, headers, body }) => ({
      status: 202,
      headers: { 'x-b': '2' },
      body: `${method} ${url} ${headers['x-a']} ${Buffer.from(body)}`,
    }),
  });

  it('replaces the network', async () => {
    const { status, headers, body } = await echo({
      method: 'POST',
      url: 'http://simulator.invalid/v1',
      headers: { 'x-a': '1' },
      body: new TextEncoder().encode('hello'),
    });
    expect([status, headers['x-b']]).toEqual([202, '2']);
    expect(String(await buffer(body))).toBe('POST http://simulator.invalid/v1 1 hello');
  });

  it('returns an empty body for a reply without one', async () => {
    const { body } = await httpTo({ answer: async () => ({ status: 204, headers: {}, body: '' }) })({
      method: 'GET',
      url: 'http://simulator.invalid/',
      headers: {},
    });
    expect(await buffer(body)).toHaveLength(0);
  });

  it('calls nothing when already aborted', async () => {
    const interrupt = new Error('interrupted');
    const signal = AbortSignal.abort(interrupt);
    await expect(echo({ method: 'GET', url: 'http://simulator.invalid/', headers: {}, signal })).rejects.toBe(
      interrupt,
    );
  });
});
