import { expect, it } from 'vitest';
import { AssetCache } from '../../src/simulator/asset-cache.ts';
import { createSimulatedJob } from '../support/simulated-job.ts';

it('renders a file once while it is among the last four that were asked for', () => {
  const cache = new AssetCache();
  const get = (id: string) => cache.get(createSimulatedJob({ id, size: '64x64', seconds: '0.1' }), 'video');
  const [first, second] = [get('1'), get('2')];
  get('3');
  expect(get('1')).toBe(first);
  get('4');
  get('5');
  expect(get('1')).toBe(first);
  expect(get('2')).not.toBe(second);
});
