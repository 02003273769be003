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
const BEARER = { name: 'Authorization', prefix: 'Bearer ', variable: 'OPENAI_API_KEY' };

/** Runs the command as a person would, and gives back what the server got. */
async function paste(request: VideoRequest, target: Partial<CurlTarget>): Promise<ReceivedRequest> {
  const server = await startScriptedServer([{ body: { id: 'video_1' } }]);
  const plain = { url: `${server.url}/videos`, query: [], auth: null, headers: [], imagePath: null } as const;
  const command = curlFor(request, { ...plain, dialect: 'videos', encoding: 'json', ...target });
  const env = { PATH: process.env.PATH, OPENAI_API_KEY: 'sk-from-the-shell', X_LAB_TOKEN: 'hush', SIG: 'hush-too' };
  // Bash takes a socket for standard input, which Node gives it, for a login, and reads the person's own settings first.
  await execute('bash', ['--norc', '-c', command], { env });
  const [received] = server.requests;
  if (received === undefined) throw new Error('nothing arrived');
  expect(server.requests).toHaveLength(1);
  expect(received.method).toBe('POST');
  return received;
}

function readForm({ headers, body }: ReceivedRequest): Promise<FormData> {
  return new Response(Uint8Array.from(body), { headers: { 'content-type': headers['content-type'] ?? '' } }).formData();
}

describe('the printed curl', () => {
  it('sends the JSON that sora sends, with the key of the shell', async () => {
    const request = createVideoRequest({ prompt: PROMPT, characters: ['char_1'], params: { seed: 42 } });
    const { headers, body } = await paste(request, { auth: BEARER });
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
      auth: { name: 'api-key', prefix: '', variable: 'OPENAI_API_KEY' },
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
    const { headers, path } = await paste(createVideoRequest(), {});
    expect(headers).not.toHaveProperty('authorization');
    expect(path).toBe('/v1/videos');
  });

  it('sends the headers and the query of the profile, secrets from the shell', async () => {
    const { headers, path } = await paste(createVideoRequest(), {
      headers: [
        { name: 'X-Note', value: `it's "a" $HOME \`kite\` \\`, isSecret: false },
        { name: 'X-Lab-Token', value: 'not printed', isSecret: true },
      ],
      query: [
        { name: 'api-version', value: '$HOME & "more"', isSecret: false },
        { name: 'sig', value: 'not printed', isSecret: true },
      ],
    });
    expect(headers).toMatchObject({ 'x-note': `it's "a" $HOME \`kite\` \\`, 'x-lab-token': 'hush' });
    expect(Object.fromEntries(new URL(path, 'http://localhost').searchParams)).toEqual({
      'api-version': '$HOME & "more"',
      sig: 'hush-too',
    });
  });
});
