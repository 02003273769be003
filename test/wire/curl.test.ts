import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { firstFormat, USUAL_FORMAT } from '../../src/domain/request-format.ts';
import type { VideoRequest } from '../../src/domain/video.ts';
import { type WrittenCreate, writeCreate } from '../../src/wire/create.ts';
import { type CurlTarget, curlFor } from '../../src/wire/curl.ts';
import { type ReceivedRequest, startScriptedServer } from '../support/scripted-server.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';

const execute = promisify(execFile);

/** Starts like curl's syntax for a file, and contains characters that a shell interprets. */
const PROMPT = `@it's "a" $HOME \`kite\`\\n;\n  of 5€ <red> & 100% *`;
const BEARER = { name: 'Authorization', prefix: 'Bearer ', variable: 'OPENAI_API_KEY' };

const written = (request: VideoRequest, body: 'json' | 'multipart' = 'json'): WrittenCreate =>
  writeCreate('videos', request, firstFormat(request, { ...USUAL_FORMAT, body }));

/** Runs the command as a user would, and returns what the server received. */
async function paste(create: WrittenCreate, target: Partial<CurlTarget>): Promise<ReceivedRequest> {
  const server = await startScriptedServer([{ body: { id: 'video_1' } }]);
  const plain = { baseUrl: server.url, query: [], auth: null, headers: [], paths: [] } as const;
  const command = curlFor(create, { ...plain, ...target });
  const env = { PATH: process.env.PATH, OPENAI_API_KEY: 'sk-from-the-shell', X_LAB_TOKEN: 'hush', SIG: 'hush-too' };
  // With a socket as standard input, as from Node, Bash would read the user's startup files.
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

describe('the printed curl command', () => {
  it('sends the JSON that sora sends, with the key from the environment', async () => {
    const request = createVideoRequest({ prompt: PROMPT, characters: ['char_1'], params: { seed: 42 } });
    const { headers, body } = await paste(written(request), { auth: BEARER });
    expect(headers).toMatchObject({ authorization: 'Bearer sk-from-the-shell', 'content-type': 'application/json' });
    expect(JSON.parse(body.toString())).toEqual(written(request).body);
  });

  it('sends the form that sora sends, with the image from its path', async () => {
    const image = createImageFile('a; "first" frame, \\é.png');
    if (image.kind !== 'file') throw new Error('no file');
    const imagePath = join(createTemporaryFolder(), image.name);
    writeFileSync(imagePath, image.bytes);
    const request = createVideoRequest({ prompt: PROMPT, image, params: { note: '@me;type=x' } });
    const received = await paste(written(request, 'multipart'), {
      auth: { name: 'api-key', prefix: '', variable: 'OPENAI_API_KEY' },
      paths: [imagePath],
    });
    expect(received.headers).toMatchObject({ 'api-key': 'sk-from-the-shell' });
    const expected = await new Response(written(request, 'multipart').body as FormData).formData(); // as it is sent
    const sent = await readForm(received);
    expect([...sent.keys()]).toEqual([...expected.keys()]);
    for (const [name, value] of expected) if (typeof value === 'string') expect(sent.get(name)).toBe(value);
    const part = sent.get('input_reference');
    if (!(part instanceof File)) throw new Error('no file arrived');
    expect(part.type).toBe('image/png');
    expect(new Uint8Array(await part.arrayBuffer())).toEqual(image.bytes);
  });

  it('sends no key header for a server without a key', async () => {
    const { headers, path } = await paste(written(createVideoRequest()), {});
    expect(headers).not.toHaveProperty('authorization');
    expect(path).toBe('/v1/videos');
  });

  it('sends the headers and query of the profile, with secrets from the environment', async () => {
    const { headers, path } = await paste(written(createVideoRequest()), {
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
