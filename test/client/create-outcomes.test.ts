import { describe, expect, it } from 'vitest';
import type { CreateOutcome } from '../../src/client/port.ts';
import type { ErrorCode } from '../../src/domain/catalogue.ts';
import type { Dialect } from '../../src/domain/dialect.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { type ClientSetup, createVideosClient } from '../support/videos-client.ts';

const FORMS: readonly (readonly [Dialect, route: string])[] = [
  ['videos', '/videos'],
  ['generations', '/video/generations'],
  ['new-api', '/video/generations'],
  ['openrouter', '/videos'],
];

const LOGIN_PAGE = '<!doctype html><title>Sign in</title>';
const JOB = { id: 'video_1', status: 'queued' };

describe.each(FORMS)('a create in the form %s', (dialect, route) => {
  const createAt = (baseUrl: string, setup: ClientSetup = {}): Promise<CreateOutcome> =>
    createVideosClient(baseUrl, { ...setup, dialect }).client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });

  it.each<[string, ScriptedReply]>([
    ['200', { body: JOB }],
    ['201', { status: 201, body: JOB }],
    ['202 with an address to poll', { status: 202, body: { ...JOB, polling_url: '/api/v1/videos/video_1' } }],
    ['200 of less than its length', { headers: { 'content-length': '100' }, body: JOB, afterwards: 'drop' }],
    ['200 of a video', { body: { video: JOB } }],
    ['200 of a list of one', { body: [JOB] }],
    ['200 of JSON in JSON', { body: JSON.stringify(JSON.stringify(JOB)) }],
    ['200 of a wrapped task', { body: { code: 'success', data: { task_id: 'video_1', status: 'QUEUED' } } }],
  ])('that is answered with %s is accepted', async (_, reply) => {
    const server = await startScriptedServer([reply]);
    expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1', status: 'queued' } });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[number, ErrorCode]>([
    [400, 'invalid_request'],
    [401, 'invalid_api_key'],
    [402, 'insufficient_quota'],
    [403, 'permission_denied'],
    [404, 'endpoint_not_found'],
    [405, 'not_supported'],
    [413, 'invalid_request'],
    [421, 'invalid_request'],
    [422, 'invalid_request'],
    [429, 'rate_limit_exceeded'],
  ])('that is refused with %d is rejected: nothing was made', async (status, code) => {
    const server = await startScriptedServer([
      { status, headers: { 'x-request-id': 'req_1', location: '/elsewhere' }, body: { error: { message: 'no' } } },
      { body: JOB },
    ]);
    expect(await createAt(server.url)).toMatchObject({
      kind: 'rejected',
      error: { code, status, requestId: 'req_1', causedBy: `HTTP ${status}: no` },
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, ScriptedReply, string]>([
    [
      'answered with 301',
      { status: 301, headers: { location: 'https://x.invalid/' } },
      'HTTP 301: redirected to https://x.invalid/',
    ],
    ['answered with 304', { status: 304 }, 'HTTP 304 (empty body)'],
    ['answered with 408', { status: 408, body: '' }, 'HTTP 408 (empty body)'],
    ['answered with 409', { status: 409, body: { error: { message: 'conflict' } } }, 'HTTP 409: conflict'],
    ['answered with 424', { status: 424, body: { detail: 'upstream failed' } }, 'HTTP 424: upstream failed'],
    ['answered with 444', { status: 444, body: '' }, 'HTTP 444 (empty body)'],
    ['answered with 460', { status: 460, body: '' }, 'HTTP 460 (empty body)'],
    ['answered with 500', { status: 500, body: { error: { message: 'oops' } } }, 'HTTP 500: oops'],
    ['answered with 502', { status: 502, body: LOGIN_PAGE }, 'HTTP 502: an HTML page: Sign in'],
    ['answered with 503', { status: 503, body: { detail: 'overloaded' } }, 'HTTP 503: overloaded'],
    ['answered with 504', { status: 504, body: '' }, 'HTTP 504 (empty body)'],
    ['not answered, for the connection breaks', 'drop', 'socket hang up'],
    ['not answered in time', 'hang', 'no answer for 0.05 s'],
    ['answered by half', { headers: { 'content-length': '100' }, body: '{"id":"vid', afterwards: 'drop' }, 'aborted'],
    ['answered by half, then silence', { body: '{"id":"vid', afterwards: 'hang' }, 'no answer for 0.05 s'],
  ])('that is %s is in doubt, and is not sent again', async (_, reply, causedBy) => {
    const server = await startScriptedServer([reply, { body: JOB }]);
    // So short only where silence is the point: a busy machine needs longer for an answer.
    const timeoutMs = causedBy.startsWith('no answer') ? 50 : 10_000;
    expect(await createAt(server.url, { timeoutMs })).toMatchObject({
      kind: 'unknown',
      error: { code: 'outcome_unknown', causedBy, retryable: false },
    });
    expect(server.requests).toHaveLength(1);
    expect(server.requests[0]).toMatchObject({ method: 'POST', path: `/v1${route}` });
    expect(server.requests[0]?.headers).toMatchObject({ 'idempotency-key': 'sub_1' });
  });

  it.each([
    ['rejected', 'model_not_found', 'No available channel for model x under group default (distributor)'],
    ['unknown', 'outcome_unknown', 'the model x is not found'],
  ])('that is answered with 503 and `model_not_found` is %s by its words', async (kind, code, message) => {
    const server = await startScriptedServer([{ status: 503, body: { error: { code: 'model_not_found', message } } }]);
    expect(await createAt(server.url)).toMatchObject({ kind, error: { code } });
  });

  it.each<[string, ScriptedReply, string]>([
    ['a page', { body: LOGIN_PAGE }, 'HTTP 200: an HTML page: Sign in'],
    ['JSON without an id', { body: { status: 'queued' } }, 'HTTP 200: {"status":"queued"}'],
    ['nothing', { status: 204 }, 'HTTP 204 (empty body)'],
  ])('that is answered 2xx with %s is in doubt', async (_, reply, causedBy) => {
    const server = await startScriptedServer([reply, { body: JOB }]);
    expect(await createAt(server.url)).toMatchObject({
      kind: 'unknown',
      error: { code: 'unreadable_response', causedBy },
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, ScriptedReply]>([
    ['`location` with a slash at its end', { status: 201, headers: { location: '/jobs/video_1/' } }],
    ['`operation-location`', { status: 202, headers: { 'operation-location': '/jobs/video_1' } }],
    ['`content-location`', { headers: { 'content-location': '/jobs/video_1' } }],
    ['`polling_url`', { status: 202, body: { status: 'pending', polling_url: '/jobs/video_1' } }],
  ])('that is answered with the address of its job in %s is that job', async (_, reply) => {
    const server = await startScriptedServer(({ method }) => (method === 'POST' ? reply : { body: JOB }));
    expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1' } });
    expect(server.requests).toHaveLength(2);
  });

  it.each([301, 302, 303, 307, 308, 201, 202, 500])(
    'that is answered %d with the address of its job is that job',
    async (status) => {
      const server = await startScriptedServer(({ method }) =>
        method === 'POST' ? { status, headers: { location: '/jobs/video_1' }, body: '' } : { body: JOB },
      );
      expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1' } });
      expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
        `POST /v1${route}`,
        'GET /jobs/video_1',
      ]);
    },
  );

  it.each<[string, string, ScriptedReply]>([
    ['of another origin', 'http://127.0.0.1:1/v1/videos/video_1', { body: JOB }],
    ['where another job is', '/v1/videos/video_2', { body: JOB }],
    ['where a page is', '/login', { body: LOGIN_PAGE }],
    ['that cannot be read', '/v1/videos/video_1', { status: 404, body: '' }],
    ['that is none', 'http://', { body: JOB }],
  ])('that is redirected to an address %s is in doubt', async (_, location, reply) => {
    const server = await startScriptedServer(({ method }) =>
      method === 'POST' ? { status: 303, headers: { location } } : reply,
    );
    expect(await createAt(server.url)).toMatchObject({ kind: 'unknown', error: { code: 'outcome_unknown' } });
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it.each([400, 409, 429, 500])('that is answered %d with its job as the body is that job', async (status) => {
    const server = await startScriptedServer([{ status, body: { ...JOB, object: 'video', status: 'failed' } }]);
    expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1', status: 'failed' } });
  });

  it.each([
    { request_id: 'req_1', status: 'error', message: 'no' },
    { id: 'req_1', status: 'failed', message: 'no' },
    { id: 'err_1', error: { message: 'no' } },
  ])('that is refused with %j is no job', async (body) => {
    const server = await startScriptedServer([{ status: 400, body }]);
    expect(await createAt(server.url)).toMatchObject({ kind: 'rejected' });
  });

  it('that finds nobody listening is rejected: nothing has left', async () => {
    expect(await createAt('http://127.0.0.1:1/v1')).toMatchObject({
      kind: 'rejected',
      error: { code: 'connection_failed', causedBy: 'connect ECONNREFUSED 127.0.0.1:1', retryable: true },
    });
  });

  it('that never gets a secure connection is rejected: nothing has left', async () => {
    const server = await startScriptedServer(['drop']);
    const outcome = await createAt(server.url.replace('http:', 'https:'));
    expect(outcome).toMatchObject({ kind: 'rejected', error: { code: 'tls_failure' } });
    expect(server.requests).toHaveLength(0);
  });

  it('uses a new connection, so that a kept-alive one cannot make its outcome unknown', async () => {
    const server = await startScriptedServer([{ body: JOB }]);
    const { client } = createVideosClient(server.url, { dialect });
    await client.get('video_1');
    await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
    expect(server.requests.map(({ method, headers }) => [method, headers.connection])).toEqual([
      ['GET', 'keep-alive'],
      ['POST', 'close'],
    ]);
  });
});
