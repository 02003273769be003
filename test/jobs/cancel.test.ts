import { describe, expect, it } from 'vitest';
import { cancelJob } from '../../src/jobs/cancel.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { type ServedJob, startVideosServer, type VideosServer } from '../support/videos-server.ts';

const NOT_ALLOWED: ScriptedReply = { status: 405, body: { detail: 'Method Not Allowed' } };
const GONE: ScriptedReply = { status: 404, body: { error: { message: 'Video with id video_1 not found' } } };
const TROUBLE: ScriptedReply = { status: 500, body: 'oh' };
const BUSY: ScriptedReply = { status: 409, body: { error: { message: 'the video is still being made' } } };

/** A server with one unfinished job and these replies to DELETE and to later status calls. */
async function cancel(onDelete: (job: ServedJob) => ScriptedReply | null, afterwards: ScriptedReply | null) {
  const server: VideosServer = await startVideosServer({ remove: onDelete, retrieve: () => afterwards });
  server.jobs.push({ id: 'video_1', status: 'in_progress' });
  const { client } = createVideosClient(server.url);
  return cancelJob({ client, clock: createFakeClock(), signal: new AbortController().signal }, 'video_1');
}

const jobReply = (status: string): ScriptedReply => ({ body: { id: 'video_1', status } });

describe('cancelJob', () => {
  it.each<[string, (job: ServedJob) => ScriptedReply | null, ScriptedReply | null, object]>([
    ['gone: deleted', () => null, null, { kind: 'deleted' }],
    ['gone, in other words: deleted', () => jobReply('deleted'), { status: 404, body: 'gone' }, { kind: 'deleted' }],
    ['answered with 404, and gone: deleted', () => GONE, GONE, { kind: 'deleted' }],
    ['cancelled: aborted', () => jobReply('cancelled'), jobReply('cancelled'), { kind: 'aborted' }],
    ['failed by the DELETE: aborted', () => ({ body: {} }), jobReply('failed'), { kind: 'aborted' }],
    [
      'reported as deleted, but still running',
      () => jobReply('deleted'),
      jobReply('in_progress'),
      { kind: 'running', refusal: null },
    ],
    [
      'refused, and still running',
      () => NOT_ALLOWED,
      jobReply('queued'),
      { kind: 'running', refusal: { code: 'not_supported' } },
    ],
    [
      'refused with 409, and still running',
      () => BUSY,
      jobReply('queued'),
      { kind: 'running', refusal: { code: 'invalid_request' } },
    ],
    ['answered with 500, and gone: deleted', () => TROUBLE, GONE, { kind: 'deleted' }],
    ['answered with 500, and cancelled: aborted', () => TROUBLE, jobReply('cancelled'), { kind: 'aborted' }],
    [
      'answered with 500, and still running',
      () => TROUBLE,
      jobReply('queued'),
      { kind: 'running', refusal: { code: 'server_error' } },
    ],
    ['refused, because it has ended', () => BUSY, jobReply('completed'), { kind: 'ended' }],
    ['refused, and failed on its own', () => BUSY, jobReply('failed'), { kind: 'ended' }],
  ])('recognises a job that is %s', async (_, onDelete, afterwards, outcome) => {
    expect(await cancel(onDelete, afterwards)).toMatchObject(outcome);
  });

  it.each<[string, ScriptedReply]>([
    ['409', { status: 409, body: { error: { message: 'Cancellation in progress' } } }],
    ['400', { status: 400, body: { error: { message: 'The job is being cancelled' } } }],
    ['202', { status: 202, body: { id: 'video_1', status: 'cancelling' } }],
  ])('waits when the server reports with %s that the cancellation has begun', async (_, begun) => {
    const statuses = ['cancelling', 'in_progress', 'cancelled'];
    const server = await startVideosServer({
      remove: () => begun,
      retrieve: () => jobReply(statuses.length > 1 ? (statuses.shift() ?? '') : 'cancelled'),
    });
    server.jobs.push({ id: 'video_1', status: 'in_progress' });
    const deps = {
      client: createVideosClient(server.url).client,
      clock: createFakeClock(),
      signal: new AbortController().signal,
    };
    expect(await cancelJob(deps, 'video_1')).toMatchObject({ kind: 'aborted' });
  });

  it.each<[string, ScriptedReply, ScriptedReply | null, string]>([
    ['a rejected key', { status: 401, body: { error: { code: 'invalid_api_key' } } }, null, 'invalid_api_key'],
    ['a server in trouble, which cannot tell', TROUBLE, { status: 502, body: 'oh' }, 'server_error'],
  ])('rejects with the error of %s', async (_, reply, afterwards, code) => {
    await expect(cancel(() => reply, afterwards)).rejects.toMatchObject({ code });
  });
});
