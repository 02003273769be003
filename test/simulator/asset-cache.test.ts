import { expect, it } from 'vitest';
import { AssetCache } from '../../src/simulator/asset-cache.ts';
import { createSimulatedJob } from '../support/simulated-job.ts';

const FILE_BYTES = 100;

function createCache(capacityFiles: number): { get: (id: string) => Promise<unknown>; rendered: string[] } {
  const rendered: string[] = [];
  const cache = new AssetCache(async ({ id }) => {
    rendered.push(id);
    return new Uint8Array(FILE_BYTES);
  }, capacityFiles * FILE_BYTES);
  return { get: (id) => cache.get(createSimulatedJob({ id }), 'video'), rendered };
}

it('renders a file once while it is cached', async () => {
  const { get, rendered } = createCache(2);
  for (const id of ['1', '2', '1', '3', '1', '2']) await get(id);
  expect(rendered).toEqual(['1', '2', '3', '2']);
});

it('renders a file once for concurrent requests, and may keep one file above the limit', async () => {
  const { get, rendered } = createCache(0.5);
  await Promise.all([get('1'), get('1'), get('1')]);
  await get('1');
  expect(rendered).toEqual(['1']);
});

it('renders again after a failure', async () => {
  let fails = true;
  const cache = new AssetCache(async () => {
    if (fails) throw new RangeError('too large');
    return new Uint8Array(FILE_BYTES);
  });
  const job = createSimulatedJob();
  await expect(cache.get(job, 'video')).rejects.toThrow('too large');
  fails = false;
  expect((await cache.get(job, 'video')).bytes).toHaveLength(FILE_BYTES);
});
