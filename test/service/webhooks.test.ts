import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Clock } from '../../src/platform/clock.ts';
import type { Http, HttpRequest } from '../../src/platform/http.ts';
import { Webhooks } from '../../src/service/webhooks.ts';
import { eventually } from '../support/eventually.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { OPENAI_PACKAGES } from '../support/openai-packages.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';

const SECRETS = ['whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=', 'any text at all'];

function reply(status: number): Awaited<ReturnType<Http>> {
  return { status, headers: {}, body: Readable.from([]) };
}

/** A simulator that notifies a URL, which replies by the script and then repeats the last reply. */
function createTold(
  script: readonly (number | Error)[],
  secret = SECRETS[0] ?? '',
  { earlyMs = 0, url = 'http://127.0.0.1:9/hook' as string | null, allowsPrivate = false } = {},
) {
  const clock = createFakeClock({ startMs: Date.now(), isManual: true });
  let earlyBy = earlyMs;
  const timer: Clock = {
    ...clock,
    sleep(ms, signal) {
      const shorterMs = ms - earlyBy;
      earlyBy = 0;
      return clock.sleep(shorterMs, signal);
    },
  };
  const api = createSimulatedApi({ clock, takesCallbacks: true });
  const sent: HttpRequest[] = [];
  const messages: string[] = [];
  const stop = new AbortController();
  const webhooks = new Webhooks({
    url,
    allowsPrivate,
    secret,
    async http(request) {
      sent.push(request);
      const answer = script[Math.min(sent.length, script.length) - 1] ?? 500;
      if (answer instanceof Error) throw answer;
      return reply(answer);
    },
    clock: timer,
    randomBytes: createSeededRandom(),
    look: api.simulator.look,
    signal: stop.signal,
    log: (_, message) => messages.push(message),
  });
  return { api, clock, sent, messages, webhooks, stop };
}

describe.each(OPENAI_PACKAGES)('a notification of a finished video, for $name', ({ load, isInstalled }) => {
  it.skipIf(!isInstalled).each(SECRETS)(
    'is accepted by webhooks.unwrap with the secret %j, and with no other',
    async (secret) => {
      const { api, clock, sent, webhooks } = createTold([200], secret);
      const id = await api.create();
      webhooks.watch(id);
      clock.advance(2_000);
      expect(sent).toEqual([]);
      clock.advance(1_000);
      await eventually(() => expect(sent).toHaveLength(1));
      const [{ body = '', headers } = { headers: {} }] = sent;
      const OpenAI = await load();
      const { webhooks: sdk } = new OpenAI({ apiKey: 'any', baseURL: 'http://127.0.0.1:9' });
      const event = await sdk.unwrap(String(body), { ...headers }, secret);
      expect(event).toMatchObject({ object: 'event', type: 'video.completed', data: { id } });
      await expect(sdk.unwrap(String(body), { ...headers }, 'another secret')).rejects.toThrow(/signature/);
      await expect(sdk.unwrap(`${body} `, { ...headers }, secret)).rejects.toThrow(/signature/);
    },
  );
});

describe('webhooks', () => {
  it('report a failed job, but not a deleted or an endless one', async () => {
    const { api, clock, sent, webhooks } = createTold([200]);
    const call = (fault: string) => ({ json: { prompt: 'x' }, headers: { 'x-sora-fault': fault } });
    const idOf = async (response: Response): Promise<string> =>
      String(Reflect.get(Object(await response.json()), 'id'));
    const failed = await idOf(await api.call('POST', '/videos', call('moderation_blocked')));
    const stuck = await idOf(await api.call('POST', '/videos', call('stuck')));
    const deleted = await api.create();
    for (const id of [failed, stuck, deleted, 'video_0']) webhooks.watch(id);
    await api.call('DELETE', `/videos/${deleted}`);
    clock.advance(60_000);
    await eventually(() => expect(sent).toHaveLength(1));
    expect(JSON.parse(String(sent[0]?.body))).toMatchObject({ type: 'video.failed', data: { id: failed } });
  });

  it('report a job even when the timer fires slightly before its end, as in Node', async () => {
    const { api, clock, sent, webhooks } = createTold([200], SECRETS[0], { earlyMs: 1 });
    const id = await api.create();
    webhooks.watch(id);
    clock.advance((api.simulator.look(id)?.endsAtMs ?? 0) - clock.now() - 1);
    await new Promise(setImmediate);
    expect(sent).toEqual([]);
    clock.advance(1);
    await eventually(() => expect(sent).toHaveLength(1));
  });

  it('are repeated as the same event, with a new signature, until accepted', async () => {
    const { api, clock, sent, messages, webhooks } = createTold([new Error('ECONNREFUSED'), 500, 204]);
    webhooks.watch(await api.create());
    await eventually(() => {
      clock.advance(5_000);
      expect(messages).toEqual(['Webhook delivered']);
    });
    expect(sent).toHaveLength(3);
    expect(new Set(sent.map(({ headers }) => headers['webhook-id'])).size).toBe(1);
    expect(new Set(sent.map(({ headers }) => headers['webhook-signature'])).size).toBe(3);
  });

  it.each([true, false])(
    'are also sent to the URL of the create, in a private network only if allowed: %s',
    async (allowsPrivate) => {
      const own = 'https://hooks.example/videos';
      const both = createTold([200], SECRETS[0], { allowsPrivate });
      both.webhooks.watch(await both.api.create({ callback_url: own }));
      both.clock.advance(3_000);
      await eventually(() => expect(both.sent).toHaveLength(2));
      expect(both.sent.map(({ url, publicOnly }) => [url, publicOnly])).toEqual([
        ['http://127.0.0.1:9/hook', false],
        [own, !allowsPrivate],
      ]);
      const single = createTold([200], SECRETS[0], { url: null });
      single.webhooks.watch(await single.api.create());
      single.webhooks.watch(await single.api.create({ callback_url: own }));
      single.clock.advance(3_000);
      await eventually(() => expect(single.sent.map(({ url }) => url)).toEqual([own]));
    },
  );

  it('log failed deliveries, and stop silently with the server', async () => {
    const refused = createTold([410]);
    refused.webhooks.watch(await refused.api.create());
    await eventually(() => {
      refused.clock.advance(30_000);
      expect(refused.messages).toEqual(['Webhook not delivered']);
    });
    expect(refused.sent).toHaveLength(4);

    const stopped = createTold([200]);
    stopped.webhooks.watch(await stopped.api.create());
    stopped.stop.abort(new Error('stop'));
    stopped.clock.advance(10_000);
    await new Promise(setImmediate);
    expect({ sent: stopped.sent, messages: stopped.messages }).toEqual({ sent: [], messages: [] });
  });
});
