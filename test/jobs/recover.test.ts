import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factsOf, type JobRecord, type RecordedRequest } from '../../src/domain/record.ts';
import { fingerprintOf, recordRequest } from '../../src/jobs/fingerprint.ts';
import { type Recovery, recover } from '../../src/jobs/recover.ts';
import { Ledger } from '../../src/store/ledger.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createVideoJob } from '../support/video-job.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { startVideosServer } from '../support/videos-server.ts';

const clock = createFakeClock();
const SENT_AT = clock.now() / 1000;
const request = createVideoRequest();
const { prompt, model } = request;
/** What a list tells of the job of that request. */
const TWIN = { id: 'video_1', status: 'queued', prompt, model, seconds: '4', size: '1280x720', created_at: SENT_AT };

interface Search {
  readonly ledger: Ledger;
  readonly records: readonly JobRecord[];
  /** Looks for the job of the record of this number. */
  recover(number?: number): Promise<Recovery>;
  /** Writes down an accepted job, as many milliseconds after the lost ones. */
  accept(id: string, afterMs: number, changes?: Partial<RecordedRequest>): Promise<void>;
}

interface Scene {
  /** How many submissions of the same request were lost; the first one long ago. */
  readonly lost?: number;
  /** The process of a lost submission that is still at it. */
  readonly alive?: number;
}

/** A ledger with lost submissions of the same request, by processes 1, 2, …, and a server with this list. */
async function setUp(
  list: readonly object[] | (() => ScriptedReply),
  { lost = 1, alive = 0 }: Scene = {},
): Promise<Search> {
  const server = await startVideosServer({
    list: () => (typeof list === 'function' ? list() : { body: { object: 'list', data: list, has_more: false } }),
  });
  const folder = createTemporaryFolder();
  const ledger = new Ledger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
  const submit = (key: string, pid: number, afterMs: number, changes: Partial<RecordedRequest> = {}): Promise<void> => {
    const recorded = { ...recordRequest(request), ...changes };
    return ledger.append({
      event: 'intent',
      key,
      atMs: clock.now() + afterMs,
      pid,
      profile: 'lab',
      baseUrl: server.url,
      fingerprint: fingerprintOf(server.url, recorded),
      request: recorded,
      estimatedMicros: null,
      priceList: null,
      free: false,
      batch: '/shots.jsonl',
      row: key,
    });
  };
  for (let number = 0; number < lost; number++) await submit(`sub_${number}`, number + 1, 0);
  const records = [...ledger.all()];
  const { client } = createVideosClient(server.url);
  return {
    ledger,
    records,
    recover(number = 0) {
      const record = records[number];
      if (record === undefined) throw new Error(`no record ${number}`);
      return recover({ client, ledger, clock, isProcessAlive: (pid) => pid === alive }, record);
    },
    async accept(id, afterMs, changes = {}) {
      await submit(`sub_of_${id}`, 99, afterMs, changes);
      const job = factsOf(createVideoJob({ id }));
      await ledger.append({ event: 'accepted', key: `sub_of_${id}`, atMs: clock.now() + afterMs, job });
    },
  };
}

/** Of each search, the id that it found, or what it says. */
const idsOf = (recoveries: readonly Recovery[]): string[] =>
  recoveries.map((recovery) => (recovery.kind === 'found' ? String(recovery.record.job?.id) : recovery.kind));

