import { expect, it } from 'vitest';
import { nearest } from '../../src/domain/nearest.ts';

it.each<[string, readonly string[], readonly string[]]>([
  ['craete', ['create', 'delete'], ['create']],
  ['--out', ['--output', '--count'], ['--output']],
  ['Sora2', ['sora-2', 'sora-2-pro'], ['sora-2']],
  ['simulato', ['openai', 'simulator'], ['simulator']],
  ['frobnicate', ['create', 'list'], []],
  ['', ['create'], []],
])('nearest(%j) among %j is %j', (text, candidates, expected) => {
  expect(nearest(text, candidates)).toEqual(expected);
});
