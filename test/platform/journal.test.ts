import { appendFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Journal } from '../../src/platform/journal.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

function textsIn(path: string): string[] {
  return Array.from(new Journal(path).read(), ({ text }) => text);
}

describe('appending', () => {
  it('creates the file and its folder for their owner only', async () => {
    const folder = join(createTemporaryFolder(), 'state');
    await new Journal(join(folder, 'journal.jsonl')).append('one');

    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'journal.jsonl')).mode & 0o777).toBe(0o600);
  });

  it('keeps the order of appends, sequential or concurrent', async () => {
    const path = join(createTemporaryFolder(), 'journal.jsonl');
    const journal = new Journal(path);
    await journal.append('one', 'two');
    await journal.append('three');
    await Promise.all(['four', 'five', 'six'].map((line) => journal.append(line)));

    expect(textsIn(path)).toEqual(['one', 'two', 'three', 'four', 'five', 'six']);
  });

  it('never mixes the lines of several writers, however long', async () => {
    const path = join(createTemporaryFolder(), 'journal.jsonl');
    const batches = ['a', 'b', 'c', 'd'].map((writer) => Array.from({ length: 4 }, () => writer.repeat(300_000)));
    await Promise.all(batches.map((lines) => new Journal(path).append(...lines)));

    const writers = textsIn(path).map((line) => line.replace(/^(.)\1{299999}$/, '$1'));
    expect(writers.toSorted().join('')).toBe('aaaabbbbccccdddd');
    expect(writers.join('')).toMatch(/^(?:(.)\1{3}){4}$/);
  });

  it('starts a new line after a torn one', async () => {
    const path = join(createTemporaryFolder(), 'journal.jsonl');
    writeFileSync(path, 'whole\nto');
    await new Journal(path).append('next');

    expect(textsIn(path)).toEqual(['whole', 'to #torn', 'next']);
  });

  it('sees what others append, a torn line, and a removed file while it holds the file', async () => {
    const path = join(createTemporaryFolder(), 'journal.jsonl');
    const journal = new Journal(path);
    journal.hold();
    await journal.append('one');
    await new Journal(path).append('two');
    appendFileSync(path, 'to');
    await journal.append('three');
    expect(Array.from(journal.read(), ({ text }) => text)).toEqual(['one', 'two', 'to #torn', 'three']);
    rmSync(path);
    await journal.append('four');
    expect(textsIn(path)).toEqual(['four']);
    await journal.release();
    await journal.append('five');
    expect(textsIn(path)).toEqual(['four', 'five']);
  });

  it('completes an append that starts during a release', async () => {
    const path = join(createTemporaryFolder(), 'journal.jsonl');
    const journal = new Journal(path);
    journal.hold();
    const appends = (async () => {
      await journal.append('one');
      await journal.append('two');
    })();
    await journal.release();
    await appends;
    expect(textsIn(path)).toEqual(['one', 'two']);
  });

  it('rejects every append that fails, and tries the next one separately', async () => {
    const journal = new Journal(createTemporaryFolder());
    const appends = await Promise.allSettled([journal.append('one'), journal.append('two')]);

    expect(appends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    await expect(journal.append('three')).rejects.toThrow('it is a folder, not a file');
  });
});

describe('reading', () => {
  it('finds nothing without a file', () => {
    const journal = new Journal(join(createTemporaryFolder(), 'journal.jsonl'));

    expect(journal.size()).toBe(0);
    expect([...journal.read()]).toEqual([]);
    expect([...journal.readAt([0])]).toEqual([]);
  });

  it('omits a torn last line until it is complete', () => {
    const path = join(createTemporaryFolder(), 'journal.jsonl');
    writeFileSync(path, 'one\ntw');
    expect(textsIn(path)).toEqual(['one']);

    appendFileSync(path, 'o\n');
    expect(textsIn(path)).toEqual(['one', 'two']);
  });

  it('returns lines of any length and script, and finds each again by its offset', async () => {
    const journal = new Journal(join(createTemporaryFolder(), 'journal.jsonl'));
    const texts = ['', 'ü'.repeat(9000), 'short', '夜'.repeat(70_000), 'x'.repeat((16 << 10) - 1), 'last'];
    await journal.append(...texts);

    const lines = [...journal.read()];
    expect(lines.map(({ text }) => text)).toEqual(texts);
    expect(lines.at(-1)?.end).toBe(journal.size());
    expect([...journal.read(lines[3]?.offset)]).toEqual(lines.slice(3));
    const backwards = lines.toReversed();
    expect([...journal.readAt(backwards.map(({ offset }) => offset))]).toEqual(backwards);
  });
});
