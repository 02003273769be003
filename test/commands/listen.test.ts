import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Interrupt, type RunResult } from '../support/command-line.ts';
import { eventually } from '../support/eventually.ts';
import { type Bench, setUp } from '../support/set-up.ts';
import { signWebhook } from '../support/signed-webhook.ts';

const SECRET = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
const MINUTE_MS = 60_000;

interface Listener {
  /** The JSON lines printed so far. */
  readonly lines: readonly Record<string, unknown>[];
  send(payload: unknown, how?: Parameters<typeof signWebhook>[2] & { readonly secret?: string }): Promise<number>;
  post(body: string, headers: Readonly<Record<string, string>>): Promise<number>;
  /** Waits for this many events. */
  events(count: number): Promise<Record<string, unknown>[]>;
  stop(): Promise<RunResult>;
}

const eventOf = (id: string, type = 'video.completed'): object => ({ object: 'event', type, data: { id } });

async function listen(bench: Bench, ...argv: readonly string[]): Promise<Listener> {
  const stop = new AbortController();
  let printed = '';
  const lines = (): Record<string, unknown>[] =>
    printed.split('\n').flatMap((line) => (line.startsWith('{') && !line.includes('"level"') ? JSON.parse(line) : []));
  const run = bench.runWith(
    {
      env: { HOOK_SECRET: SECRET },
      interrupt: stop.signal,
      onOutput: (text) => {
        printed += text;
      },
    },
    'listen',
    '--port',
    '0',
    '--json',
    '--secret-env',
    'HOOK_SECRET',
    ...argv,
  );
  const end = (): Promise<RunResult> => {
    stop.abort(new Interrupt('SIGINT'));
    return run;
  };
  onTestFinished(() => void end());
  await Promise.race([eventually(() => expect(lines()).not.toEqual([])), run]);
  const [{ url } = { url: '' }] = lines();
  const post = async (body: string, headers: Readonly<Record<string, string>>): Promise<number> =>
    (await fetch(`${url}/hook`, { method: 'POST', body, headers })).status;
  return {
    get lines() {
      return lines();
    },
    post,
    send(payload, { secret = SECRET, ...how } = {}) {
      const { body, headers } = signWebhook(payload, secret, how);
      return post(body, headers);
    },
    events: (count) =>
      eventually(() => {
        const events = lines().slice(1);
        expect(events).toHaveLength(count);
        return events;
      }),
    stop: end,
  };
}

