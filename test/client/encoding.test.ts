import { describe, expect, it } from 'vitest';
import type { ReferenceImage } from '../../src/domain/video.ts';
import { type ReceivedRequest, type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';

const JOB: ScriptedReply = { body: { id: 'video_1', status: 'queued' } };
const KEY = { idempotencyKey: 'sub_1' };

function encodingOf({ headers }: ReceivedRequest): string {
  return (headers['content-type'] ?? '').split(';')[0] ?? '';
}

const JSON_TYPE = 'application/json';
const FORM_TYPE = 'multipart/form-data';

describe('the body of a create', () => {
  it('is JSON, with seconds as a string and the idempotency key as a header', async () => {
    const server = await startScriptedServer([JOB]);
    await createVideosClient(server.url).client.create(createVideoRequest(), KEY);
    const [request] = server.requests;
    expect(request?.headers).toMatchObject({ 'content-type': JSON_TYPE, 'idempotency-key': 'sub_1' });
    expect(JSON.parse(String(request?.body))).toEqual({
      model: 'sora-2',
      prompt: 'a red kite over the sea',
      seconds: '4',
      size: '1280x720',
    });
  });

  it('is a form when a file is attached', async () => {
    const server = await startScriptedServer([JOB]);
    await createVideosClient(server.url).client.create(createVideoRequest({ image: createImageFile('a.png') }), KEY);
    const [request] = server.requests;
    expect(request?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/);
    expect(String(request?.body)).toMatch(
      /name="input_reference"; filename="a\.png"\r\nContent-Type: image\/png\r\n\r\n/,
    );
  });

  it.each([
    ['json', JSON_TYPE],
    ['multipart', FORM_TYPE],
  ] as const)('is always %s when the settings say so', async (body, type) => {
    const server = await startScriptedServer([{ status: 415, body: '' }]);
    const { client } = createVideosClient(server.url, { format: { body } });
    await client.create(createVideoRequest(), KEY);
    await client.create(createVideoRequest({ image: createImageFile() }), KEY);
    expect(server.requests.map(encodingOf)).toEqual([type, type]);
  });

  it.each<[string, ScriptedReply]>([
    ['415', { status: 415, body: '' }],
    ['400 that names the content type', { status: 400, body: { error: { message: 'Unsupported content type' } } }],
    ['400 that asks for a form', { status: 400, body: { detail: 'multipart/form-data expected' } }],
    [
      '422 that reports a missing prompt',
      { status: 422, body: { detail: [{ type: 'missing', loc: ['body', 'prompt'], msg: 'Field required' }] } },
    ],
    [
      '400 that reports a missing prompt',
      { status: 400, body: { error: { message: "Missing required parameter: 'prompt'" } } },
    ],
  ])('is sent again once in the other encoding after a %s, and so from then on', async (_, refusal) => {
    const server = await startScriptedServer([refusal, JOB]);
    const { client } = createVideosClient(server.url);
    expect((await client.create(createVideoRequest(), KEY)).kind).toBe('accepted');
    expect(server.requests.map(encodingOf)).toEqual([JSON_TYPE, FORM_TYPE]);
    expect(server.requests.map(({ headers }) => headers['idempotency-key'])).toEqual(['sub_1', 'sub_1']);

    await client.create(createVideoRequest(), { idempotencyKey: 'sub_2' });
    expect(server.requests.map(encodingOf)).toEqual([JSON_TYPE, FORM_TYPE, FORM_TYPE]);
  });

  it('is not sent again when a refusal in such words is that of a job', async () => {
    const job = { id: 'video_1', object: 'video', status: 'failed', error: { message: 'prompt: field required' } };
    const server = await startScriptedServer([{ status: 422, body: job }, JOB]);
    const { client } = createVideosClient(server.url);
    expect(await client.create(createVideoRequest(), KEY)).toMatchObject({ kind: 'accepted', job: { id: 'video_1' } });
    expect(server.requests).toHaveLength(1);
  });

  it('switches from a form to JSON with the file inline', async () => {
    const server = await startScriptedServer([{ status: 415, body: '' }, JOB]);
    const { client } = createVideosClient(server.url);
    await client.create(createVideoRequest({ image: createImageFile() }), KEY);
    expect(server.requests.map(encodingOf)).toEqual([FORM_TYPE, JSON_TYPE]);
    expect(JSON.parse(String(server.requests[1]?.body))).toMatchObject({
      input_reference: { image_url: expect.stringMatching(/^data:image\/png;base64,/) },
    });
  });

  it('is sent at most twice, and nothing is learned when both are refused', async () => {
    const server = await startScriptedServer([{ status: 415, body: '' }]);
    const { client } = createVideosClient(server.url);
    expect(await client.create(createVideoRequest(), KEY)).toMatchObject({ kind: 'rejected', error: { status: 415 } });
    expect(server.requests.map(encodingOf)).toEqual([JSON_TYPE, FORM_TYPE]);
    await client.create(createVideoRequest(), KEY);
    expect(server.requests.map(encodingOf).slice(2)).toEqual([JSON_TYPE, FORM_TYPE]);
  });

  it.each<[string, ReferenceImage | null, ScriptedReply, object]>([
    [
      'a number in quotes',
      null,
      { status: 422, body: 'Failed to deserialize the JSON body: seconds: invalid type: string "4", expected i32' },
      { seconds: 4 },
    ],
    [
      'an image in an object',
      { kind: 'url', url: 'https://cdn.example/a.png' },
      { status: 422, body: { detail: [{ loc: ['body', 'input_reference'], msg: 'Input should be a valid string' }] } },
      { seconds: '4', input_reference: 'https://cdn.example/a.png' },
    ],
    [
      'a number in quotes beside an image, by a server that names the first field only',
      { kind: 'url', url: 'https://cdn.example/a.png' },
      { status: 422, body: 'seconds: invalid type: string "4", expected i32' },
      { seconds: 4, input_reference: 'https://cdn.example/a.png' },
    ],
  ])('is sent again once as plain JSON after a 422 for %s', async (_, image, refusal, plain) => {
    const server = await startScriptedServer([refusal, JOB]);
    const { client } = createVideosClient(server.url);
    expect((await client.create(createVideoRequest({ image }), KEY)).kind).toBe('accepted');
    expect(JSON.parse(String(server.requests[1]?.body))).toMatchObject(plain);
    expect(server.requests).toHaveLength(2);
  });

  it('follows the settings even when the server refuses it', async () => {
    const server = await startScriptedServer([{ status: 422, body: 'seconds: invalid type: string "4"' }]);
    const { client } = createVideosClient(server.url, { format: { body: 'json', seconds: 'text' } });
    await client.create(createVideoRequest(), KEY);
    expect(server.requests).toHaveLength(1);
  });

  it('is plain JSON when the settings say so, even with a file', async () => {
    const server = await startScriptedServer([JOB]);
    const { client } = createVideosClient(server.url, { format: { body: 'json', seconds: 'number', image: 'text' } });
    await client.create(createVideoRequest({ image: createImageFile() }), KEY);
    expect(JSON.parse(String(server.requests[0]?.body))).toMatchObject({
      seconds: 4,
      input_reference: expect.stringMatching(/^data:image\/png;base64,/),
    });
  });

  it.each<[string, ScriptedReply]>([
    ['400 for the length', { status: 400, body: { error: { message: "Invalid value: '10'", param: 'seconds' } } }],
    ['400 for the words of the prompt', { status: 400, body: { error: { message: 'the prompt was blocked' } } }],
    ['422 for the size', { status: 422, body: { detail: [{ loc: ['body', 'size'], msg: 'Field required' }] } }],
    ['500 that names the content type', { status: 500, body: 'cannot parse the content type' }],
    ['409 that names the content type', { status: 409, body: 'content type' }],
  ])('is not sent again after a %s', async (_, refusal) => {
    const server = await startScriptedServer([refusal, JOB]);
    await createVideosClient(server.url).client.create(createVideoRequest(), KEY);
    expect(server.requests).toHaveLength(1);
  });
});
