import { describe, expect, it } from 'vitest';
import { cancelJob } from '../../src/jobs/cancel.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { type ServedJob, startVideosServer, type VideosServer } from '../support/videos-server.ts';

const NOT_ALLOWED: ScriptedReply = { status: 405, body: { detail: 'Method Not Allowed' } };
const GONE: ScriptedReply = { status: 404, body: { error: { message: 'Video with id video_1 not found' } } };
const BUSY: ScriptedReply = { status: 409, body: { error: { message: 'the video is still being made' } } };

/** A server with one unfinished job, which answers DELETE so, and then tells the job so. */
async function cancel(onDelete: (job: ServedJob) => ScriptedReply | null, afterwards: ScriptedReply | null) {
  const server: VideosServer = await startVideosServer({ remove: onDelete, retrieve: () => afterwards });
  server.jobs.push({ id: 'video_1', status: 'in_progress' });
  const { client } = createVideosClient(server.url);
  return cancelJob({ client, clock: createFakeClock(), signal: new AbortController().signal }, 'video_1');
}

const told = (status: string): ScriptedReply => ({ body: { id: 'video_1', status } });

describe('a cancellation believes what it sees afterwards', () => {
  it.each<[string, (job: ServedJob) => ScriptedReply | null, ScriptedReply | null, object]>([
    ['gone: deleted', () => null, null, { kind: 'deleted' }],
    ['still answering to DELETE with 404, and gone: deleted', () => GONE, GONE, { kind: 'deleted' }],
    ['cancelled: aborted', () => told('cancelled'), told('cancelled'), { kind: 'aborted' }],
    ['failed by the DELETE: aborted', () => ({ body: {} }), told('failed'), { kind: 'aborted' }],
    [
      'only called deleted, and going on',
      () => told('deleted'),
      told('in_progress'),
      { kind: 'running', refusal: null },
    ],
    [
      'refused, and going on',
      () => NOT_ALLOWED,
      told('queued'),
      { kind: 'running', refusal: { code: 'not_supported' } },
    ],
    [
      'refused with 409, and going on',
      () => BUSY,
      told('queued'),
      { kind: 'running', refusal: { code: 'invalid_request' } },
    ],
    ['refused, because it has ended', () => BUSY, told('completed'), { kind: 'ended' }],
    ['refused, and failed by itself', () => BUSY, told('failed'), { kind: 'ended' }],
  ])('%s', async (_, onDelete, afterwards, outcome) => {
    expect(await cancel(onDelete, afterwards)).toMatchObject(outcome);
  });

  it.each<[string, ScriptedReply]>([
    ['409', { status: 409, body: { error: { message: 'Cancellation in progress' } } }],
    ['400', { status: 400, body: { error: { message: 'The job is being cancelled' } } }],
    ['202', { status: 202, body: { id: 'video_1', status: 'cancelling' } }],
  ])('and waits if the server reports with %s that the cancellation has begun', async (_, begun) => {
    const statuses = ['cancelling', 'in_progress', 'cancelled'];
    const server = await startVideosServer({
      remove: () => begun,
      retrieve: () => told(statuses.length > 1 ? (statuses.shift() ?? '') : 'cancelled'),
    });
    server.jobs.push({ id: 'video_1', status: 'in_progress' });
    const deps = {
      client: createVideosClient(server.url).client,
      clock: createFakeClock(),
      signal: new AbortController().signal,
    };
    expect(await cancelJob(deps, 'video_1')).toMatchObject({ kind: 'aborted' });
  });

  it.each<[string, ScriptedReply, string]>([
    ['a rejected key', { status: 401, body: { error: { code: 'invalid_api_key' } } }, 'invalid_api_key'],
    ['a server in trouble', { status: 500, body: 'oh' }, 'server_error'],
  ])('and passes on %s', async (_, reply, code) => {
    await expect(cancel(() => reply, null)).rejects.toMatchObject({ code });
  });
});
