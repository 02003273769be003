import { expect, it } from 'vitest';
import { withDefaults } from '../../src/domain/request-defaults.ts';

const WORDS = { resolution: '1080p', aspect_ratio: '9:16' };

it.each<[string, Parameters<typeof withDefaults>[0], Record<string, string>, object]>([
  [
    'nothing given',
    {},
    { duration: '8', quality: 'high', ...WORDS },
    { duration: '8', quality: 'high', resolution: '1080p', aspectRatio: '9:16' },
  ],
  [
    'what is given',
    { duration: '4', quality: 'standard' },
    { duration: '8', quality: 'high' },
    { duration: '4', quality: 'standard' },
  ],
  ['a size, without a default shape', { size: '832x480' }, { ...WORDS, orientation: 'portrait' }, { size: '832x480' }],
  ['a resolution, without a default size', { resolution: '720p' }, { size: '832x480' }, { resolution: '720p' }],
  ['a resolution, with the default shape', { resolution: '720p' }, WORDS, { resolution: '720p', aspectRatio: '9:16' }],
  [
    'an orientation instead of the default ratio',
    { orientation: 'landscape' },
    WORDS,
    { orientation: 'landscape', resolution: '1080p' },
  ],
  [
    'a ratio instead of the default orientation',
    { aspectRatio: '1:1' },
    { orientation: 'portrait' },
    { aspectRatio: '1:1' },
  ],
  [
    'a parameter of the same name',
    { params: ['seed=1'] },
    { 'params.seed': '7', 'params.steps': '20' },
    { params: ['steps=20', 'seed=1'] },
  ],
])('withDefaults keeps %s', (_, given, defaults, wanted) => {
  const result = Object.entries(withDefaults(given, defaults)).filter(([, value]) => value !== undefined);
  expect(Object.fromEntries(result)).toEqual({ params: [], ...wanted });
});
