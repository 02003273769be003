import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { decodeDeleted, decodePage, encodeForm, encodeJson } from '../../src/wire/videos.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';

const FACTS = { requestId: null, pollAfterMs: null };
const FULL = createVideoRequest({
  characters: ['char_1', 'char_2'],
  params: { seed: 42, loop: true, style: 'oil', lora: { name: 'x' } },
});
const BARE = createVideoRequest({ model: null, seconds: null, size: null });

describe('encodeJson', () => {
  it('writes seconds as a text and the server’s own parameters as they are', () => {
    expect(encodeJson(FULL)).toEqual({
      model: 'sora-2',
      prompt: 'a red kite over the sea',
      seconds: '4',
      size: '1280x720',
      characters: [{ id: 'char_1' }, { id: 'char_2' }],
      seed: 42,
      loop: true,
      style: 'oil',
      lora: { name: 'x' },
    });
  });

  it('leaves out what the server is to choose', () => {
    expect(encodeJson(BARE)).toEqual({ prompt: BARE.prompt });
  });

  it.each([
    ['an address', { kind: 'url', url: 'https://cdn.example/a.png' }, { image_url: 'https://cdn.example/a.png' }],
    ['an uploaded file', { kind: 'file_id', fileId: 'file-1' }, { file_id: 'file-1' }],
    [
      'a file',
      { kind: 'file', name: 'a.webp', mimeType: 'image/webp', bytes: Uint8Array.of(1, 2, 3) },
      { image_url: 'data:image/webp;base64,AQID' },
    ],
  ] as const)('refers to %s', (_, image, input_reference) => {
    expect(encodeJson(createVideoRequest({ image }))).toMatchObject({ input_reference });
  });
});

describe('encodeForm', () => {
  it('writes every field as a text', () => {
    expect([...encodeForm(FULL)]).toEqual([
      ['model', 'sora-2'],
      ['prompt', 'a red kite over the sea'],
      ['seconds', '4'],
      ['size', '1280x720'],
      ['characters[][id]', 'char_1'],
      ['characters[][id]', 'char_2'],
      ['seed', '42'],
      ['loop', 'true'],
      ['style', 'oil'],
      ['lora', '{"name":"x"}'],
    ]);
    expect([...encodeForm(BARE)]).toEqual([['prompt', BARE.prompt]]);
  });

  it('attaches a file with its name, its type and its bytes', async () => {
    const image = createImageFile('first frame.png');
    const part = encodeForm(createVideoRequest({ image })).get('input_reference');
    if (!(part instanceof File) || image.kind !== 'file') throw new Error('no file');
    expect([part.name, part.type]).toEqual(['first frame.png', 'image/png']);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(image.bytes);
  });

  it('refers to an image that is elsewhere', () => {
    const form = encodeForm(createVideoRequest({ image: { kind: 'file_id', fileId: 'file-1' } }));
    expect(form.get('input_reference[file_id]')).toBe('file-1');
  });
});

describe('decodePage', () => {
  it.each<[string, JsonValue, readonly string[], boolean | null, string | null]>([
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
  [{ id: 'v', status: 'canceled' }, true],
  [{ id: 'v', status: 'in_progress' }, false],
  [{ message: 'ok' }, true],
  [undefined, true],
])('decodeDeleted reads %j as %s', (body, isGone) => {
  expect(decodeDeleted(body)).toBe(isGone);
});
