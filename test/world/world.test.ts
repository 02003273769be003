import fc from 'fast-check';
import { expect, it } from 'vitest';
import { anyWorld } from './description.ts';
import { live } from './live.ts';
import { makeProcessesMortal } from './processes.ts';

/** `npm run soak:world` runs more, with a random seed. Set WORLD_PATH to the `path` that a failure prints to repeat one world. */
const { WORLDS = '150', SEED = '1', WORLD_PATH } = process.env;

it(`keeps its three promises in ${WORLDS} worlds of seed ${SEED}`, async () => {
  await makeProcessesMortal();
  const property = fc.asyncProperty(anyWorld, async (world) => {
    expect(await live(world)).toEqual([]);
  });
  await fc.assert(property, {
    numRuns: Number(WORLDS),
    seed: Number(SEED),
    ...(WORLD_PATH === undefined ? {} : { path: WORLD_PATH }),
  });
}, 3_600_000);
