import { describe, expect, it } from 'vitest';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { createVideosClient } from '../support/videos-client.ts';

const PAGE: ScriptedReply = { body: '<html><title>Sign in</title></html>' };

async function connect(...script: readonly [ScriptedReply, ...ScriptedReply[]]) {
  const server = await startScriptedServer(script);
  return createVideosClient(server.url).client;
}

describe('get', () => {
  it.each<[string, Record<string, string>, number | null]>([
    ['openai-poll-after-ms', { 'openai-poll-after-ms': '250', 'retry-after': '9' }, 250],
    ['Retry-After', { 'retry-after': '9' }, 9_000],
    ['nothing', {}, null],
  ])('reads when to poll again: %s', async (_, headers, pollAfterMs) => {
    const client = await connect({ headers: { ...headers, 'x-request-id': 'req_1' }, body: { status: 'queued' } });
    expect(await client.get('video_1')).toMatchObject({ id: 'video_1', pollAfterMs, requestId: 'req_1' });
  });

  it.each<[string, ScriptedReply]>([
    ['an HTML page', PAGE],
    ['another service’s JSON', { body: { message: 'welcome' } }],
    ['nothing', { status: 204 }],
  ])('refuses %s as a job', async (_, reply) => {
    const client = await connect(reply);
    await expect(client.get('video_1')).rejects.toMatchObject({ code: 'unreadable_response' });
  });
});

describe('list', () => {
  it.each<[string, ScriptedReply, string | null]>([
    ['there may be more', { body: { data: [{ id: 'b' }, { id: 'c' }], has_more: true } }, 'c'],
    ['the server does not say', { body: { data: [{ id: 'b' }, { id: 'c' }] } }, 'c'],
    ['the server says that it is the last', { body: { data: [{ id: 'b' }], has_more: false } }, null],
    [
      'the page is empty and the server says that there is more',
      { body: { data: [], has_more: true, last_id: 'c' } },
      'c',
    ],
    ['the page is empty', { body: { data: [], last_id: 'c' } }, null],
    ['the cursor does not move', { body: { data: [{ id: 'a' }], has_more: true } }, null],
  ])('finds the next page when %s', async (_, reply, next) => {
    const client = await connect(reply);
    expect((await client.list({ limit: 2, after: 'a' })).next).toBe(next);
  });

  it('refuses an HTML page and unrelated JSON', async () => {
    for (const reply of [PAGE, { body: { message: 'welcome' } }]) {
      const client = await connect(reply);
      await expect(client.list({ limit: 2 })).rejects.toMatchObject({ code: 'unreadable_response', status: 200 });
    }
  });
});

describe('remove', () => {
  it.each<[string, ScriptedReply, boolean]>([
    ['OpenAI’s reply', { body: { id: 'video_1', deleted: true } }, true],
    ['an empty 204', { status: 204 }, true],
    ['a job that keeps running', { body: { id: 'video_1', status: 'in_progress' } }, false],
  ])('returns what the server reports: %s', async (_, reply, isGone) => {
    const client = await connect(reply);
    expect(await client.remove('video_1')).toBe(isGone);
  });

  it('refuses an HTML page', async () => {
    const client = await connect(PAGE);
    await expect(client.remove('video_1')).rejects.toMatchObject({ code: 'unreadable_response' });
  });

  it('throws when the server cannot delete', async () => {
    const client = await connect({ status: 405, body: { detail: 'Method Not Allowed' } });
    await expect(client.remove('video_1')).rejects.toMatchObject({ code: 'not_supported', status: 405 });
  });
});

describe('an abort', () => {
  it('ends a call with its own reason', async () => {
    const controller = new AbortController();
    const interrupt = new Error('interrupted');
    const server = await startScriptedServer(() => {
      controller.abort(interrupt);
      return 'hang';
    });
    const { client } = createVideosClient(server.url);
    await expect(client.get('video_1', { signal: controller.signal })).rejects.toBe(interrupt);
  });
});
