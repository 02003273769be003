import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factsOf, type IntentEvent, type JobRecord, type RecordedRequest } from '../../src/domain/record.ts';
import { fingerprintOf, recordRequest } from '../../src/jobs/fingerprint.ts';
import { type Recovery, recover } from '../../src/jobs/recover.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFates, createProcess } from '../support/processes.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createVideoJob } from '../support/video-job.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { startVideosServer } from '../support/videos-server.ts';

const clock = createFakeClock();
const SENT_AT = clock.now() / 1000;
/** The server's clock is this test's own. */
const DATE = { date: new Date(clock.now()).toUTCString() };
const request = createVideoRequest();
const { prompt, model } = request;
/** What a list tells of the job of that request. */
const TWIN = { id: 'video_1', status: 'queued', prompt, model, seconds: '4', size: '1280x720', created_at: SENT_AT };

interface Search {
  readonly ledger: FileLedger;
  readonly records: readonly JobRecord[];
  /** Searches for the job of the record with this number. */
  recover(number?: number): Promise<Recovery>;
  /** Records an accepted job, this many milliseconds after the lost ones. */
  accept(id: string, afterMs: number, changes?: Partial<RecordedRequest>): Promise<void>;
}

interface Scene {
  /** How many submissions of the same request were lost; the first one long ago. */
  readonly lost?: number;
  /** The process of a lost submission that is still running. */
  readonly alive?: number;
  readonly hasCompleteList?: boolean;
  /** Other fields of their intents. */
  readonly intent?: Partial<IntentEvent>;
  /** The uptime when the first one was sent; null in a line of an older version. */
  readonly sentUptimeMs?: number | null;
}

/** A ledger with lost submissions of the same request, by processes 1, 2, …, and a server with this list. */
async function setUp(
  list: readonly object[] | (() => ScriptedReply),
  {
    lost = 1,
    alive = 0,
    hasCompleteList = false,
    intent: changedIntent = {},
    sentUptimeMs = clock.uptimeMs(),
  }: Scene = {},
): Promise<Search> {
  const server = await startVideosServer({
    list: () =>
      typeof list === 'function' ? list() : { headers: DATE, body: { object: 'list', data: list, has_more: false } },
  });
  const folder = createTemporaryFolder();
  const ledger = new FileLedger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
  const submit = (key: string, pid: number, afterMs: number, changes: Partial<RecordedRequest> = {}): Promise<void> => {
    const recorded = { ...recordRequest(request), ...changes };
    const at = { key, atMs: clock.now() + afterMs };
    const intent = {
      event: 'intent',
      ...at,
      ...createProcess(pid),
      profile: 'lab',
      baseUrl: server.url,
      fingerprint: fingerprintOf(server.url, recorded),
      request: recorded,
      estimatedMicros: null,
      priceList: null,
      free: false,
      batch: '/shots.jsonl',
      row: key,
      ...changedIntent,
    } as const;
    return ledger.append(intent, { event: 'sending', ...at, uptimeMs: sentUptimeMs ?? undefined });
  };
  for (let number = 0; number < lost; number++) await submit(`sub_${number}`, number + 1, 0);
  const records = await ledger.list({ by: 'everything' });
  const { client } = createVideosClient(server.url);
  return {
    ledger,
    records,
    recover(number = 0) {
      const record = records[number];
      if (record === undefined) throw new Error(`no record ${number}`);
      return recover(
        { client, ledger, clock, self: createProcess(77), fateOf: createFates([alive]), hasCompleteList },
        record,
      );
    },
    async accept(id, afterMs, changes = {}) {
      await submit(`sub_of_${id}`, 99, afterMs, changes);
      const job = factsOf(createVideoJob({ id }));
      await ledger.append({ event: 'accepted', key: `sub_of_${id}`, atMs: clock.now() + afterMs, job });
    },
  };
}

/** The id found by each search, or its outcome. */
const idsOf = (recoveries: readonly Recovery[]): string[] =>
  recoveries.map((recovery) => (recovery.kind === 'found' ? String(recovery.record.job?.id) : recovery.kind));

