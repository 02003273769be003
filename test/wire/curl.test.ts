import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { VideoRequest } from '../../src/domain/video.ts';
import { type CurlTarget, curlFor } from '../../src/wire/curl.ts';
import { encodeForm, encodeJson } from '../../src/wire/videos.ts';
import { type ReceivedRequest, startScriptedServer } from '../support/scripted-server.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';

const execute = promisify(execFile);

/** Starts as curl's words for "from a file", and holds what a shell would take for its own. */
const PROMPT = `@it's "a" $HOME \`kite\`\\n;\n  of 5€ <red> & 100% *`;
const BEARER = { name: 'Authorization', prefix: 'Bearer ' };

/** Runs the command as a person would, and gives back what the server got. */
async function paste(request: VideoRequest, target: Omit<CurlTarget, 'url' | 'form'>): Promise<ReceivedRequest> {
  const server = await startScriptedServer([{ body: { id: 'video_1' } }]);
  const command = curlFor(request, { url: `${server.url}/videos?a=1&b=2`, form: 'videos', ...target });
  await execute('bash', ['-c', command], { env: { PATH: process.env.PATH, OPENAI_API_KEY: 'sk-from-the-shell' } });
  const [received] = server.requests;
  if (received === undefined) throw new Error('nothing arrived');
  expect(server.requests).toHaveLength(1);
  expect(received).toMatchObject({ method: 'POST', path: '/v1/videos?a=1&b=2' });
  return received;
}

function readForm({ headers, body }: ReceivedRequest): Promise<FormData> {
  return new Response(Uint8Array.from(body), { headers: { 'content-type': headers['content-type'] ?? '' } }).formData();
}

describe('the printed curl', () => {
  it('sends the JSON that sora sends, with the key of the shell', async () => {
    const request = createVideoRequest({ prompt: PROMPT, characters: ['char_1'], params: { seed: 42 } });
    const { headers, body } = await paste(request, { auth: BEARER, encoding: 'json', imagePath: null });
    expect(headers).toMatchObject({ authorization: 'Bearer sk-from-the-shell', 'content-type': 'application/json' });
    expect(JSON.parse(body.toString())).toEqual(encodeJson(request));
  });

  it('sends the form that sora sends, with the image from its path', async () => {
    const image = createImageFile('a; "first" frame, \\é.png');
    if (image.kind !== 'file') throw new Error('no file');
    const imagePath = join(createTemporaryFolder(), image.name);
    writeFileSync(imagePath, image.bytes);
    const request = createVideoRequest({ prompt: PROMPT, image, params: { note: '@me;type=x' } });
    const received = await paste(request, {
      auth: { name: 'api-key', prefix: '' },
      encoding: 'multipart',
      imagePath,
    });
    expect(received.headers).toMatchObject({ 'api-key': 'sk-from-the-shell' });
    const [sent, expected] = [await readForm(received), encodeForm(request)];
    expect([...sent.keys()]).toEqual([...expected.keys()]);
    for (const [name, value] of expected) if (typeof value === 'string') expect(sent.get(name)).toBe(value);
    const part = sent.get('input_reference');
    if (!(part instanceof File)) throw new Error('no file arrived');
    expect(part.type).toBe('image/png');
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(image.bytes);
  });

  it('sends no header for a server without a key', async () => {
    const { headers } = await paste(createVideoRequest(), { auth: null, encoding: 'json', imagePath: null });
    expect(headers).not.toHaveProperty('authorization');
  });
});
