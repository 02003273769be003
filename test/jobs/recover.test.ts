import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobRecord } from '../../src/domain/record.ts';
import { fingerprintOf, recordRequest } from '../../src/jobs/fingerprint.ts';
import { type Recovery, recover } from '../../src/jobs/recover.ts';
import { Ledger } from '../../src/store/ledger.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
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
}

/** A ledger with lost submissions of the same request, and a server with this list. */
async function setUp(list: readonly object[] | (() => ScriptedReply), lostOnes = 1): Promise<Search> {
  const server = await startVideosServer({
    list: () => (typeof list === 'function' ? list() : { body: { object: 'list', data: list, has_more: false } }),
  });
  const folder = createTemporaryFolder();
  const ledger = new Ledger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
  for (let number = 0; number < lostOnes; number++) {
    await ledger.append({
      event: 'intent',
      key: `sub_${number}`,
      atMs: clock.now(),
      pid: 1,
      profile: 'lab',
      baseUrl: server.url,
      fingerprint: fingerprintOf(server.url, recordRequest(request)),
      request: recordRequest(request),
      estimatedMicros: null,
      priceList: null,
      free: false,
      batch: null,
    });
  }
  const records = [...ledger.all()];
  const { client } = createVideosClient(server.url);
  return {
    ledger,
    records,
    recover(number = 0) {
      const record = records[number];
      if (record === undefined) throw new Error(`no record ${number}`);
      return recover({ client, ledger, clock }, record);
    },
  };
}

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
    expect(await search()).toEqual({ kind: 'missing' });
  });

  it.each([
    ['leaves out', { model: undefined, seconds: undefined, size: undefined, created_at: undefined }],
    ['names by its snapshot', { model: 'sora-2-2025-12-08' }],
    ['dates by a clock that is a little off', { created_at: SENT_AT - 200 }],
  ])('may be one that the list %s', async (_, changes) => {
    const { recover: search } = await setUp([{ ...TWIN, ...changes }]);
    expect(await search()).toMatchObject({ kind: 'found' });
  });

  it('is never the job of another record', async () => {
    const { recover: search } = await setUp([{ ...TWIN, id: 'video_2' }, TWIN], 3);
    const found = [await search(0), await search(1), await search(2)];
    expect(found.map((recovery) => (recovery.kind === 'found' ? recovery.job.id : recovery.kind))).toEqual([
      'video_1',
      'video_2',
      'missing',
    ]);
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

  it.each<[string, ScriptedReply]>([
    ['has no list', { status: 404, body: { error: { message: 'Invalid URL (GET /v1/videos)' } } }],
    ['is in trouble', { status: 500, body: 'oh' }],
    ['answers with a page', { body: '<html></html>' }],
  ])('cannot be looked for where the server %s', async (_, reply) => {
    expect(await (await setUp(() => reply)).recover()).toMatchObject({ kind: 'unsearchable' });
  });
});
