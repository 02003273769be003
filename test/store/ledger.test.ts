import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { applyEvent, type JobRecord, type LedgerEvent, WITHDRAWN } from '../../src/domain/record.ts';
import { FileLedger, type LedgerPaths } from '../../src/store/file-ledger.ts';
import { encodeEvent } from '../../src/store/ledger-line.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { AT_MS, accepted, intent, seen } from './ledger-events.ts';

function createPaths(): LedgerPaths {
  const folder = createTemporaryFolder();
  return { journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') };
}

function keysOf(records: readonly JobRecord[]): string[] {
  return records.map(({ key }) => key);
}

describe('a record', () => {
  it('comes back from the file as its events make it', async () => {
    const events: LedgerEvent[] = [
      intent('k'),
      { event: 'unknown', key: 'k', atMs: AT_MS + 1, code: 'connection_failed', message: 'socket hang up' },
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
    const paths = createPaths();
    await new FileLedger(paths).append(...events);

    const folded = events.reduce<JobRecord | undefined>(applyEvent, undefined);
    expect(folded).toMatchObject({ answer: 'accepted', removed: true });
    expect(await new FileLedger(paths).byKey('k')).toEqual(folded);
    expect(await new FileLedger(paths).problems()).toEqual([]);
  });

  it('is found by its key, by its id, and by what was asked for', async () => {
    const ledger = new FileLedger(createPaths());
    await ledger.append(intent('a', { fingerprint: 'same' }), intent('b'), intent('c', { fingerprint: 'same' }));
    await ledger.append(accepted('c', 'video_1', { status: 'failed' }), accepted('a', 'video_1'));

    expect(keysOf(await ledger.find('b'))).toEqual(['b']);
    expect(keysOf(await ledger.find('video_1'))).toEqual(['c', 'a']);
    expect(await ledger.find('nowhere')).toEqual([]);
    expect(keysOf(await ledger.list({ by: 'fingerprint', value: 'same' }))).toEqual(['a', 'c']);
    expect(keysOf(await ledger.open())).toEqual(['b', 'a']);
    expect(keysOf(await ledger.newest(2))).toEqual(['c', 'b']);
    expect(keysOf(await ledger.list({ by: 'everything' }))).toEqual(['a', 'b', 'c']);
  });

  it('stays open when it was found in the moment in which it was taken back', async () => {
    const ledger = new FileLedger(createPaths());
    const back = { event: 'rejected', key: 'a', atMs: AT_MS, code: WITHDRAWN, message: 'it never arrived' } as const;
    await ledger.append(intent('a'), accepted('a', 'video_1'), back);
    await ledger.append(intent('b'), { ...back, key: 'b' });
    expect(keysOf(await ledger.open())).toEqual(['a']);
  });

  it('belongs to the day, in UTC, on which it was submitted', async () => {
    const ledger = new FileLedger(createPaths());
    const midnightMs = Date.UTC(2026, 2, 5);
    await ledger.append(intent('before', { atMs: midnightMs - 1 }), intent('after', { atMs: midnightMs }));

    expect(keysOf(await ledger.list({ by: 'day', value: '2026-03-04' }))).toEqual(['before']);
    expect(keysOf(await ledger.list({ by: 'day', value: '2026-03-05' }))).toEqual(['after']);
  });
});

describe('durations', () => {
  it('are the server’s where it tells them, else from the intent to the first sight of the finished job', async () => {
    const ledger = new FileLedger(createPaths());
    const completed = { status: 'completed', createdAtMs: null } as const;
    await ledger.append(
      ...['told', 'measured', 'failed', 'running'].map((key) => intent(key)),
      intent('elsewhere', { profile: 'local' }),
      seen('told', '1', { ...completed, createdAtMs: AT_MS + 5000, completedAtMs: AT_MS + 47_000 }, AT_MS + 900_000),
      seen('measured', '2', completed, AT_MS + 80_000),
      seen('measured', '2', completed, AT_MS + 700_000),
      seen('failed', '3', { status: 'failed', completedAtMs: AT_MS + 1000 }),
      seen('running', '4', { status: 'in_progress' }),
      seen('elsewhere', '5', completed),
    );

    expect(await ledger.durationsMs('openai', 'sora-2', 10)).toEqual([80_000, 42_000]);
    expect(await ledger.durationsMs('openai', 'sora-2', 1)).toEqual([80_000]);
    expect(await ledger.durationsMs('openai', null, 10)).toEqual([]);
  });
});

describe('a shared file', () => {
  it('shows each ledger what the others have appended', async () => {
    const paths = createPaths();
    const [one, two] = [new FileLedger(paths), new FileLedger(paths)];
    expect(await two.newest(5)).toEqual([]);

    await one.append(intent('a'));
    expect(keysOf(await two.open())).toEqual(['a']);
    await two.append(accepted('a', 'video_1', { status: 'completed' }));
    expect(await one.open()).toEqual([]);
    expect((await one.byKey('a'))?.answer).toBe('accepted');
  });

  it('loses nothing of what many append at once', async () => {
    const paths = createPaths();
    const keys = Array.from({ length: 200 }, (_, number) => `key-${number}`);
    const ledgers = Array.from({ length: 10 }, () => new FileLedger(paths));
    await Promise.all(
      keys.map((key, number) => ledgers[number % 10]?.append(intent(key), accepted(key, `video-${key}`))),
    );

    const records = await new FileLedger(paths).list({ by: 'everything' });
    expect(keysOf(records).toSorted()).toEqual(keys.toSorted());
    expect(records.filter(({ answer }) => answer !== 'accepted')).toEqual([]);
  });

  it('is for its owner alone', async () => {
    const paths = createPaths();
    await new FileLedger(paths).append(
      intent('k', { request: { ...intent('k').request, prompt: 'x'.repeat(2 << 20) } }),
    );
    await new FileLedger(paths).open();

    expect(statSync(paths.journal).mode & 0o777).toBe(0o600);
    expect(statSync(paths.index).mode & 0o777).toBe(0o600);
  });
});

describe('a damaged file', () => {
  it('with a torn last line tells the rest, and goes on behind it', async () => {
    const paths = createPaths();
    const ledger = new FileLedger(paths);
    await ledger.append(intent('a'));
    appendFileSync(paths.journal, '{"event":"accepted","ke');
    expect(keysOf(await ledger.open())).toEqual(['a']);
    expect(await ledger.problems()).toEqual([]);

    await ledger.append(intent('b'));
    expect(keysOf(await ledger.open())).toEqual(['b', 'a']);
    expect(await ledger.problems()).toEqual([]);
  });

  it('has its unreadable lines named by number, left in place, and the others read', async () => {
    const paths = createPaths();
    const future = encodeEvent({ event: 'from the future' } as never);
    const lines = [JSON.stringify(intent('a')), '', 'garbage', future, '{"event":"removed"}'];
    const text = `${[...lines, JSON.stringify(intent('b'))].join('\n')}\n`;
    writeFileSync(paths.journal, text);

    const ledger = new FileLedger(paths);
    expect(keysOf(await ledger.list({ by: 'everything' }))).toEqual(['a', 'b']);
    expect(await ledger.problems()).toEqual([
      { line: 3, reason: 'not a JSON object' },
      { line: 5, reason: '`key` is not a text' },
    ]);
    expect(readFileSync(paths.journal, 'utf8')).toBe(text);
  });

  it('that cannot be read or written is an error with its path', async () => {
    const paths = createPaths();
    mkdirSync(paths.journal);
    const ledger = new FileLedger(paths);

    await expect(ledger.append(intent('a'))).rejects.toMatchObject({
      code: 'cannot_write',
      message: `could not write the ledger ${paths.journal}`,
      causedBy: 'it is a folder, not a file',
    });
    await expect(ledger.open()).rejects.toMatchObject({
      code: 'invalid_config',
      message: `could not read the ledger ${paths.journal}`,
      causedBy: 'it is a folder, not a file',
    });
  });
});
