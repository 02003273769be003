import { appendFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JobRecord } from '../../src/domain/record.ts';
import { FileLedger, type LedgerPaths } from '../../src/store/file-ledger.ts';
import { encodeEvent } from '../../src/store/ledger-line.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { intent } from './ledger-events.ts';

function createPaths(): LedgerPaths {
  const folder = createTemporaryFolder();
  return { journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') };
}

function keysOf(records: readonly JobRecord[]): string[] {
  return records.map(({ key }) => key);
}

describe('the ledger file', () => {
  it('is private to its owner', async () => {
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
  it('with a torn last line returns the rest, and continues after it', async () => {
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

  it('has its unreadable lines reported by number, kept, and the others read', async () => {
    const paths = createPaths();
    const future = encodeEvent({ event: 'from the future' } as never);
    const lines = [JSON.stringify(intent('a')), '', 'garbage', future, '{"event":"removed"}'];
    const text = `${[...lines, JSON.stringify(intent('b'))].join('\n')}\n`;
    writeFileSync(paths.journal, text);

    const ledger = new FileLedger(paths);
    expect(keysOf(await ledger.list({ by: 'everything' }))).toEqual(['a', 'b']);
    expect(await ledger.problems()).toEqual([
      { line: 3, reason: 'not a JSON object' },
      { line: 5, reason: '`key` is not a string' },
    ]);
    expect(readFileSync(paths.journal, 'utf8')).toBe(text);
  });

  it('is summed again after a repair', async () => {
    const paths = createPaths();
    const ledger = new FileLedger(paths);
    const day = { by: 'day', value: '2026-03-04', profile: null, user: null } as const;
    await ledger.append(intent('a'), intent('b'));
    expect(await ledger.spent(day)).toEqual({ micros: 800_000, unpriced: 0 });

    writeFileSync(paths.journal, `${encodeEvent(intent('b'))}\n`);
    expect(await ledger.spent(day)).toEqual({ micros: 400_000, unpriced: 0 });
    await ledger.append(intent('c'));
    expect(await ledger.spent(day)).toEqual({ micros: 800_000, unpriced: 0 });
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