describe('the job of a lost submission', () => {
  it('is found by what was asked for, and tied to its record', async () => {
    const { recover: search, ledger } = await setUp([{ ...TWIN, id: 'other', prompt: 'another' }, TWIN]);
    expect(await search()).toMatchObject({ kind: 'found', job: { id: 'video_1' } });
    expect(ledger.byKey('sub_0')).toMatchObject({ answer: 'accepted', job: { id: 'video_1' } });
  });

  it.each([
    ['another prompt', { prompt: 'another' }],
    ['no prompt', { prompt: undefined }],
    ['another model', { model: 'sora-1' }],
    ['another length', { seconds: '8' }],
    ['another size', { size: '720x1280' }],
    ['a time long before', { created_at: SENT_AT - 600 }],
    ['a time long after', { created_at: SENT_AT + 3600 }],
  ])('is not one with %s', async (_, changes) => {
    const { recover: search } = await setUp([{ ...TWIN, ...changes }]);
    expect(await search()).toEqual({ kind: 'missing', isProven: false });
  });

  it.each([
    ['leaves out', { model: undefined, seconds: undefined, size: undefined, created_at: undefined }],
    ['names by its snapshot', { model: 'sora-2-2025-12-08' }],
    ['dates by a clock that is a little off', { created_at: SENT_AT - 200 }],
  ])('may be one that the list %s', async (_, changes) => {
    const { recover: search } = await setUp([{ ...TWIN, ...changes }]);
    expect(await search()).toMatchObject({ kind: 'found' });
  });

  it('is never the job of another record, also when several are looked for at once', async () => {
    const { recover: search } = await setUp([{ ...TWIN, id: 'video_2' }, TWIN], { lost: 3 });
    expect(idsOf(await Promise.all([search(0), search(1), search(2)]))).toEqual(['video_1', 'video_2', 'missing']);
    expect(idsOf([await search(0), await search(1), await search(2)])).toEqual(['video_1', 'video_2', 'missing']);
  });

  it('is not guessed while the answer to an equal submission is still to come', async () => {
    const { recover: search, ledger } = await setUp([TWIN], { lost: 2, alive: 1 });
    expect(await search(1)).toEqual({ kind: 'missing', isProven: false });
    const job = factsOf(createVideoJob({ id: 'video_1' }));
    await ledger.append({ event: 'accepted', key: 'sub_0', atMs: clock.now(), job });
    expect(await search(1)).toMatchObject({ kind: 'missing' });
  });

  it('is looked for on later pages, and no further than its time', async () => {
    const pages = [
      [{ ...TWIN, id: 'video_9', prompt: 'newer' }],
      [TWIN],
      [{ ...TWIN, id: 'video_0', created_at: SENT_AT - 9_999 }],
      [{ ...TWIN, id: 'never asked for' }],
    ];
    let calls = 0;
    const { recover: search } = await setUp(() => ({
      body: { object: 'list', data: pages[calls++] ?? [], has_more: true },
    }));
    expect(await search()).toMatchObject({ kind: 'found', job: { id: 'video_1' } });
    expect(calls).toBe(3);
  });

  it('is looked for no further by whoever comes after the one who found it', async () => {
    const { recover: search, ledger } = await setUp(() => ({ status: 500, body: 'oh' }));
    const job = factsOf(createVideoJob({ id: 'video_1' }));
    await ledger.append({ event: 'accepted', key: 'sub_0', atMs: clock.now(), job });
    expect(await search()).toMatchObject({ kind: 'found', record: { answer: 'accepted' }, job: null });
  });

  it.each<[string, ScriptedReply]>([
    ['has no list', { status: 404, body: { error: { message: 'Invalid URL (GET /v1/videos)' } } }],
    ['is in trouble', { status: 500, body: 'oh' }],
    ['answers with a page', { body: '<html></html>' }],
  ])('cannot be looked for where the server %s', async (_, reply) => {
    expect(await (await setUp(() => reply)).recover()).toMatchObject({ kind: 'unsearchable' });
  });
});

describe('that a submission never arrived', () => {
  const MINUTE_MS = 60_000;
  const ours = (id: string, minutes: number): object => ({
    ...TWIN,
    id,
    prompt: 'another',
    created_at: SENT_AT + 60 * minutes,
  });
  const [older, newer] = [ours('video_older', -1), ours('video_newer', 1)];
  const stranger = { ...ours('video_of_a_stranger', 0), prompt: 'a prompt of somebody else' };

  /** A lost submission between two accepted ones with the prompt `another`, and a server with this list. */
  async function isProven(list: readonly object[] | (() => ScriptedReply)): Promise<unknown> {
    const { recover: search, accept } = await setUp(list);
    await accept('video_older', -MINUTE_MS, { prompt: 'another' });
    await accept('video_newer', MINUTE_MS, { prompt: 'another' });
    const recovery = await search();
    return recovery.kind === 'missing' && recovery.isProven;
  }

  it.each<[string, readonly object[]]>([
    ['shows ours from before and after it', [newer, older]],
    ['shows them in another order', [older, newer]],
    ['shows other people’s as well', [newer, stranger, older]],
  ])('is proven by a list that %s', async (_, list) => {
    expect(await isProven(list)).toBe(true);
  });

  it.each<[string, readonly object[]]>([
    ['is empty', []],
    ['shows none of ours', [stranger]],
    ['lags behind: none of ours that came after it', [older]],
    ['is of another account, or forgets: none of ours that came before it', [newer]],
    ['rewrites prompts', [newer, { ...older, prompt: 'Another!' }]],
    ['leaves prompts out', [newer, { ...stranger, prompt: undefined }, older]],
    ['cuts prompts', [newer, { ...stranger, prompt: prompt.slice(0, 5) }, older]],
    ['names models otherwise', [newer, { ...TWIN, id: 'video_lost', model: 'azure/sora' }, older]],
  ])('is not proven by a list that %s', async (_, list) => {
    expect(await isProven(list)).toBe(false);
  });

  it('is not proven by the first pages of a list that begins with the oldest', async () => {
    const ancient = ours('video_ancient', -60);
    const pages = [
      [ancient, older],
      [newer, TWIN],
    ];
    let calls = 0;
    const reply = (): ScriptedReply => ({ body: { object: 'list', data: pages[calls++] ?? [], has_more: calls < 2 } });
    const { recover: search, accept } = await setUp(reply);
    await accept('video_older', -MINUTE_MS, { prompt: 'another' });
    expect(await search()).toMatchObject({ kind: 'found', job: { id: 'video_1' } });
  });

  it('needs no neighbours where there are none', async () => {
    const { recover: search, accept } = await setUp([newer]);
    await accept('video_newer', MINUTE_MS, { prompt: 'another' });
    expect(await search()).toEqual({ kind: 'missing', isProven: true });
  });
});
