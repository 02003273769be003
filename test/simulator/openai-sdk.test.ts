import OpenAI, { NotFoundError, toFile } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/http-server/server.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { createSimulatedApi, type SimulatedApi } from '../support/simulated-api.ts';

const TRANSPORTS: readonly [string, (api: SimulatedApi) => Promise<OpenAI>][] = [
  [
    'in process',
    async ({ handle }) =>
      new OpenAI({
        apiKey: 'any',
        baseURL: 'http://simulator.invalid/v1',
        maxRetries: 0,
        fetch: (input, init) => handle(new Request(input, init)),
      }),
  ],
  [
    'on a port',
    async ({ simulator }) => {
      const server = await listen(simulator, { host: '127.0.0.1', port: 0 });
      onTestFinished(() => server.close());
      return new OpenAI({ apiKey: 'any', baseURL: `${server.origin}/v1`, maxRetries: 0 });
    },
  ],
];

describe.each(TRANSPORTS)('the openai package, %s', (_, connect) => {
  it('creates, retrieves, downloads and deletes a video', async () => {
    const api = createSimulatedApi();
    const openai = await connect(api);
    const created = await openai.videos.create({ prompt: 'a kite', model: 'sora-2', seconds: '8', size: '1280x720' });
    expect(created).toMatchObject({ status: 'queued', prompt: 'a kite', seconds: '8', size: '1280x720' });

    api.clock.advance(3_000);
    expect(await openai.videos.retrieve(created.id)).toMatchObject({
      id: created.id,
      status: 'completed',
      progress: 100,
    });

    const content = await openai.videos.downloadContent(created.id);
    const bytes = Buffer.from(await content.arrayBuffer());
    expect(bytes.toString('latin1', 4, 8)).toBe('ftyp');
    const thumbnail = await openai.videos.downloadContent(created.id, { variant: 'thumbnail' });
    expect(thumbnail.headers.get('content-type')).toBe('image/webp');

    expect(await openai.videos.delete(created.id)).toEqual({ id: created.id, object: 'video.deleted', deleted: true });
    await expect(openai.videos.retrieve(created.id)).rejects.toBeInstanceOf(NotFoundError);
  });

  it('creates a video from a reference image, as a file or a data URL', async () => {
    const openai = await connect(createSimulatedApi());
    const png = createPngHeader(720, 1280);
    const file = await toFile(png, 'reference.png', { type: 'image/png' });
    const dataUrl = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
    for (const input_reference of [file, { image_url: dataUrl }]) {
      expect(await openai.videos.create({ prompt: 'a kite', input_reference })).toMatchObject({ status: 'queued' });
    }
    const small = await toFile(createPngHeader(72, 128), 'reference.png', { type: 'image/png' });
    await expect(openai.videos.create({ prompt: 'a kite', input_reference: small })).rejects.toMatchObject({
      status: 400,
      message: expect.stringContaining('Inpaint image must match the requested width and height'),
      requestID: expect.stringMatching(/^req_/),
    });
  });

  it('pages through the list', async () => {
    const api = createSimulatedApi();
    const openai = await connect(api);
    const created: string[] = [];
    for (let count = 0; count < 5; count++) created.unshift(await api.create());
    const listed: string[] = [];
    for await (const video of openai.videos.list({ limit: 2 })) listed.push(video.id);
    expect(listed).toEqual(created);
  });
});
