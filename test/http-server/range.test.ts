import { expect, it } from 'vitest';
import { rangedReply, resolveRange } from '../../src/http-server/range.ts';

it.each([
  ['bytes=0-', { first: 0, last: 99 }],
  ['bytes=40-', { first: 40, last: 99 }],
  ['bytes=40-49', { first: 40, last: 49 }],
  ['bytes=99-99', { first: 99, last: 99 }],
  ['bytes=40-1000', { first: 40, last: 99 }],
  ['bytes=-10', { first: 90, last: 99 }],
  ['bytes=-1000', { first: 0, last: 99 }],
  ['bytes=100-', 'unsatisfiable'],
  ['bytes=-0', 'unsatisfiable'],
  [null, null],
  ['bytes=-', null],
  ['bytes=50-40', null],
  ['bytes=0-1,5-6', null],
  ['lines=0-1', null],
])('resolveRange(%j) of 100 bytes is %j', (header, range) => {
  expect(resolveRange(header, 100)).toEqual(range);
});

it.each<[method: string, headers: Record<string, string>, status: number]>([
  ['GET', { 'if-none-match': '"a"' }, 304],
  ['HEAD', { 'if-none-match': '"b", W/"a"' }, 304],
  ['GET', { 'if-none-match': '*', range: 'bytes=0-4' }, 304],
  ['GET', { 'if-none-match': '"b"', range: 'bytes=0-4' }, 206],
  ['GET', { 'if-range': '"b"', range: 'bytes=0-4' }, 200],
  ['HEAD', { range: 'bytes=0-4' }, 200],
])('a %s with %j is answered %i', (method, headers, status) => {
  const file = { sizeBytes: 100, mediaType: 'video/mp4', etag: '"a"' };
  expect(rangedReply({ method, headers }, file).status).toBe(status);
});