describe('the job of a lost submission', () => {
  it('is found by its request and linked to its record', async () => {
    const { recover: search, ledger } = await setUp([{ ...TWIN, id: 'other', prompt: 'another' }, TWIN]);
    expect(await search()).toMatchObject({ kind: 'found', job: { id: 'video_1' } });
    expect(await ledger.byKey('sub_0')).toMatchObject({ answer: 'accepted', job: { id: 'video_1' } });
  });

  it.each([
    ['another prompt', { prompt: 'another' }],
    ['no prompt', { prompt: undefined }],
    ['the beginning of the prompt', { prompt: `${prompt.slice(0, 5)}…` }],
    ['the prompt within a longer one', { prompt: `A cinematic shot of ${prompt}` }],
    ['another model', { model: 'sora-1' }],
    ['a model whose name only starts the same', { model: 'sora-2-pro' }],
    ['another length', { seconds: '8' }],
    ['another size', { size: '720x1280' }],
    ['no time', { created_at: undefined }],
    ['a time before the submission', { created_at: SENT_AT - 4 }],
    ['a time in the future', { created_at: SENT_AT + 60 }],
  ])('is not matched with %s, but may be listed as a candidate', async (_, changes) => {
    const { recover: search, ledger } = await setUp([{ ...TWIN, ...changes }]);
    const candidates =
      'prompt' in changes && changes.prompt === 'another'
        ? [expect.objectContaining({ prompt: 'another' })]
        : [{ id: 'video_1' }];
    expect(await search()).toMatchObject({ kind: 'missing', candidates });
    expect((await ledger.byKey('sub_0'))?.answer).toBe('unknown');
  });

  it.each([
    ['leaves out', { model: undefined, seconds: undefined, size: undefined }],
    ['gives as a snapshot', { model: 'sora-2-2025-12-08' }],
    ['gives with a provider', { model: 'azure/sora-2' }],
    ['trims', { prompt: ` ${prompt}\n` }],
  ])('is matched by the fields that the list %s', async (_, changes) => {
    const { recover: search } = await setUp([{ ...TWIN, ...changes }]);
    expect(await search()).toMatchObject({ kind: 'found' });
  });

  it.each([-600, 1500])('is matched by the clock of the server, which is %d s ahead', async (aheadS) => {
    const date = new Date(clock.now() + aheadS * 1000).toUTCString();
    const list = (createdAt: number) => (): ScriptedReply => ({
      headers: { date },
      body: { object: 'list', data: [{ ...TWIN, created_at: createdAt }] },
    });
    expect(await (await setUp(list(SENT_AT + aheadS))).recover()).toMatchObject({ kind: 'found' });
    expect(await (await setUp(list(SENT_AT + aheadS - 4))).recover()).toMatchObject({ kind: 'missing' });
  });

  it.each([15, -15])('is matched by the uptime when the clock was set by %d min in between', async (minutes) => {
    const intent = { atMs: clock.now() - minutes * 60_000 };
    const older = { ...TWIN, id: 'video_0', created_at: SENT_AT - 10 };
    expect(await (await setUp([older], { intent })).recover()).toMatchObject({
      kind: 'missing',
      candidates: [{ id: 'video_0' }],
    });
    expect(await (await setUp([TWIN, older], { intent })).recover()).toMatchObject({
      kind: 'found',
      job: { id: 'video_1' },
    });
  });

  it.each<[string, Scene]>([
    ['of another machine', { intent: { host: 'elsewhere' } }],
    ['before the machine restarted', { intent: { boot: 'boot-0' } }],
    ['by an older version', { sentUptimeMs: null }],
    ['before the uptime went back', { sentUptimeMs: clock.uptimeMs() + 10_000 }],
  ])('is only a candidate when it was sent %s', async (_, scene) => {
    const { recover: search, ledger } = await setUp([TWIN], scene);
    await ledger.append({ event: 'unknown', key: 'sub_0', atMs: clock.now(), code: null, message: 'no response' });
    expect(await search()).toMatchObject({ kind: 'missing', candidates: [{ id: 'video_1' }] });
  });

  it('is only a candidate when the server reports no time', async () => {
    const date = { date: 'unknown' };
    const { recover: search } = await setUp(() => ({ headers: date, body: { object: 'list', data: [TWIN] } }));
    expect(await search()).toMatchObject({ kind: 'missing', candidates: [{ id: 'video_1' }] });
  });

  it('is matched by the clock of the replica that lists it', async () => {
    const ahead = { ...TWIN, id: 'video_0', created_at: SENT_AT };
    const pages = [
      { headers: { date: new Date(clock.now() + 1_500_000).toUTCString() }, body: { data: [ahead], has_more: true } },
      { headers: DATE, body: { data: [], has_more: false } },
    ];
    const { recover: search } = await setUp(() => pages.shift() ?? {});
    expect(await search()).toMatchObject({ kind: 'missing', candidates: [{ id: 'video_0' }] });
  });

  it('is not one made from another video, unless that was requested', async () => {
    const remix = { ...TWIN, remixed_from_video_id: 'video_0' };
    expect((await (await setUp([remix])).recover()).kind).toBe('missing');
  });

  it('is not guessed when two jobs match, or two submissions', async () => {
    const { recover: search } = await setUp([{ ...TWIN, id: 'video_2' }, TWIN]);
    expect(await search()).toMatchObject({ kind: 'missing', candidates: [{ id: 'video_2' }, { id: 'video_1' }] });
    const two = await setUp([TWIN], { lost: 2 });
    expect(idsOf([await two.recover(0), await two.recover(1)])).toEqual(['missing', 'missing']);
  });

  it('is assigned in order when the list is complete', async () => {
    const list = [{ ...TWIN, id: 'video_2', created_at: SENT_AT + 1 }, TWIN];
    const { recover: search } = await setUp(list, { lost: 3, hasCompleteList: true });
    const together = idsOf(await Promise.all([search(0), search(1), search(2)]));
    expect(together.slice(0, 2)).toEqual(['video_1', 'video_2']);
    expect(idsOf([await search(0), await search(1), await search(2)])).toEqual(['video_1', 'video_2', 'never-arrived']);
  });

  it('is assigned in the order of the list when the times are equal', async () => {
    const { recover: search } = await setUp([{ ...TWIN, id: 'video_2' }, TWIN], { lost: 2, hasCompleteList: true });
    expect(idsOf([await search(0), await search(1)])).toEqual(['video_1', 'video_2']);
  });

  it('is never the job of another submission, however the list spells its id', async () => {
    const wrap = (model: string): string =>
      `video_${Buffer.from(`litellm:custom_llm_provider:openai;model_id:${model};video_id:video_0123`).toString('base64')}`;
    const { recover: search, accept } = await setUp([{ ...TWIN, id: wrap('') }]);
    await accept(wrap('sora-2'), -1_000);
    expect(await search()).toEqual({ kind: 'missing', candidates: [] });
  });

  it('is not guessed when an equal submission has a job that the list does not show', async () => {
    const { recover: search, accept } = await setUp([TWIN]);
    await accept('id-of-another-replica', -1_000);
    expect(await search()).toMatchObject({ kind: 'missing', candidates: [{ id: 'video_1' }] });
  });

  it('is not guessed while the reply to an equal submission is pending', async () => {
    const { recover: search, ledger } = await setUp([TWIN], { lost: 2, alive: 1 });
    expect(await search(1)).toMatchObject({ kind: 'missing' });
    await expect(search(0)).rejects.toMatchObject({ code: 'outcome_unknown', submission: 'sub_0' });
    const job = factsOf(createVideoJob({ id: 'video_1' }));
    await ledger.append({ event: 'accepted', key: 'sub_0', atMs: clock.now(), job });
    expect(await search(1)).toEqual({ kind: 'missing', candidates: [] });
  });

  it('is searched for on later pages, but not before its time', async () => {
    const pages = [
      [{ ...TWIN, id: 'video_9', prompt: 'newer' }],
      [TWIN],
      [{ ...TWIN, id: 'video_0', created_at: SENT_AT - 9_999 }],
      [{ ...TWIN, id: 'never asked for' }],
    ];
    let calls = 0;
    const { recover: search } = await setUp(() => ({
      headers: DATE,
      body: { object: 'list', data: pages[calls++] ?? [], has_more: true },
    }));
    expect(await search()).toMatchObject({ kind: 'found', job: { id: 'video_1' } });
    expect(calls).toBe(3);
  });

  it('is not searched for again after another process found it', async () => {
    const { recover: search, ledger } = await setUp(() => ({ status: 500, body: 'oh' }));
    const job = factsOf(createVideoJob({ id: 'video_1' }));
    await ledger.append({ event: 'accepted', key: 'sub_0', atMs: clock.now(), job });
    expect(await search()).toMatchObject({ kind: 'found', record: { answer: 'accepted' }, job: null });
  });

  it.each<[string, ScriptedReply]>([
    ['has no list', { status: 404, body: { error: { message: 'Invalid URL (GET /v1/videos)' } } }],
    ['fails', { status: 500, body: 'oh' }],
    ['replies with an HTML page', { body: '<html></html>' }],
  ])('cannot be searched for when the server %s', async (_, reply) => {
    expect(await (await setUp(() => reply)).recover()).toMatchObject({ kind: 'unsearchable' });
  });
});

