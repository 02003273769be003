import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../src/domain/dialect.ts';
import type { JsonObject } from '../../src/domain/json.ts';
import { firstFormat, type RequestFormat, USUAL_FORMAT } from '../../src/domain/request-format.ts';
import type { VideoRequest } from '../../src/domain/video.ts';
import { writeCreate } from '../../src/wire/create.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';

const FULL = createVideoRequest({
  characters: ['char_1', 'char_2'],
  params: { seed: 42, loop: true, style: 'oil', lora: { name: 'x' } },
});
const BARE = createVideoRequest({ model: null, seconds: null, size: null });
const ADDRESS = { kind: 'url', url: 'https://cdn.example/a.png' } as const;

function write(request: VideoRequest, format: Partial<RequestFormat> = {}, dialect: Dialect = 'videos') {
  return writeCreate(dialect, request, firstFormat(request, { ...USUAL_FORMAT, ...format })).body;
}

const writeForm = (request: VideoRequest, format: Partial<RequestFormat> = {}): FormData =>
  write(request, { body: 'multipart', ...format }) as FormData;

describe('a create as JSON', () => {
  it('has seconds as a string, and other parameters unchanged', () => {
    expect(write(FULL)).toEqual({
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

  it('omits what the server should choose', () => {
    expect(write(BARE)).toEqual({ prompt: BARE.prompt });
  });

  it.each([
    ['an address', ADDRESS, { image_url: ADDRESS.url }],
    ['an uploaded file', { kind: 'file_id', fileId: 'file-1' }, { file_id: 'file-1' }],
    [
      'a file',
      { kind: 'file', name: 'a.webp', mimeType: 'image/webp', bytes: Uint8Array.of(1, 2, 3) },
      { image_url: 'data:image/webp;base64,AQID' },
    ],
  ] as const)('refers to %s', (_, image, input_reference) => {
    expect(write(createVideoRequest({ image }), { body: 'json' })).toMatchObject({ input_reference });
  });
});

describe('a create as a form', () => {
  it('has every field as a string', () => {
    expect([...writeForm(FULL)]).toEqual([
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
    expect([...writeForm(BARE)]).toEqual([['prompt', BARE.prompt]]);
  });

  it('attaches a file with its name, its type and its bytes', async () => {
    const image = createImageFile('first frame.png');
    const part = writeForm(createVideoRequest({ image })).get('input_reference');
    if (!(part instanceof File) || image.kind !== 'file') throw new Error('no file');
    expect([part.name, part.type]).toEqual(['first frame.png', 'image/png']);
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(image.bytes);
  });

  it('refers to an image that is not attached', () => {
    const form = writeForm(createVideoRequest({ image: { kind: 'file_id', fileId: 'file-1' } }));
    expect(form.get('input_reference[file_id]')).toBe('file-1');
  });
});

describe('the options of a format', () => {
  const request = createVideoRequest({ image: ADDRESS, params: { seed: 7 } });

  it.each<[string, Partial<RequestFormat>, JsonObject]>([
    [
      'seconds as a string, an image as a string',
      { image: 'text' },
      { seconds: '4', input_reference: ADDRESS.url, seed: 7 },
    ],
    ['seconds as a number, an image as an object', { seconds: 'number' }, { seconds: 4, seed: 7 }],
    ['a field of another name', { image: 'text', imageField: 'reference_url' }, { reference_url: ADDRESS.url }],
    ['extras in metadata', { extras: 'metadata' }, { metadata: { seed: 7 } }],
  ])('are independent: %s', (_, format, fields) => {
    expect(write(request, { body: 'json', ...format })).toMatchObject(fields);
  });

  it('write a URL as the JSON string that vLLM-Omni reads, and a file as a part', () => {
    const format = { image: 'json', imageField: 'image_reference' } as const;
    expect(writeForm(request, format).get('image_reference')).toBe(`{"image_url":"${ADDRESS.url}"}`);
    expect([...writeForm(createVideoRequest({ image: createImageFile() }), format).keys()]).toContain(
      'input_reference',
    );
  });

  it('put extra parameters in metadata, in a form and in the other dialects', () => {
    expect(writeForm(request, { extras: 'metadata' }).get('metadata')).toBe('{"seed":7}');
    expect(write(request, { extras: 'metadata' }, 'new-api')).toMatchObject({ metadata: { seed: 7 } });
    expect(write(BARE, { extras: 'metadata' }, 'new-api')).toEqual({ prompt: BARE.prompt });
    const params = { metadata: { style: 'oil' }, seed: 7 };
    expect(write({ ...BARE, params }, { extras: 'metadata' })).toMatchObject({ metadata: { style: 'oil', seed: 7 } });
  });
});
