import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { applyEvent, isOpen, type JobRecord, type LedgerEvent } from '../../src/domain/record.ts';
import { JOB_STATUSES } from '../../src/domain/video.ts';
import { FileLedger, type LedgerPaths } from '../../src/store/file-ledger.ts';
import { hashTerm, termOf } from '../../src/store/ledger-terms.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { AT_MS, accepted, facts, intent } from './ledger-events.ts';

/** A blank line that is long enough for the index to be stored. */
const PADDING = `${' '.repeat(1 << 20)}\n`;
const KEYS = ['a', 'b', 'c', 'd'];
const IDS = ['v1', 'v2', 'v3'];
const DAYS = ['2026-03-04', '2026-03-05'];

function pathsIn(folder: string, name = 'ledger'): LedgerPaths {
  return { journal: join(folder, 'ledger.jsonl'), index: join(folder, `${name}.index`) };
}

function textOf(lines: readonly string[]): string {
  return lines.map((line) => `${line}\n`).join('');
}

/** A journal of one open job, with its index stored. */
async function createIndexed(): Promise<LedgerPaths> {
  const paths = pathsIn(createTemporaryFolder());
  writeFileSync(paths.journal, textOf([JSON.stringify(intent('a')), JSON.stringify(accepted('a', 'v1'))]) + PADDING);
  await new FileLedger(paths).open();
  return paths;
}

/** Every query of a ledger about the keys, ids, … above. */
async function answersOf(ledger: FileLedger): Promise<unknown> {
  return {
    byKey: await Promise.all(KEYS.map((key) => ledger.byKey(key))),
    byId: await Promise.all(IDS.map((id) => ledger.byId(id))),
    byFingerprint: await Promise.all(['f1', 'f2'].map((value) => ledger.list({ by: 'fingerprint', value }))),
    open: await ledger.open(),
    newest: await ledger.newest(2),
    submittedOn: await Promise.all(DAYS.map((value) => ledger.list({ by: 'day', value }))),
    all: await ledger.list({ by: 'everything' }),
    durationsMs: await ledger.durationsMs('openai', 'sora-2', 2),
    problems: await ledger.problems(),
  };
}

/** The same answers, from the lines alone. */
function expectedAnswers(lines: readonly string[]): unknown {
  const records = new Map<string, JobRecord>();
  const completedAtMs = new Map<string, number>();
  const problems: unknown[] = [];
  const keys = new Set<string>();
  lines.forEach((line, index) => {
    if (line === 'garbage') problems.push({ line: index + 1, reason: 'not a JSON object' });
    if (!line.startsWith('{')) return;
    const event: LedgerEvent = JSON.parse(line);
    if (event.event !== 'intent' && !keys.has(event.key)) {
      const reason = `\`${event.event}\` of ${event.key}, whose \`intent\` is missing`;
      problems.push({ line: index + 1, reason });
    }
    keys.add(event.key);
    const record = applyEvent(records.get(event.key), event);
    if (record === undefined) return;
    records.set(event.key, record);
    if (record.job?.status === 'completed' && !completedAtMs.has(event.key)) completedAtMs.set(event.key, event.atMs);
  });
  const all = [...records.values()];
  const newestFirst = all.toReversed();
  return {
    byKey: KEYS.map((key) => records.get(key)),
    byId: IDS.map((id) => newestFirst.filter(({ job }) => job?.id === id)),
    byFingerprint: ['f1', 'f2'].map((fingerprint) => all.filter((record) => record.fingerprint === fingerprint)),
    open: newestFirst.filter(isOpen),
    newest: newestFirst.slice(0, 2),
    submittedOn: DAYS.map((day) =>
      all.filter(({ submittedAtMs }) => new Date(submittedAtMs).toISOString().startsWith(day)),
    ),
    all,
    durationsMs: newestFirst
      .flatMap(({ key, submittedAtMs }) => {
        const endMs = completedAtMs.get(key);
        return endMs === undefined || endMs < submittedAtMs ? [] : [endMs - submittedAtMs];
      })
      .slice(0, 2),
    problems,
  };
}

const arbitraryEvent: fc.Arbitrary<LedgerEvent> = fc
  .record({
    kind: fc.constantFrom('intent', 'intent', 'accepted', 'seen', 'seen', 'rejected', 'unknown', 'saved', 'removed'),
    key: fc.constantFrom(...KEYS),
    atMs: fc.integer({ min: AT_MS, max: AT_MS + 86_400_000 }),
    id: fc.constantFrom(...IDS),
    status: fc.constantFrom(...JOB_STATUSES),
    fingerprint: fc.constantFrom('f1', 'f2'),
  })
  .map(({ kind, key, atMs, id, status, fingerprint }): LedgerEvent => {
    switch (kind) {
      case 'intent':
        return intent(key, { atMs, fingerprint });
      case 'accepted':
      case 'seen':
        return { event: kind, key, atMs, job: facts(id, { status }) };
      case 'rejected':
        return { event: kind, key, atMs, code: 'server_error', message: 'no' };
      case 'saved':
        return { event: kind, key, atMs, file: { variant: 'video', path: `/${id}.mp4`, bytes: 1, sha256: 'ab' } };
      case 'removed':
        return { event: kind, key, atMs };
      default:
        return { event: 'unknown', key, atMs, code: null, message: 'gone' };
    }
  });

