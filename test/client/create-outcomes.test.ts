import { describe, expect, it } from 'vitest';
import type { CreateOutcome } from '../../src/client/port.ts';
import type { ErrorCode } from '../../src/domain/catalogue.ts';
import type { Dialect } from '../../src/domain/dialect.ts';
import { type Http, nodeHttp } from '../../src/platform/http.ts';
import { createFakeClock } from '../support/fake-clock.ts';
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

describe.each(FORMS)('a create in dialect %s', (dialect, route) => {
  const createAt = (baseUrl: string, setup: ClientSetup = {}): Promise<CreateOutcome> =>
    createVideosClient(baseUrl, { ...setup, dialect }).client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });

  it.each<[string, ScriptedReply]>([
    ['200', { body: JOB }],
    ['201', { status: 201, body: JOB }],
    ['202 with an address to poll', { status: 202, body: { ...JOB, polling_url: '/api/v1/videos/video_1' } }],
    ['200 with a body shorter than announced', { headers: { 'content-length': '100' }, body: JOB, afterwards: 'drop' }],
    ['200 with the job under `video`', { body: { video: JOB } }],
    ['200 with a list of one', { body: [JOB] }],
    ['200 with JSON in a string', { body: JSON.stringify(JSON.stringify(JOB)) }],
    ['200 with a wrapped task', { body: { code: 'success', data: { task_id: 'video_1', status: 'QUEUED' } } }],
  ])('is accepted when the server answers %s', async (_, reply) => {
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
  ])('is rejected on a %d: nothing was created', async (status, code) => {
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
    ['answered with 406', { status: 406, body: '' }, 'HTTP 406 (empty body)'],
    ['answered with 408', { status: 408, body: '' }, 'HTTP 408 (empty body)'],
    ['answered with 409', { status: 409, body: { error: { message: 'conflict' } } }, 'HTTP 409: conflict'],
    ['answered with 423', { status: 423, body: { detail: 'locked' } }, 'HTTP 423: locked'],
    ['answered with 425', { status: 425, body: { detail: 'still processing' } }, 'HTTP 425: still processing'],
    [
      'answered with 422 because of its idempotency key',
      { status: 422, body: { error: { code: 'idempotency_key_reuse', message: 'this key was used before' } } },
      'HTTP 422: this key was used before',
    ],
    [
      'answered with 400 because its idempotency key was seen before, in other words',
      { status: 400, body: { error: { message: 'Keys for idempotent requests can only be used once' } } },
      'HTTP 400: Keys for idempotent requests can only be used once',
    ],
    ['answered with 424', { status: 424, body: { detail: 'upstream failed' } }, 'HTTP 424: upstream failed'],
    ['answered with 444', { status: 444, body: '' }, 'HTTP 444 (empty body)'],
    ['answered with 460', { status: 460, body: '' }, 'HTTP 460 (empty body)'],
    ['answered with 500', { status: 500, body: { error: { message: 'oops' } } }, 'HTTP 500: oops'],
    ['answered with 502', { status: 502, body: LOGIN_PAGE }, 'HTTP 502: an HTML page: Sign in'],
    ['answered with 503', { status: 503, body: { detail: 'overloaded' } }, 'HTTP 503: overloaded'],
    ['answered with 504', { status: 504, body: '' }, 'HTTP 504 (empty body)'],
    ['not answered because the connection breaks', 'drop', 'socket hang up'],
    ['not answered in time', 'hang', 'not done within 10 s'],
    ['answered in part', { headers: { 'content-length': '100' }, body: '{"id":"vid', afterwards: 'drop' }, 'aborted'],
    [
      'answered as far as its id',
      { headers: { 'content-length': '100' }, body: '{"data":{"task_id":"video_1","st', afterwards: 'drop' },
      'aborted, after the id video_1 had arrived',
    ],
    [
      'answered as far as its id, then silence',
      { body: '{"id":7,"st', afterwards: 'hang' },
      'not done within 10 s, after the id 7 had arrived',
    ],
    ['answered in part, then silence', { body: '{"id":"vid', afterwards: 'hang' }, 'not done within 10 s'],
  ])('has an unknown outcome and is not sent again when it is %s', async (_, reply, causedBy) => {
    const server = await startScriptedServer([reply, { body: JOB }]);
    const clock = createFakeClock();
    const http: Http = async (request) => {
      const answered = await nodeHttp(request);
      // The time is over once the first bytes have been read.
      if (causedBy.startsWith('not done')) answered.body.once('data', () => setImmediate(() => clock.advance(10_000)));
      return answered;
    };
    const created = createAt(server.url, { clock, http });
    await server.received(1);
    if (reply === 'hang') clock.advance(10_000);
    expect(await created).toMatchObject({
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
  ])('with 503 and `model_not_found` is %s depending on the message', async (kind, code, message) => {
    const server = await startScriptedServer([{ status: 503, body: { error: { code: 'model_not_found', message } } }]);
    expect(await createAt(server.url)).toMatchObject({ kind, error: { code } });
  });

  it.each<[string, ScriptedReply, string]>([
    ['an HTML page', { body: LOGIN_PAGE }, 'HTTP 200: an HTML page: Sign in'],
    ['JSON without an id', { body: { status: 'queued' } }, 'HTTP 200: {"status":"queued"}'],
    ['nothing', { status: 204 }, 'HTTP 204 (empty body)'],
  ])('has an unknown outcome after a 2xx with %s', async (_, reply, causedBy) => {
    const server = await startScriptedServer([reply, { body: JOB }]);
    expect(await createAt(server.url)).toMatchObject({
      kind: 'unknown',
      error: { code: 'unreadable_response', causedBy },
    });
    expect(server.requests).toHaveLength(1);
  });

  it.each<[string, ScriptedReply]>([
    ['`location` with a trailing slash', { status: 201, headers: { location: '/jobs/video_1/' } }],
    ['`operation-location`', { status: 202, headers: { 'operation-location': '/jobs/video_1' } }],
    ['`content-location`', { headers: { 'content-location': '/jobs/video_1' } }],
    ['`polling_url`', { status: 202, body: { status: 'pending', polling_url: '/jobs/video_1' } }],
  ])('is accepted when the reply has the URL of its job in %s', async (_, reply) => {
    const server = await startScriptedServer(({ method }) => (method === 'POST' ? reply : { body: JOB }));
    expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1' } });
    expect(server.requests).toHaveLength(2);
  });

  it.each([301, 302, 303, 307, 308, 201, 202, 500])('is accepted when a %d has the URL of its job', async (status) => {
    const server = await startScriptedServer(({ method }) =>
      method === 'POST' ? { status, headers: { location: '/jobs/video_1' }, body: '' } : { body: JOB },
    );
    expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1' } });
    expect(server.requests.map(({ method, path }) => `${method} ${path}`)).toEqual([
      `POST /v1${route}`,
      'GET /jobs/video_1',
    ]);
  });

  it.each<[string, string, ScriptedReply]>([
    ['of another origin', 'http://127.0.0.1:1/v1/videos/video_1', { body: JOB }],
    ['of another job', '/v1/videos/video_2', { body: JOB }],
    ['of an HTML page', '/login', { body: LOGIN_PAGE }],
    ['that cannot be read', '/v1/videos/video_1', { status: 404, body: '' }],
    ['that is invalid', 'http://', { body: JOB }],
  ])('has an unknown outcome when it is redirected to a URL %s', async (_, location, reply) => {
    const server = await startScriptedServer(({ method }) =>
      method === 'POST' ? { status: 303, headers: { location } } : reply,
    );
    expect(await createAt(server.url)).toMatchObject({ kind: 'unknown', error: { code: 'outcome_unknown' } });
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  it.each([400, 409, 429, 500])('is accepted when a %d has the job as its body', async (status) => {
    const server = await startScriptedServer([{ status, body: { ...JOB, object: 'video', status: 'failed' } }]);
    expect(await createAt(server.url)).toMatchObject({ kind: 'accepted', job: { id: 'video_1', status: 'failed' } });
  });

  it.each([
    { request_id: 'req_1', status: 'error', message: 'no' },
    { id: 'req_1', status: 'failed', message: 'no' },
    { id: 'err_1', error: { message: 'no' } },
  ])('is rejected when an error only resembles a job: %j', async (body) => {
    const server = await startScriptedServer([{ status: 400, body }]);
    expect(await createAt(server.url)).toMatchObject({ kind: 'rejected' });
  });

  it('is rejected when nothing listens: nothing was sent', async () => {
    expect(await createAt('http://127.0.0.1:1/v1')).toMatchObject({
      kind: 'rejected',
      error: { code: 'connection_failed', causedBy: 'connect ECONNREFUSED 127.0.0.1:1', retryable: true },
    });
  });

  it('is rejected when TLS fails: nothing was sent', async () => {
    const server = await startScriptedServer(['drop']);
    const outcome = await createAt(server.url.replace('http:', 'https:'));
    expect(outcome).toMatchObject({ kind: 'rejected', error: { code: 'tls_failure' } });
    expect(server.requests).toHaveLength(0);
  });

  it('uses a new connection, because a stale one could leave its outcome unknown', async () => {
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
