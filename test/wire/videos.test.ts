import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { decodeDeleted, decodePage } from '../../src/wire/videos.ts';

const FACTS = { requestId: null, pollAfterMs: null };

describe('decodePage', () => {
  it.each<[string, JsonValue, readonly string[], boolean | null, string | null]>([
    ['jobs under `items`', { items: [{ id: 'a' }], has_more: false }, ['a'], false, 'a'],
    ['jobs under `videos`', { videos: [{ id: 'a' }] }, ['a'], null, 'a'],
    [
      'OpenAI’s list',
      { object: 'list', data: [{ id: 'a' }, { id: 'b' }], first_id: 'a', last_id: 'b', has_more: true },
      ['a', 'b'],
      true,
      'b',
    ],
    ['a list without has_more', { data: [{ id: 'a' }, { id: 'b' }] }, ['a', 'b'], null, 'b'],
    ['a bare array', [{ id: 'a' }], ['a'], null, 'a'],
    ['items without an id', { data: [{ id: 'a' }, {}, null, 'x'], has_more: false }, ['a'], false, 'a'],
    ['an empty list', { data: [], has_more: false, last_id: null }, [], false, null],
  ])('reads %s', (_, body, ids, hasMore, lastId) => {
    const page = decodePage(body, FACTS);
    expect(page?.jobs.map(({ id }) => id)).toEqual(ids);
    expect(page).toMatchObject({ hasMore, lastId });
  });

  it.each([[undefined], [null], ['<html>'], [{}], [{ data: null }], [{ data: { id: 'a' } }]])(
    'finds no list in %j',
    (body) => {
      expect(decodePage(body, FACTS)).toBeNull();
    },
  );
});

it.each<[JsonValue | undefined, boolean]>([
  [{ id: 'v', object: 'video.deleted', deleted: true }, true],
  [{ id: 'v', deleted: false }, false],
  [{ id: 'v', status: 'deleted' }, true],
  [{ error: { message: 'cannot delete' } }, false],
  [{ success: false }, false],
  [{ id: 'v', status: 'cancelling' }, true],
  [{ id: 'v', status: 'canceled' }, true],
  [{ id: 'v', status: 'in_progress' }, false],
  [{ message: 'ok' }, true],
  [undefined, true],
])('decodeDeleted reads %j as %s', (body, isGone) => {
  expect(decodeDeleted(body)).toBe(isGone);
});
