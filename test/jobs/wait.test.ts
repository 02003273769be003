import { getEventListeners } from 'node:events';
import { describe, expect, it } from 'vitest';
import { SoraError } from '../../src/domain/errors.ts';
import type { VideoJob } from '../../src/domain/video.ts';
import { waitForJob } from '../../src/jobs/wait.ts';
import { Interrupt } from '../../src/platform/host.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { createVideoJob } from '../support/video-job.ts';
import { createVideosClient } from '../support/videos-client.ts';

const says = (status: string, headers: Readonly<Record<string, string>> = {}): ScriptedReply => ({
  headers,
  body: { id: 'video_1', status },
});

interface Wait {
  readonly id?: string;
  readonly known?: VideoJob;
  readonly timeoutMs?: number;
  readonly random?: number;
  /** Ctrl-C is pressed in the sleep with this number. */
  readonly interruptIn?: number;
  /** How far the wall clock is set during the first sleep. */
  readonly adjustMs?: number;
}

interface Outcome {
  /** Statuses seen, and codes of the errors between them. */
  readonly seen: readonly string[];
  readonly sleeps: readonly number[];
  /** The job's last status, or the code of the error that ended the wait. */
  readonly end: string;
  readonly looks: number;
  /** Listeners that the wait has left on the signal. */
  readonly listeners: number;
}

/** Waits for a job on a server with these replies, repeating the last one. */
async function wait(replies: readonly [ScriptedReply, ...ScriptedReply[]], options: Wait = {}): Promise<Outcome> {
  const server = await startScriptedServer(replies);
  const fakeClock = createFakeClock();
  const controller = new AbortController();
  const sleeps: number[] = [];
  const clock = {
    ...fakeClock,
    sleep(ms: number, signal?: AbortSignal) {
      sleeps.push(Math.round(ms));
      if (sleeps.length === 1) fakeClock.adjust(options.adjustMs ?? 0);
      if (sleeps.length === options.interruptIn) controller.abort(new Interrupt('SIGINT'));
      return fakeClock.sleep(ms, signal);
    },
  };
  const seen: string[] = [];
  const report = (end: string): Outcome => ({
    seen,
    sleeps,
    end,
    looks: server.requests.length,
    listeners: getEventListeners(controller.signal, 'abort').length,
  });
  try {
    const job = await waitForJob(
      { client: createVideosClient(server.url).client, clock, random: () => options.random ?? 0.5 },
      {
        id: options.id ?? 'video_1',
        known: options.known ?? null,
        deadlineMs: clock.uptimeMs() + (options.timeoutMs ?? 3_600_000),
        signal: controller.signal,
      },
      (event) => void seen.push(event.kind === 'job' ? event.job.status : event.error.code),
    );
    return report(job.status);
  } catch (error) {
    return report(error instanceof SoraError ? error.code : String(error));
  }
}

