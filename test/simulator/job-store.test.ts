import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { JobStore } from '../../src/simulator/job-store.ts';
import { createSimulatedJob } from '../support/simulated-job.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

function listIds(store: JobStore, after: string | null = null): string[] | undefined {
  return store.list({ limit: 100, order: 'asc', after })?.items.map(({ id }) => id);
}

describe('JobStore', () => {
  it('sees the jobs and deletions of another process after a refresh', async () => {
    const path = join(createTemporaryFolder(), 'jobs.jsonl');
    const [ours, theirs] = [new JobStore(path), new JobStore(path)];
    await theirs.add(createSimulatedJob({ id: 'a' }));
    await theirs.add(createSimulatedJob({ id: 'b' }));
    expect(listIds(ours)).toEqual(['a', 'b']);

    await theirs.remove('a');
    await ours.add(createSimulatedJob({ id: 'c' }));
    expect(listIds(ours)).toEqual(['b', 'c']);
    expect(ours.find('a')).toBeUndefined();
  });

  it('skips invalid lines, and does not join a torn line with a new one', async () => {
    const path = join(createTemporaryFolder(), 'jobs.jsonl');
    const store = new JobStore(path);
    await store.add(createSimulatedJob({ id: 'a' }));
    appendFileSync(
      path,
      '{"created":{"id":"x"}}\nnonsense\n\n42\n{"deleted":"unknown"}\n{"deleted":7}\n{"created":{"id":"torn',
    );
    await store.add(createSimulatedJob({ id: 'b' }));
    expect(listIds(store)).toEqual(['a', 'b']);
    const reopened = new JobStore(path);
    expect(listIds(reopened)).toEqual(['a', 'b']);
  });

  it('gives a key that two processes use at once to the first in the file', async () => {
    const path = join(createTemporaryFolder(), 'jobs.jsonl');
    const stores = [new JobStore(path), new JobStore(path)];
    const jobs = await Promise.all(
      stores.map((store, index) => store.add(createSimulatedJob({ id: `job-${index}`, idempotencyKey: 'key' }))),
    );
    expect(jobs[0]?.id).toBe(jobs[1]?.id);
    for (const store of stores) {
      expect(listIds(store)).toEqual([jobs[0]?.id]);
    }
  });

  it('starts again when its file is removed', async () => {
    const path = join(createTemporaryFolder(), 'jobs.jsonl');
    const store = new JobStore(path);
    await store.add(createSimulatedJob({ id: 'a' }));
    rmSync(path);
    expect(listIds(store)).toEqual([]);
    await store.add(createSimulatedJob({ id: 'b' }));
    expect(listIds(store)).toEqual(['b']);
  });

  it('continues after a deleted cursor, and returns nothing after an unknown one', async () => {
    const store = new JobStore(join(createTemporaryFolder(), 'jobs.jsonl'));
    for (const id of ['a', 'b', 'c']) await store.add(createSimulatedJob({ id }));
    await store.remove('b');
    expect(listIds(store, 'b')).toEqual(['c']);
    expect(listIds(store, 'z')).toBeUndefined();
  });
});