describe('that a submission never arrived', () => {
  const other = (id: string, prompt: string | undefined, minutes: number): object => ({
    ...TWIN,
    id,
    prompt,
    created_at: SENT_AT + 60 * minutes,
  });
  const ours = other('video_ours', 'another', 0);

  async function kindFor(list: readonly object[], hasCompleteList: boolean): Promise<string> {
    const { recover: search, accept } = await setUp(list, { hasCompleteList });
    await accept('video_ours', 0, { prompt: 'another' });
    return (await search()).kind;
  }

  it.each<[string, readonly object[]]>([
    ['is empty', []],
    ['has only our jobs', [ours]],
    ['has only much older jobs of others', [ours, other('video_old', 'theirs', -60)]],
  ])('follows from a complete list that %s', async (_, list) => {
    expect(await kindFor(list, true)).toBe('never-arrived');
    expect(await kindFor(list, false)).toBe('missing');
  });

  it.each<[string, object]>([
    ['rewrites prompts', other('video_lost', 'A cinematic boat', 0)],
    ['omits prompts', other('video_lost', undefined, -60)],
    ['shortens prompts', other('video_lost', `${prompt.slice(0, 5)}...`, -60)],
    ['uses other model names', { ...TWIN, id: 'video_lost', model: 'flagship' }],
  ])('does not follow from a complete list that %s', async (_, job) => {
    expect(await kindFor([ours, job], true)).toBe('missing');
  });
});