const arbitraryLine = fc.oneof(
  { weight: 12, arbitrary: arbitraryEvent.map((event) => JSON.stringify(event)) },
  { weight: 1, arbitrary: fc.constantFrom('', 'garbage') },
);

describe('the index', () => {
  it('answers like a replay of the whole journal, wherever it was stored', async () => {
    const folder = createTemporaryFolder();
    const lists = fc.array(arbitraryLine, { maxLength: 30 });
    const check = async (earlier: string[], later: string[]): Promise<void> => {
      for (const name of ['ledger', 'none']) rmSync(pathsIn(folder, name).index, { force: true });
      const paths = pathsIn(folder);
      writeFileSync(paths.journal, textOf(earlier) + PADDING);
      const standing = new FileLedger(paths);
      expect(await answersOf(standing)).toEqual(expectedAnswers([...earlier, '']));
      expect(existsSync(paths.index)).toBe(true);

      appendFileSync(paths.journal, textOf(later));
      const expected = expectedAnswers([...earlier, '', ...later]);
      expect(await answersOf(standing)).toEqual(expected);
      expect(await answersOf(new FileLedger(paths))).toEqual(expected);
      expect(await answersOf(new FileLedger(pathsIn(folder, 'none')))).toEqual(expected);
    };
    await fc.assert(fc.asyncProperty(lists, lists, check), { numRuns: 20 });
  }, 60_000); // it writes hundreds of files

  it('is read by the next start instead of the journal', async () => {
    const paths = await createIndexed();
    // Same length, in the middle: only a full read of the journal notices it.
    writeFileSync(paths.journal, readFileSync(paths.journal, 'utf8').replace('"accepted"', '"accepted '));
    expect(await new FileLedger(paths).problems()).toEqual([]);
  });

  it.each<[string, (paths: LedgerPaths) => void]>([
    ['missing', ({ index }) => rmSync(index)],
    ['empty', ({ index }) => truncateSync(index)],
    ['cut short', ({ index }) => truncateSync(index, readFileSync(index).length - 1)],
    ['not an index', ({ index }) => writeFileSync(index, 'Lorem ipsum dolor sit amet')],
    ['damaged in its header', ({ index }) => flipByte(index, readFileSync(index).indexOf('["a"]') + 2)],
    ['damaged in its postings', ({ index }) => flipByte(index, readFileSync(index).length - 2)],
    [
      'a folder',
      ({ index }) => {
        rmSync(index);
        mkdirSync(index);
      },
    ],
  ])('is built again when it is %s', async (_, damage) => {
    const paths = await createIndexed();
    damage(paths);

    const ledger = new FileLedger(paths);
    expect(await ledger.byId('v1')).toMatchObject([{ key: 'a' }]);
    expect(await ledger.open()).toMatchObject([{ key: 'a' }]);
  });

  it.each([
    ['is empty', ''],
    ['is shorter', textOf([JSON.stringify(intent('b'))])],
    ['begins differently', textOf([JSON.stringify(intent('b')), '']) + PADDING + PADDING],
    [
      'was edited earlier on',
      textOf([JSON.stringify(intent('a')), '', JSON.stringify(intent('b'))]) + PADDING + PADDING,
    ],
  ])('is discarded for a journal that %s', async (_, text) => {
    const paths = await createIndexed();
    const standing = new FileLedger(paths);
    await standing.open();
    writeFileSync(paths.journal, text);

    const answers = expectedAnswers(text.split('\n').slice(0, -1));
    const expected =
      text === '' ? { ...Object(answers), problems: [{ line: 1, reason: 'the file is empty' }] } : answers;
    expect(await answersOf(new FileLedger(paths))).toEqual(expected);
    expect(await answersOf(standing)).toEqual(expected);
  });

  it('distinguishes terms with the same hash', async () => {
    const keys = ['job--r2obwb', 'job-1r9iei'] as const;
    const fingerprints = ['sha256:-fpgnor', 'sha256:-6wfomu'] as const;
    for (const pair of [
      keys.map((key) => termOf('key', key)),
      fingerprints.map((value) => termOf('fingerprint', value)),
    ]) {
      expect(new Set(pair).size).toBe(2);
      expect(new Set(pair.map(hashTerm)).size).toBe(1);
    }
    const ledger = new FileLedger(pathsIn(createTemporaryFolder()));
    await ledger.append(intent(keys[0], { fingerprint: fingerprints[0] }), accepted(keys[0], 'v0'));
    await ledger.append(intent(keys[1], { fingerprint: fingerprints[1] }), accepted(keys[1], 'v1'));

    for (const number of [0, 1] as const) {
      const expected = { key: keys[number], job: { id: `v${number}` } };
      expect(await ledger.byKey(keys[number])).toMatchObject(expected);
      expect(await ledger.list({ by: 'fingerprint', value: fingerprints[number] })).toMatchObject([expected]);
    }
  });
});

function flipByte(path: string, position: number): void {
  const bytes = readFileSync(path);
  bytes.writeUInt8(bytes.readUInt8(position) ^ 1, position);
  writeFileSync(path, bytes);
}
