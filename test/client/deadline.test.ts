import { describe, expect, it, onTestFinished } from 'vitest';
import type { VideosClient } from '../../src/client/port.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { HOSTILE_REPLIES, startHostileServer } from '../support/hostile-server.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';

const TIMEOUT_MS = 60_000;

/** Calls a server whose replies trickle, and lets the timeout pass once the request has arrived. */
async function callSlow<T>(kind: string, call: (client: VideosClient) => Promise<T>) {
  const reply = HOSTILE_REPLIES[kind];
  if (reply === undefined) throw new Error(`no such reply: ${kind}`);
  const server = await startHostileServer(() => reply);
  onTestFinished(server.close);
  const clock = createFakeClock({ isManual: true });
  const made = call(createVideosClient(server.url, { clock, timeoutMs: TIMEOUT_MS }).client);
  const outcome = made.then(
    (value) => ({ value, code: null }),
    (error: { code: string }) => ({ value: null, code: error.code }),
  );
  await server.received(1);
  clock.advance(2 * TIMEOUT_MS);
  return { ...(await outcome), requests: server.requests };
}

describe.each(['headers that trickle', 'a body that trickles', 'chunks that trickle', 'a flood of 100s'])(
  '%s',
  (kind) => {
    it.each<[string, (client: VideosClient) => Promise<unknown>]>([
      ['a status call', (client) => client.get('video_1')],
      ['a list', (client) => client.list({ limit: 1 })],
      ['a delete', (client) => client.remove('video_1')],
      ['the start of a download', (client) => client.content({ id: 'video_1', content: null }, 'video')],
    ])('cannot outlast the timeout of a call: %s', async (_, call) => {
      expect(await callSlow(kind, call)).toMatchObject({ code: 'request_timeout' });
    });

    it('leave the outcome of a create unknown, and it is not sent again', async () => {
      const create = (client: VideosClient) => client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
      const { value, requests } = await callSlow(kind, create);
      expect(value).toMatchObject({
        kind: 'unknown',
        error: { code: 'outcome_unknown', causedBy: 'not done within 60 s' },
      });
      expect(requests).toEqual(['POST /v1/videos']);
    });
  },
);