describe('the pace of a wait', () => {
  it('starts at once, then slows down to a call every 15 seconds', async () => {
    const queued = Array.from({ length: 14 }, () => says('queued'));
    const { sleeps, end, listeners } = await wait([says('queued'), ...queued, says('completed')]);
    expect({ end, listeners }).toEqual({ end: 'completed', listeners: 0 });
    expect(sleeps).toEqual([
      400, 560, 784, 1098, 1537, 2151, 3012, 4217, 5903, 8264, 11570, 15000, 15000, 15000, 15000,
    ]);
  });

  it.each([
    [0, 320],
    [1, 480],
  ])('varies by a fifth: random %d makes the first pause %d ms', async (random, pauseMs) => {
    expect((await wait([says('queued'), says('completed')], { random })).sleeps).toEqual([pauseMs]);
  });

  it.each([
    ['openai-poll-after-ms', '10000', 10_000],
    ['retry-after', '7', 7_000],
    ['openai-poll-after-ms', '86400000', 300_000],
    ['retry-after', '0', 400],
    ['openai-poll-after-ms', '1', 50],
  ])('follows the server’s `%s: %s`', async (name, value, pauseMs) => {
    const { sleeps } = await wait([says('queued', { [name]: value }), says('completed')], { random: 0.5 });
    expect(sleeps).toEqual([pauseMs]);
  });

  it('follows the Retry-After of a failing server rather than its earlier pause', async () => {
    const busy: ScriptedReply = { status: 503, headers: { 'retry-after': '30' }, body: 'busy' };
    const { sleeps } = await wait([says('queued', { 'openai-poll-after-ms': '250' }), busy, says('completed')]);
    expect(sleeps).toEqual([250, 30_000]);
  });

  it('backs off while the network fails, despite an earlier pause from the server', async () => {
    const replies: [ScriptedReply, ...ScriptedReply[]] = [
      says('queued', { 'openai-poll-after-ms': '1' }),
      'drop',
      'drop',
      says('completed'),
    ];
    expect((await wait(replies)).sleeps).toEqual([50, 560, 784]);
  });

  it('is slow when the status is unknown', async () => {
    const { sleeps, seen } = await wait([says('warming_up'), says('warming_up'), says('completed')]);
    expect(seen).toEqual(['unknown', 'unknown', 'completed']);
    expect(sleeps).toEqual([5_000, 5_000]);
  });

  it('starts with a pause when the job is known', async () => {
    expect(await wait([says('completed')], { known: createVideoJob({ status: 'completed' }) })).toMatchObject({
      looks: 0,
      end: 'completed',
    });
    const { looks, sleeps } = await wait([says('completed')], { known: createVideoJob({ pollAfterMs: 900 }) });
    expect({ looks, sleeps }).toEqual({ looks: 1, sleeps: [900] });
  });
});

describe('a wait continues', () => {
  it.each<[string, ScriptedReply, string]>([
    ['a broken connection', 'drop', 'connection_failed'],
    ['a 500', { status: 500, body: 'oh' }, 'server_error'],
    ['a 429', { status: 429, body: { error: { message: 'slow down' } } }, 'rate_limit_exceeded'],
    ['a login page', { body: '<html></html>' }, 'unreadable_response'],
    [
      'a 404 right after the create',
      { status: 404, body: { error: { message: 'video not found' } } },
      'video_not_found',
    ],
    ['a 404 of a proxy', { status: 404, body: 'default backend - 404' }, 'endpoint_not_found'],
    ['a 409', { status: 409, body: { error: { message: 'cancellation in progress' } } }, 'invalid_request'],
    ['a 425', { status: 425, body: { error: { message: 'too early' } } }, 'invalid_request'],
  ])('after %s', async (_, reply, code) => {
    const { seen, end } = await wait([says('queued'), reply, says('in_progress'), says('completed')]);
    expect({ seen, end }).toEqual({ seen: ['queued', code, 'in_progress', 'completed'], end: 'completed' });
  });
});

describe('a job that some replicas do not know', () => {
  const missing: ScriptedReply = { status: 404, body: { error: { message: 'video not found' } } };

  it('is waited for when single 404s come late, however many', async () => {
    const lap = [...Array.from({ length: 9 }, () => says('in_progress')), missing, missing, missing];
    const { end } = await wait([says('queued'), ...lap, ...lap, ...lap, says('completed')]);
    expect(end).toBe('completed');
  });

  it('is given up after more than a minute of 404s', async () => {
    const { end, sleeps } = await wait([says('in_progress'), missing]);
    expect(end).toBe('video_not_found');
    const waitedMs = sleeps.slice(1).reduce((sum, ms) => sum + ms, 0);
    expect(waitedMs).toBeGreaterThanOrEqual(60_000);
    expect(waitedMs).toBeLessThan(90_000);
  });
});

