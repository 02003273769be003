import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { CreateOutcome, VideosClient } from '../../src/client/port.ts';
import { withRetries } from '../../src/client/retry.ts';
import type { ErrorCode } from '../../src/domain/catalogue.ts';
import { SoraError } from '../../src/domain/errors.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import { createVideoJob } from '../support/video-job.ts';
import { createVideoRequest } from '../support/video-request.ts';

const START_MS = 1_000_000;
const JOB = createVideoJob();
const accepted: CreateOutcome = { kind: 'accepted', job: JOB };
const KEY = { idempotencyKey: 'sub_1' };

interface Subject {
  readonly client: VideosClient;
  readonly clock: FakeClock;
  readonly calls: readonly string[];
}

/** A client whose calls follow the script (throw an error or return an outcome), and then succeed. */
function createSubject(script: readonly (Error | CreateOutcome)[], onRetry?: () => void): Subject {
  const steps = script.values();
  const calls: string[] = [];
  const step = (name: string): CreateOutcome => {
    calls.push(name);
    const { value = accepted } = steps.next();
    if (value instanceof Error) throw value;
    return value;
  };
  const inner: VideosClient = {
    create: async () => step('create'),
    async get() {
      step('get');
      return JOB;
    },
    async list() {
      step('list');
      return { jobs: [JOB], next: null, clock: null };
    },
    async remove() {
      step('remove');
      return false;
    },
    async content() {
      step('content');
      return {
        head: Buffer.alloc(0),
        body: Readable.from([]),
        origin: 'http://localhost',
        totalBytes: 0,
        offsetBytes: 0,
        validator: null,
      };
    },
  };
  const clock = createFakeClock({ startMs: START_MS });
  return { client: withRetries(inner, { clock, random: () => 0, onRetry }), clock, calls };
}

const READS: readonly [string, (client: VideosClient) => Promise<unknown>][] = [
  ['get', (client) => client.get('video_1')],
  ['list', (client) => client.list({ limit: 5 })],
  ['remove', (client) => client.remove('video_1')],
  ['content', (client) => client.content({ id: 'video_1', content: null }, 'video')],
];

describe('a read or delete', () => {
  it.each(READS)('%s is sent again after a temporary failure', async (name, call) => {
    const { client, calls } = createSubject([new SoraError('server_error'), new SoraError('connection_failed')]);
    await call(client);
    expect(calls).toEqual([name, name, name]);
  });

  it.each<[ErrorCode, number | null]>([
    ['server_error', 500],
    ['rate_limit_exceeded', 429],
    ['connection_failed', null],
    ['dns_failure', null],
    ['request_timeout', 504],
  ])('is sent again after %s with status %s', async (code, status) => {
    const { client, calls } = createSubject([new SoraError(code, { status })]);
    await client.get('video_1');
    expect(calls).toHaveLength(2);
  });

  it.each<ErrorCode>([
    'invalid_api_key',
    'insufficient_quota',
    'video_not_found',
    'tls_failure',
    'content_not_ready',
    'request_timeout',
  ])('is not sent again after %s', async (code) => {
    const { client, calls, clock } = createSubject([new SoraError(code)]);
    await expect(client.get('video_1')).rejects.toMatchObject({ code });
    expect(calls).toHaveLength(1);
    expect(clock.now()).toBe(START_MS);
  });

  it('is not sent again after a bug in the program', async () => {
    const { client, calls } = createSubject([new TypeError('bug')]);
    await expect(client.get('video_1')).rejects.toBeInstanceOf(TypeError);
    expect(calls).toHaveLength(1);
  });

  it('waits longer each time, and gives up with the last error', async () => {
    const faults = [1, 2, 3, 4].map((number) => new SoraError('server_error', { causedBy: String(number) }));
    const { client, calls, clock } = createSubject(faults);
    await expect(client.get('video_1')).rejects.toBe(faults[3]);
    expect(calls).toHaveLength(4);
    expect(clock.now() - START_MS).toBe(500 + 1_000 + 2_000);
  });

  it.each([
    [7_000, 7_000],
    [0, 0],
    [300_000, 300_000],
  ])('waits %d ms when the server asks for it', async (retryAfterMs, waitedMs) => {
    const { client, clock } = createSubject([new SoraError('rate_limit_exceeded', { retryAfterMs })]);
    await client.get('video_1');
    expect(clock.now() - START_MS).toBe(waitedMs);
  });

  it.each(['get', 'create'])('does not wait an hour: %s reports the requested pause', async (call) => {
    const error = new SoraError('rate_limit_exceeded', { retryAfterMs: 3_600_000 });
    const { client, calls } = createSubject([call === 'get' ? error : { kind: 'rejected', error }]);
    const answer = call === 'get' ? client.get('video_1') : client.create(createVideoRequest(), KEY);
    if (call === 'get') await expect(answer).rejects.toBe(error);
    else expect(await answer).toMatchObject({ kind: 'rejected', error });
    expect(calls).toHaveLength(1);
  });

  it('ends with an interrupt between two attempts', async () => {
    const controller = new AbortController();
    const interrupt = new Error('interrupted');
    const { client, calls } = createSubject([new SoraError('server_error')], () => controller.abort(interrupt));
    await expect(client.get('video_1', { signal: controller.signal })).rejects.toBe(interrupt);
    expect(calls).toHaveLength(1);
  });
});

