import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { idForms } from '../../src/domain/id-forms.ts';
import { applyEvent, type IntentEvent, type JobRecord, type LedgerEvent, WITHDRAWN } from '../../src/domain/record.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import type { Ledger, Standing } from '../../src/store/ledger.ts';
import { PostgresLedger } from '../../src/store/postgres-ledger.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { AT_MS, accepted, intent, seen } from './ledger-events.ts';

/** Opens several ledgers on one new store, like processes. */
type Store = () => Ledger;

let postgres: Postgres | undefined;
beforeAll(async () => {
  if (POSTGRES_BIN !== undefined) postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

const stores: [string, boolean, () => Store][] = [
  [
    'a file',
    true,
    () => {
      const folder = createTemporaryFolder();
      return () => new FileLedger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
    },
  ],
  [
    `PostgreSQL${SKIPPED}`,
    POSTGRES_BIN !== undefined,
    () => {
      const url = postgres?.createDatabase() ?? '';
      return () => new PostgresLedger({ url, env: {}, homeDir: null, clock: systemClock });
    },
  ],
];

function keysOf(records: readonly JobRecord[]): string[] {
  return records.map(({ key }) => key);
}

describe.each(stores)('a ledger in %s', (_, isThere, createStore) => {
  const test = it.skipIf(!isThere);

  test('returns a record built from its events', async () => {
    const events: LedgerEvent[] = [
      intent('k'),
      { event: 'unknown', key: 'k', atMs: AT_MS + 1, code: 'connection_failed', message: 'socket hang up \0' },
      accepted('k', 'video_1', { error: { code: null, message: 'slow' }, expiresAtMs: AT_MS + 5 }),
      seen('k', 'video_1', { status: 'completed', completedAtMs: AT_MS + 60_000, actualMicros: 120_000 }),
      {
        event: 'saved',
        key: 'k',
        atMs: AT_MS + 2,
        file: { variant: 'video', path: '/v.mp4', bytes: 12, sha256: 'ab' },
      },
      { event: 'removed', key: 'k', atMs: AT_MS + 3 },
    ];
    const open = createStore();
    await open().append(...events);

    const folded = events.reduce<JobRecord | undefined>(applyEvent, undefined);
    expect(folded).toMatchObject({ answer: 'accepted', removed: true });
    expect(await open().byKey('k')).toEqual(folded);
    expect(await open().problems()).toEqual([]);
  });

  test('finds records by key, id, ending, request, row and manifest', async () => {
    const ledger = createStore()();
    const ofBatch = { batch: '/shots.jsonl', row: '/shots.jsonl#1' };
    await ledger.append(intent('a', { fingerprint: 'same' }), intent('b'), intent('c', { fingerprint: 'same' }));
    await ledger.append(intent('d', ofBatch), intent('e', ofBatch));
    await ledger.append(accepted('c', 'video_1', { status: 'failed' }), accepted('a', 'video_1'));
    await ledger.append(accepted('d', 'video_one_2'), accepted('e', 'video_two_2'));

    expect(keysOf(await ledger.find('b'))).toEqual(['b']);
    expect(keysOf(await ledger.find('video_1'))).toEqual(['c', 'a']);
    expect(await ledger.find('nowhere')).toEqual([]);
    expect(keysOf(await ledger.list({ by: 'fingerprint', value: 'same' }))).toEqual(['a', 'c']);
    expect(keysOf(await ledger.list({ by: 'batch', value: ofBatch.batch }))).toEqual(['d', 'e']);
    expect(keysOf(await ledger.list({ by: 'row', value: ofBatch.row }))).toEqual(['d', 'e']);
    expect(keysOf(await ledger.byEnding('_two_2'))).toEqual(['e']);
    expect(await ledger.shortIds(['video_one_2', 'video_two_2'])).toEqual(
      ['one_2', 'two_2'].map((end) => expect.stringMatching(`${end}$`)),
    );
    expect(await ledger.shortId('elsewhere')).toBe('elsewhere');
    expect(keysOf(await ledger.open())).toEqual(['e', 'd', 'b', 'a']);
    expect(keysOf(await ledger.newest(2))).toEqual(['e', 'd']);
    expect(keysOf(await ledger.list({ by: 'everything' }))).toEqual(['a', 'b', 'c', 'd', 'e']);
  });

  test('finds a job under the id that a gateway lists', async () => {
    const ledger = createStore()();
    await ledger.append(intent('a'), accepted('a', 'video_123:openai'));
    expect(keysOf(await ledger.withIds(idForms('video_123')))).toEqual(['a']);
    expect(await ledger.byId('video_123')).toEqual([]);
  });

  test('reads thousands of records in order, with any number in memory', async () => {
    const ledger = createStore()();
    const keys = Array.from({ length: 3_000 }, (__, number) => `key-${String(number).padStart(4, '0')}`);
    await ledger.append(...keys.map((key) => intent(key)));
    expect(keysOf(await ledger.list({ by: 'everything' }))).toEqual(keys);
    const backwards: string[] = [];
    for await (const { key } of ledger.records({ by: 'everything' }, 'newest first')) backwards.push(key);
    expect(backwards).toEqual(keys.toReversed());
  });

  test('keeps a job open that was found while it was being abandoned', async () => {
    const ledger = createStore()();
    const back = { event: 'rejected', key: 'a', atMs: AT_MS, code: WITHDRAWN, message: 'it never arrived' } as const;
    await ledger.append(intent('a'), accepted('a', 'video_1'), back);
    await ledger.append(intent('b'), { ...back, key: 'b' });
    expect(keysOf(await ledger.open())).toEqual(['a']);
  });

  test('counts a submission on the UTC day it was made', async () => {
    const ledger = createStore()();
    const midnightMs = Date.UTC(2026, 2, 5);
    await ledger.append(intent('before', { atMs: midnightMs - 1 }), intent('after', { atMs: midnightMs }));
    expect(keysOf(await ledger.list({ by: 'day', value: '2026-03-04' }))).toEqual(['before']);
    expect(keysOf(await ledger.list({ by: 'day', value: '2026-03-05' }))).toEqual(['after']);
  });

  test('sums spending by day and manifest, profile and person', async () => {
    const ledger = createStore()();
    const batch = '/shots.jsonl';
    await ledger.append(
      intent('a', { batch, user: 'ada' }),
      intent('b', { batch, profile: 'other', user: 'bob' }),
      intent('c', { free: true }),
    );
    await ledger.append(intent('d', { estimatedMicros: null }), intent('e'), accepted('a', 'video_1'));
    await ledger.append(seen('a', 'video_1', { status: 'completed', actualMicros: 300_000 }));
    await ledger.append({ event: 'rejected', key: 'e', atMs: AT_MS, code: 'invalid_request', message: 'no' });
    const spent = (by: 'day' | 'batch', profile: string | null, user: string | null = null) =>
      ledger.spent({ by, value: by === 'day' ? '2026-03-04' : batch, profile, user });
    expect(await spent('day', null)).toEqual({ micros: 700_000, unpriced: 1 });
    expect(await spent('day', 'openai')).toEqual({ micros: 300_000, unpriced: 1 });
    expect(await spent('batch', null)).toEqual({ micros: 700_000, unpriced: 0 });
    expect(await spent('batch', 'other')).toEqual({ micros: 400_000, unpriced: 0 });
    expect(await spent('day', null, 'ada')).toEqual({ micros: 300_000, unpriced: 0 });
    expect(await spent('day', 'openai', 'bob')).toEqual({ micros: 0, unpriced: 0 });
  });

  test('measures durations by the server’s clock, or else until the job was first seen finished', async () => {
    const ledger = createStore()();
    const completed = { status: 'completed', createdAtMs: null } as const;
    await ledger.append(
      ...['reported', 'measured', 'failed', 'running'].map((key) => intent(key)),
      intent('elsewhere', { profile: 'local' }),
      seen(
        'reported',
        '1',
        { ...completed, createdAtMs: AT_MS + 5000, completedAtMs: AT_MS + 47_000 },
        AT_MS + 900_000,
      ),
      seen('measured', '2', completed, AT_MS + 80_000.4), // a clock may report fractions of a millisecond
      seen('measured', '2', completed, AT_MS + 700_000),
      seen('failed', '3', { status: 'failed', completedAtMs: AT_MS + 1000 }),
      seen('running', '4', { status: 'in_progress' }),
      seen('elsewhere', '5', completed),
    );
    expect(await ledger.durationsMs('openai', 'sora-2', 10)).toEqual([80_000, 42_000]);
    expect(await ledger.durationsMs('openai', 'sora-2', 1)).toEqual([80_000]);
    expect(await ledger.durationsMs('openai', null, 10)).toEqual([]);
  });

  test('shows each process what the others have recorded', async () => {
    const open = createStore();
    const [one, two] = [open(), open()];
    expect(await two.newest(5)).toEqual([]);
    await one.append(intent('a'));
    expect(keysOf(await two.open())).toEqual(['a']);
    await two.append(accepted('a', 'video_1', { status: 'completed' }));
    expect(await one.open()).toEqual([]);
    expect((await one.byKey('a'))?.answer).toBe('accepted');
  });

  test('loses no concurrent appends', async () => {
    const open = createStore();
    const keys = Array.from({ length: 200 }, (__, number) => `key-${number}`);
    const ledgers = Array.from({ length: 10 }, open);
    await Promise.all(
      keys.map((key, number) => ledgers[number % 10]?.append(intent(key), accepted(key, `video-${key}`))),
    );
    const records = await open().list({ by: 'everything' });
    expect(keysOf(records).toSorted()).toEqual(keys.toSorted());
    expect(records.filter(({ answer }) => answer !== 'accepted')).toEqual([]);
  });

  describe('reserves a submission', () => {
    const PER_DAY_MICROS = 50_000_000;
    const ofDay = { by: 'day', value: '2026-03-04', profile: null, user: null } as const;
    const keepCap = ({ spent }: Standing) =>
      (spent[0]?.micros ?? 0) + 400_000 > PER_DAY_MICROS ? { reason: 'over the cap' } : null;
    const keepFirst = ({ same }: Standing) =>
      same.some(({ answer }) => answer !== 'rejected') ? { reason: 'served' } : null;
    const same = (value: string) => ({ by: 'fingerprint', value }) as const;
    const claimOf = (own: IntentEvent) => ({ intent: own, same: same(own.fingerprint), scopes: [] });

    test('with its intent, or not at all', async () => {
      const ledger = createStore()();
      expect(await ledger.reserve(claimOf(intent('a', { fingerprint: 'f' })), keepFirst)).toBeNull();
      expect(await ledger.byKey('a')).toMatchObject({ answer: 'pending', fingerprint: 'f' });
      const second = claimOf(intent('b', { fingerprint: 'f' }));
      expect(await ledger.reserve(second, keepFirst)).toEqual({ reason: 'served' });
      expect((await ledger.byKey('b'))?.answer ?? 'rejected').toBe('rejected');
    });

    test('once, however many processes request the same', async () => {
      const open = createStore();
      const claims = Array.from({ length: 12 }, (__, number) => claimOf(intent(`k${number}`, { fingerprint: 'f' })));
      const outcomes = await Promise.all(claims.map((claim) => open().reserve(claim, keepFirst)));
      expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(1);
    });

    test('once, whatever the order of concurrent requests', async () => {
      const open = createStore();
      const claims = Array.from({ length: 20 }, (__, at) => `f${at}`);
      const orders = [claims, claims.toReversed(), [...claims, ...claims].slice(7, 27)];
      const ask = (fingerprint: string, process: number, ledger: Ledger) =>
        ledger.reserve(claimOf(intent(`${process} ${fingerprint}`, { fingerprint })), keepFirst);
      const outcomes = await Promise.all(
        orders.flatMap((order, process) => {
          const ledger = open();
          return order.flatMap((each) => [ask(each, process, ledger), ask(each, process + 10, ledger)]);
        }),
      );
      expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(20);
    });

    test('up to the cap in one process, except for a key that is taken', async () => {
      const ledger = createStore()();
      const costly = (key: string) => ({
        intent: intent(key, { estimatedMicros: 400_000 }),
        same: null,
        scopes: [ofDay],
      });
      await ledger.reserve(costly('taken'), keepCap);
      const taken = { intent: intent('taken', { fingerprint: 'other' }), same: null, scopes: [] };
      const refused = ledger.reserve(taken, () => null).catch(({ code }) => code);
      const outcomes = await Promise.all(
        Array.from({ length: 200 }, (__, at) => ledger.reserve(costly(`k${at}`), keepCap)),
      );
      expect(outcomes.filter((outcome) => outcome === null)).toHaveLength(124);
      expect(await refused).toBe('ledger_damaged');
      expect(await ledger.spent(ofDay)).toEqual({ micros: PER_DAY_MICROS, unpriced: 0 });
    });

    test('up to the cap, across four processes', async () => {
      const open = createStore();
      const outcomes = await Promise.all(
        ['m1', 'm2', 'm3', 'm4'].map(async (machine) => {
          const ledger = open();
          const results: unknown[] = [];
          for (let at = 0; at < 40; at++) {
            const own = intent(`${machine}-${at}`, { estimatedMicros: 400_000 });
            results.push(await ledger.reserve({ intent: own, same: null, scopes: [ofDay] }, keepCap));
          }
          return results;
        }),
      );
      expect(outcomes.flat().filter((outcome) => outcome === null)).toHaveLength(125);
      expect(await open().spent(ofDay)).toEqual({ micros: PER_DAY_MICROS, unpriced: 0 });
    });
  });
});