describe('a server without the route', () => {
  const nothing: ScriptedReply = { status: 404, body: { detail: 'Not Found' } };

  it('may report that once, and is given up after a few times', async () => {
    expect(await wait([nothing, says('completed')])).toMatchObject({ end: 'completed' });
    expect(await wait([nothing])).toMatchObject({ end: 'endpoint_not_found', looks: 4 });
  });

  it('is waited for longer if the job was seen there', async () => {
    const { end, sleeps } = await wait([says('in_progress'), nothing]);
    expect(end).toBe('endpoint_not_found');
    expect(sleeps.slice(1).reduce((sum, ms) => sum + ms, 0)).toBeGreaterThanOrEqual(60_000);
  });
});

describe('a failed job inside an HTTP error', () => {
  it.each([400, 422, 500])('ends the wait with its own status: %d', async (status) => {
    const failed: ScriptedReply = {
      status,
      body: { id: 'video_1', status: 'failed', error: { message: 'out of memory' } },
    };
    expect(await wait([says('queued'), failed])).toMatchObject({ end: 'failed' });
  });

  it('ends the wait if it is a video without an id', async () => {
    const failed: ScriptedReply = { status: 500, body: { object: 'video', status: 'failed' } };
    expect(await wait([says('queued'), failed])).toMatchObject({ end: 'failed' });
  });

  it.each<[string, object]>([
    ['another job', { id: 'video_2', status: 'failed' }],
    ['an unfinished one', { id: 'video_1', status: 'in_progress' }],
    ['no id', { status: 'failed', message: 'no such thing' }],
  ])('is not confused with %s', async (_, body) => {
    expect((await wait([says('queued'), { status: 400, body }])).end).toBe('invalid_request');
  });
});

describe('a wait ends', () => {
  it.each(['completed', 'failed', 'cancelled', 'expired'])('when the job is %s', async (status) => {
    expect(await wait([says(status)])).toMatchObject({ seen: [status], end: status, sleeps: [] });
  });

  it.each<[string, ScriptedReply, string]>([
    ['the key is rejected', { status: 401, body: { error: { code: 'invalid_api_key' } } }, 'invalid_api_key'],
    [
      'the server keeps reporting an unknown job',
      { status: 404, body: { error: { message: 'video not found' } } },
      'video_not_found',
    ],
    ['only HTML pages arrive', { body: '<html></html>' }, 'unreadable_response'],
  ])('when %s', async (_, reply, code) => {
    expect((await wait([says('queued'), reply])).end).toBe(code);
  });

  it('at once when the id cannot be part of a URL', async () => {
    expect(await wait([says('queued')], { id: '..' })).toMatchObject({ end: 'video_not_found', sleeps: [], looks: 0 });
  });

  it('at its deadline, after a last call', async () => {
    const { end, sleeps, looks } = await wait([says('in_progress')], { timeoutMs: 2_000 });
    expect(end).toBe('wait_timeout');
    expect(sleeps.reduce((sum, ms) => sum + ms)).toBe(2_000);
    expect(looks).toBe(sleeps.length + 1);
  });

  it.each([-86_400_000, 86_400_000])('at its deadline even when the wall clock changes by %d ms', async (adjustMs) => {
    const { sleeps, end } = await wait([says('queued')], { timeoutMs: 60_000, adjustMs });
    expect(end).toBe('wait_timeout');
    expect(sleeps.reduce((sum, ms) => sum + ms)).toBeCloseTo(60_000, -1);
  });

  it('at its deadline even when no call succeeds', async () => {
    expect((await wait(['drop'], { timeoutMs: 60_000 })).end).toBe('wait_timeout');
  });

  it('on Ctrl-C', async () => {
    expect((await wait([says('queued')], { interruptIn: 3 })).end).toBe('Interrupt: received SIGINT');
  });
});

it('stops a hanging call at the deadline', async () => {
  const server = await startScriptedServer(['hang']);
  const { client } = createVideosClient(server.url);
  const clock = createFakeClock({ isManual: true });
  const order = { id: 'video_1', known: null, deadlineMs: clock.uptimeMs() + 2_000 };
  const look = waitForJob({ client, clock, random: () => 0.5 }, order, () => {});
  await server.received(1);
  clock.advance(2_000);
  await expect(look).rejects.toMatchObject({ code: 'wait_timeout', jobId: 'video_1' });
});