describe('a job that exists', () => {
  const KNOWN = { exists: true };
  const unknown = new SoraError('video_not_found', { status: 404 });

  it.each<ErrorCode>(['video_not_found', 'endpoint_not_found'])('is asked for again after %s', async (code) => {
    const missing = new SoraError(code, { status: 404 });
    const { client, calls } = createSubject([missing, new SoraError('server_error'), missing, missing]);
    expect(await client.get('video_1', KNOWN)).toBe(JOB);
    expect(calls).toHaveLength(5);
  });

  it('is given up after some seconds of 404s', async () => {
    const { client, calls, clock } = createSubject(Array.from({ length: 20 }, () => unknown));
    await expect(client.get('video_1', KNOWN)).rejects.toBe(unknown);
    expect(clock.now() - START_MS).toBe(3_100);
    expect(calls).toHaveLength(10); // a second replica is missed by all of them once in a thousand times
  });

  it('is not asked for again at a server without the call', async () => {
    const causedBy = 'HTTP 404: Invalid URL (GET /v1/videos/video_1)';
    const { client, calls } = createSubject([new SoraError('endpoint_not_found', { status: 404, causedBy })]);
    await expect(client.get('video_1', KNOWN)).rejects.toMatchObject({ causedBy });
    expect(calls).toHaveLength(1);
  });

  it('is not taken for deleted because replicas do not have it', async () => {
    const { client, calls } = createSubject([unknown, unknown]);
    expect(await client.remove('video_1', KNOWN)).toBe(false); // the reply of the third
    expect(calls).toHaveLength(3);
  });
});

describe('a delete', () => {
  const gone = new SoraError('video_not_found');

  it('succeeds when the video is gone at the second attempt: the first had arrived', async () => {
    const { client } = createSubject([new SoraError('connection_failed'), gone]);
    expect(await client.remove('video_1')).toBe(true);
  });

  it('fails when the video never existed', async () => {
    const { client } = createSubject([gone]);
    await expect(client.remove('video_1')).rejects.toBe(gone);
  });
});

describe('a create', () => {
  const busy: CreateOutcome = { kind: 'rejected', error: new SoraError('rate_limit_exceeded', { status: 429 }) };

  it('is sent again after a 429, which proves that nothing was created', async () => {
    const { client, calls } = createSubject([busy, busy, accepted]);
    expect(await client.create(createVideoRequest(), KEY)).toBe(accepted);
    expect(calls).toHaveLength(3);
  });

  it('gives up after several 429s', async () => {
    const { client, calls } = createSubject([busy, busy, busy, busy, accepted]);
    expect(await client.create(createVideoRequest(), KEY)).toBe(busy);
    expect(calls).toHaveLength(4);
  });

  it.each<[string, CreateOutcome]>([
    ['a 500', { kind: 'unknown', error: new SoraError('outcome_unknown', { status: 500 }) }],
    ['a lost answer', { kind: 'unknown', error: new SoraError('outcome_unknown') }],
    ['an empty account', { kind: 'rejected', error: new SoraError('insufficient_quota', { status: 429 }) }],
    ['a refused connection', { kind: 'rejected', error: new SoraError('connection_failed') }],
  ])('is never sent again after %s', async (_, outcome) => {
    const { client, calls } = createSubject([outcome, accepted]);
    expect(await client.create(createVideoRequest(), KEY)).toBe(outcome);
    expect(calls).toHaveLength(1);
  });

  it('ends with the refusal when it is interrupted between two attempts', async () => {
    const controller = new AbortController();
    const { client, calls } = createSubject([busy, accepted], () => controller.abort());
    expect(await client.create(createVideoRequest(), { ...KEY, signal: controller.signal })).toEqual({
      ...busy,
      isAborted: true,
    });
    expect(calls).toHaveLength(1);
  });
});
