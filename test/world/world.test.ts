import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyWorld } from './description.ts';
import { live } from './live.ts';
import { makeFilesMortal } from './mortal.ts';

/** `npm run soak:world` sets these. */
const { WORLDS = '300', WORLD_SEED = '1' } = process.env;

it(`keeps its three promises in ${WORLDS} worlds of seed ${WORLD_SEED}`, async () => {
  await makeFilesMortal();
  const property = fc.asyncProperty(anyWorld, async (world) => {
    expect(await live(world)).toEqual([]);
  });
  await fc.assert(property, { numRuns: Number(WORLDS), seed: Number(WORLD_SEED), verbose: 1 });
}, 3_600_000);
