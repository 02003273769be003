import { describe, expect, it } from 'vitest';
import { createPngHeader, joinBytes } from '../support/image-headers.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';

const prompt = 'a red kite over the sea';

function createForm(fields: Readonly<Record<string, string | Blob>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

function pngFile(width: number, height: number, type = 'image/png'): File {
  return new File([createPngHeader(width, height)], 'reference.png', { type });
}

function pngUrl(width: number, height: number): string {
  return `data:image/png;base64,${Buffer.from(createPngHeader(width, height)).toString('base64')}`;
}

describe('a create', () => {
  it.each([
    ['JSON', { json: { prompt } }],
    ['multipart', { form: createForm({ prompt }) }],
  ])('as %s returns a queued video with the default model, length and size', async (_, call) => {
    const api = createSimulatedApi();
    const response = await api.call('POST', '/videos', call);
    expect(response.status).toBe(200);
    expect(response.headers.get('openai-poll-after-ms')).toBe('250');
    expect(await response.json()).toEqual({
      id: expect.stringMatching(/^video_[0-9a-f]{48}$/),
      object: 'video',
      model: 'sora-2',
      status: 'queued',
      progress: 0,
      created_at: Math.floor(api.clock.now() / 1000),
      completed_at: null,
      expires_at: null,
      prompt,
      size: '720x1280',
      seconds: '4',
      remixed_from_video_id: null,
      error: null,
    });
  });

  it.each([
    ['a known model', { model: 'sora-2-pro', seconds: '20', size: '1920x1080' }, { seconds: '20', size: '1920x1080' }],
    ['a snapshot', { model: 'sora-2-2025-12-08' }, { model: 'sora-2-2025-12-08' }],
    ['nulls', { model: null, seconds: null, size: null }, { model: 'sora-2', seconds: '4', size: '720x1280' }],
    ['two characters', { characters: [{ id: 'char_1' }, { id: 'char_2' }] }, {}],
    ['any length and size for an unknown model', { model: 'wan', seconds: '5.5', size: '832x480' }, { seconds: '5.5' }],
    ['a number of seconds for an unknown model', { model: 'wan', seconds: 5 }, { seconds: '5' }],
    ['any field for an unknown model', { model: 'wan', seed: 7 }, { model: 'wan' }],
    ['an image on the web', { input_reference: { image_url: 'https://example.com/a.png' } }, {}],
    ['an uploaded image', { input_reference: { file_id: 'file-1' } }, {}],
    ['an image in a data URL', { input_reference: { image_url: pngUrl(720, 1280) } }, {}],
  ])('accepts %s', async (_, fields, echo) => {
    const response = await createSimulatedApi().call('POST', '/videos', { json: { prompt, ...fields } });
    expect(await response.json()).toMatchObject({ object: 'video', status: 'queued', prompt, ...echo });
  });

  it.each([
    [{ prompt: undefined }, 'prompt', 'missing_required_parameter', "Missing required parameter: 'prompt'."],
    [{ prompt: '' }, 'prompt', 'empty_string', /^Invalid 'prompt': empty string\./],
    [
      { prompt: 'x'.repeat(32_001) },
      'prompt',
      'string_above_max_length',
      /maximum length 32000, .* length 32001 instead/,
    ],
    [
      { prompt: 7 },
      'prompt',
      'invalid_type',
      "Invalid type for 'prompt': expected a string, but got an integer instead.",
    ],
    [
      { seconds: 4 },
      'seconds',
      'invalid_type',
      /^Invalid type for 'seconds': expected one of '4', .* but got an integer instead\.$/,
    ],
    [
      { seconds: '10' },
      'seconds',
      'invalid_value',
      "Invalid value: '10'. Supported values are: '4', '8', '12', '16', and '20'.",
    ],
    [
      { size: '1920x1080' },
      'size',
      'invalid_value',
      "Invalid value: '1920x1080'. Supported values are: '1280x720' and '720x1280'.",
    ],
    [{ width: 1280 }, 'width', 'unknown_parameter', "Unknown parameter: 'width'"],
    [{ characters: [1, 2, 3] }, 'characters', 'array_above_max_length', /maximum length 2, .* length 3 instead/],
    [{ characters: 'char_1' }, 'characters', 'invalid_type', /expected an array, but got a string/],
    [{ characters: ['char_1'] }, 'characters', 'invalid_type', /expected objects with an 'id', but got a string/],
    [{ characters: [{ name: 'Mossy' }] }, 'characters', 'invalid_type', /expected objects with an 'id'/],
    [{ model: 'wan-2.2', seconds: '121' }, 'seconds', 'invalid_value', /^Invalid value: '121'\./],
    [{ model: 'wan-2.2', seconds: 0 }, 'seconds', 'invalid_value', /^Invalid value: '0'\./],
    [{ model: 'wan-2.2', size: '833x480' }, 'size', 'invalid_value', /^Invalid value: '833x480'\./],
    [{ model: 'wan-2.2', size: '14x480' }, 'size', 'invalid_value', /from 16 to 4096/],
    [{ model: 'wan-2.2', size: 'huge' }, 'size', 'invalid_value', /^Invalid value: 'huge'\./],
    [{ input_reference: 'file-1' }, 'input_reference', 'invalid_type', /expected a file, but got a string instead/],
    [{ input_reference: {} }, 'input_reference', 'invalid_value', /exactly one of/],
    [
      { input_reference: { image_url: 'data:nonsense' } },
      'input_reference',
      'invalid_value',
      /base64-encoded data URL/,
    ],
    [
      { input_reference: { image_url: 'data:image/gif;base64,AA==' } },
      'input_reference',
      'unsupported_file_mimetype',
      /'image\/gif'/,
    ],
    [
      { input_reference: { image_url: 'data:image/png;base64,AA==' } },
      'input_reference',
      'invalid_image_file',
      /Invalid image/,
    ],
    [
      { input_reference: { image_url: pngUrl(1280, 720) } },
      null,
      null,
      'Inpaint image must match the requested width and height',
    ],
  ])('refuses %j', async (fields, param, code, message) => {
    const api = createSimulatedApi();
    const response = await api.call('POST', '/videos', { json: { prompt, ...fields } });
    expect(response.status).toBe(400);
    expect(await response.json()).toEqual({
      error: {
        message: typeof message === 'string' ? message : expect.stringMatching(message),
        type: 'invalid_request_error',
        param,
        code,
      },
    });
  });

  it.each([
    ['the exact size', { input_reference: pngFile(720, 1280) }, 200],
    ['another size', { input_reference: pngFile(1280, 720) }, 400],
    ['no declared type', { input_reference: pngFile(720, 1280, 'application/octet-stream') }, 400],
    [
      'bytes that are not an image',
      { input_reference: new File([joinBytes('GIF89a')], 'a.png', { type: 'image/png' }) },
      400,
    ],
    ['nested reference fields', { 'input_reference[image_url]': pngUrl(720, 1280) }, 200],
    ['nested reference fields and another size', { 'input_reference[image_url]': pngUrl(16, 16) }, 400],
    ['nested characters', { 'characters[][id]': 'char_1' }, 200],
    ['an unknown field', { 'extra[0]': '1' }, 400],
  ])('as a form with %s is answered %j', async (_, fields, status) => {
    const form = createForm({ prompt, seconds: '8', ...fields });
    expect((await createSimulatedApi().call('POST', '/videos', { form })).status).toBe(status);
  });

  it('counts the characters of a form', async () => {
    const form = createForm({ prompt });
    for (const id of ['char_1', 'char_2', 'char_3']) form.append('characters[][id]', id);
    expect((await createSimulatedApi().call('POST', '/videos', { form })).status).toBe(400);
  });

  it.each([
    ['text', { 'content-type': 'text/plain' }, 415],
    ['broken JSON', { 'content-type': 'application/json' }, 400],
    ['a broken form', { 'content-type': 'multipart/form-data; boundary=x' }, 400],
  ])('refuses %s', async (_, headers, status) => {
    const { handle } = createSimulatedApi();
    const request = new Request('http://simulator.invalid/v1/videos', { method: 'POST', headers, body: '{"prompt"' });
    const response = await handle(request);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { type: 'invalid_request_error' } });
  });
});

describe('an idempotency key', () => {
  const headers = { 'idempotency-key': 'key-1' };

  it('creates one job for equal requests, from any process and in any encoding', async () => {
    const first = createSimulatedApi();
    const second = createSimulatedApi({ stateDir: first.stateDir, seed: 2 });
    const replies = [
      await first.call('POST', '/videos', { json: { prompt, seconds: '8' }, headers }),
      await second.call('POST', '/videos', { form: createForm({ seconds: '8', prompt }), headers }),
    ];
    const [one, other] = await Promise.all(replies.map((reply) => reply.json()));
    expect(one).toEqual(other);
    expect(await (await first.call('GET', '/videos')).json()).toMatchObject({ data: { length: 1 } });
  });

  it('is refused with another request', async () => {
    const api = createSimulatedApi();
    await api.call('POST', '/videos', { json: { prompt }, headers });
    const response = await api.call('POST', '/videos', { json: { prompt: 'another' }, headers });
    expect(response.status).toBe(422);
    expect(await response.json()).toMatchObject({ error: { code: 'idempotency_key_reused' } });
  });

  it('is required: without one the same request is a new job', async () => {
    const api = createSimulatedApi();
    expect(await api.create()).not.toBe(await api.create());
  });
});