describe('sora listen', () => {
  it('records and saves a video when its notification arrives, and exits with 0', async () => {
    const bench = await setUp();
    await bench.create(['--detach', '-o', 'boat.mp4', '--sidecar']);
    const listener = await listen(bench);
    expect(await listener.send(eventOf('video_1'))).toBe(200);
    const [event] = await listener.events(1);
    expect(event).toMatchObject({
      event: 'video.completed',
      event_id: 'evt_1',
      id: 'video_1',
      outcome: 'saved',
      job: { status: 'completed', files: [{ path: join(bench.sora.cwd, 'boat.mp4') }] },
    });
    expect(existsSync(join(bench.sora.cwd, 'boat.mp4.json'))).toBe(true);
    expect((await listener.stop()).code).toBe(0);
    expect(bench.server.posts).toBe(1);
  });

  it('says at the end how to save the rest, from the same server', async () => {
    const bench = await setUp();
    const stop = new AbortController();
    const onOutput = (): void => stop.abort(new Interrupt('SIGINT')); // when it listens
    const options = { env: { HOOK_SECRET: SECRET }, interrupt: stop.signal, onOutput };
    const { stderr } = await bench.runWith(options, 'listen', '--port', '0', '--secret-env', 'HOOK_SECRET');
    expect(stderr).toContain(`stopping; \`sora download --all --base-url ${bench.server.url}\` saves what was`);
  });

  it('saves to -o, only records with --no-download, and never downloads twice', async () => {
    const bench = await setUp();
    await bench.create(['--detach']);
    await bench.create(['--detach', '--again']);
    const quiet = await listen(bench, '--no-download');
    await quiet.send(eventOf('video_1'));
    expect(await quiet.events(1)).toMatchObject([{ outcome: 'recorded', job: { status: 'completed', files: [] } }]);
    await quiet.stop();
    const listener = await listen(bench, '-o', 'clips/');
    for (const id of ['evt_1', 'evt_2']) await listener.send(eventOf('video_2'), { id });
    expect(await listener.events(2)).toMatchObject([{ outcome: 'saved' }, { outcome: 'saved' }]);
    expect(readdirSync(join(bench.sora.cwd, 'clips'))).toHaveLength(1);
    expect(bench.server.requests.filter(({ path }) => path.includes('/content'))).toHaveLength(1);
  });

  it('trusts the server, not the notification', async () => {
    const bench = await setUp({
      retrieve: (job) => ({ body: { ...job, status: 'failed', error: { code: 'processing_error', message: 'oh' } } }),
    });
    await bench.create(['--detach']);
    const listener = await listen(bench);
    await listener.send(eventOf('video_1'));
    expect(await listener.events(1)).toMatchObject([{ outcome: 'failed', error: { code: 'job_failed' } }]);
    await listener.send(eventOf('video_1', 'video.failed'), { id: 'evt_2' });
    expect((await listener.events(2))[1]).toMatchObject({ outcome: 'recorded', job: { status: 'failed' } });
  });

  it('ignores jobs that are not in the ledger, and unrelated events', async () => {
    const bench = await setUp();
    const listener = await listen(bench);
    await listener.send(eventOf('video_9'));
    await listener.send(eventOf('resp_1', 'response.completed'), { id: 'evt_2' });
    await listener.send({ type: 'video.completed' }, { id: 'evt_3' });
    const events = await listener.events(3);
    expect(events.map(({ outcome }) => outcome)).toEqual(['ignored', 'ignored', 'ignored']);
    expect(bench.server.requests).toEqual([]);
  });

  it.each<[string, Parameters<typeof signWebhook>[2] & { readonly secret?: string }]>([
    ['signed with another secret', { secret: 'whsec_YW5vdGhlci1zZWNyZXQ=' }],
    ['older than five minutes', { atMs: Date.now() - 6 * MINUTE_MS }],
    ['from the future', { atMs: Date.now() + 6 * MINUTE_MS }],
    ['without an id', { id: '' }],
  ])('refuses a notification that is %s', async (_, how) => {
    const bench = await setUp();
    await bench.create(['--detach']);
    const before = bench.server.requests.length;
    const listener = await listen(bench);
    expect(await listener.send(eventOf('video_1'), how)).toBe(400);
    expect((await listener.stop()).stderr).toContain('Refused a notification');
    expect(listener.lines.slice(1)).toEqual([]);
    expect(bench.server.requests).toHaveLength(before);
  });

  it('refuses bodies that are altered, too large or not JSON', async () => {
    const bench = await setUp();
    const listener = await listen(bench);
    const { body, headers } = signWebhook(eventOf('video_1'), SECRET);
    expect(await listener.post(`${body} `, headers)).toBe(400);
    expect(await listener.post(body, {})).toBe(400);
    expect(await listener.send('x'.repeat(70_000))).toBe(413);
    expect(await listener.send('not JSON')).toBe(400);
    const { url } = listener.lines[0] ?? {};
    expect((await fetch(String(url))).status).toBe(405);
  });

  it('handles a repeated notification once, and acknowledges both', async () => {
    const bench = await setUp();
    await bench.create(['--detach']);
    const listener = await listen(bench);
    const { body, headers } = signWebhook(eventOf('video_1'), SECRET);
    expect([await listener.post(body, headers), await listener.post(body, headers)]).toEqual([200, 200]);
    await listener.events(1);
    expect((await listener.stop()).stderr).toContain('evt_1 was received before');
    expect(listener.lines).toHaveLength(2);
  });

  it('needs a secret, a free port, and a folder for several videos', async () => {
    const bench = await setUp();
    const refused = await bench.run('listen', '--port', '99999', '-o', 'one.mp4');
    expect(refused.code).toBe(2);
    for (const words of ['OPENAI_WEBHOOK_SECRET', '--port', 'several videos need a folder']) {
      expect(refused.stderr).toContain(words);
    }
    const bare = await bench.runWith({ env: { OPENAI_WEBHOOK_SECRET: 'whsec_' } }, 'listen', '-o', 'one.mp4');
    expect(bare.stderr).toContain('`OPENAI_WEBHOOK_SECRET` has no secret');
    const { port } = new URL(bench.server.url);
    const taken = await bench.runWith({ env: { OPENAI_WEBHOOK_SECRET: SECRET } }, 'listen', '--port', port);
    expect(taken).toMatchObject({ code: 1, stderr: expect.stringContaining('could not listen') });
  });
});
