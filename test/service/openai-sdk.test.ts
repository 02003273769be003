import type OpenAI from 'openai';
import { NotFoundError, RateLimitError, toFile } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { listen } from '../../src/http-server/server.ts';
import { expectPromised } from '../support/document-check.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { OPENAI_PACKAGES } from '../support/openai-packages.ts';
import { createTestedService, type TestedService } from '../support/service.ts';

interface Connection {
  readonly service: TestedService;
  readonly openai: OpenAI;
}

async function connect(load: () => Promise<typeof OpenAI>, options: object = {}): Promise<Connection> {
  const service = createTestedService();
  const server = await listen(service, { host: '127.0.0.1', port: 0 });
  onTestFinished(() => server.close());
  const Client = await load();
  const openai = new Client({
    apiKey: 'any',
    baseURL: `${server.origin}/v1`,
    maxRetries: 0,
    // Every reply is checked against the document.
    async fetch(input, init) {
      const reply = await fetch(input, init);
      await expectPromised(init?.method ?? 'GET', String(input), reply);
      return reply;
    },
    ...options,
  });
  return { service, openai };
}

describe.each(OPENAI_PACKAGES)('$name against the service', ({ load, isInstalled, name }) => {
  const test = it.skipIf(!isInstalled);

  test('makes every call for videos', async () => {
    const { service, openai } = await connect(load);
    const { videos } = openai;
    const created = await videos.create({ prompt: 'a kite', model: 'sora-2', seconds: '8', size: '1280x720' });
    expect(created).toMatchObject({ status: 'queued', seconds: '8', size: '1280x720' });
    service.clock.advance(3_000);
    const finished = await videos.retrieve(created.id);
    expect(finished).toMatchObject({ id: created.id, status: 'completed', progress: 100 });

    const remixed = await videos.remix(created.id, { prompt: 'at night' });
    expect(remixed.remixed_from_video_id).toBe(created.id);
    const edited = await videos.edit({ prompt: 'in snow', video: { id: created.id } });
    expect(edited).toMatchObject({ prompt: 'in snow', seconds: '8' });
    const extended = await videos.extend({ prompt: 'it lands', seconds: '4', video: { id: created.id } });
    expect(extended.seconds).toBe('12');

    const bytes = Buffer.from(await (await videos.downloadContent(created.id)).arrayBuffer());
    expect(bytes.toString('latin1', 4, 8)).toBe('ftyp');
    const video = await toFile(bytes, 'kite.mp4', { type: 'video/mp4' });
    expect(await videos.edit({ prompt: 'in snow', video })).toMatchObject({ status: 'queued' });
    const character = await videos.createCharacter({ name: 'Mossy', video });
    expect(await videos.getCharacter(character.id ?? '')).toEqual(character);

    expect(await videos.delete(created.id)).toEqual({ id: created.id, object: 'video.deleted', deleted: true });
    await expect(videos.retrieve(created.id)).rejects.toMatchObject({ name: 'Error', status: 404 });
  });

  test('creates from an image, as a file or a data URL', async () => {
    const { openai } = await connect(load);
    const png = createPngHeader(720, 1280);
    const file = await toFile(png, 'frame.png', { type: 'image/png' });
    const dataUrl = `data:image/png;base64,${Buffer.from(png).toString('base64')}`;
    for (const input_reference of [file, { image_url: dataUrl }]) {
      expect(await openai.videos.create({ prompt: 'a kite', input_reference })).toMatchObject({ status: 'queued' });
    }
  });

  test('downloads each variant, and ranges of it', async () => {
    const { service, openai } = await connect(load);
    const { id } = await openai.videos.create({ prompt: 'a kite' });
    service.clock.advance(3_000);
    for (const [variant, type] of [
      ['video', 'video/mp4'],
      ['thumbnail', 'image/webp'],
      ['spritesheet', 'image/jpeg'],
    ] as const) {
      const reply = await openai.videos.downloadContent(id, { variant });
      expect(reply.headers.get('content-type')).toBe(type);
      expect((await reply.arrayBuffer()).byteLength).toBe(Number(reply.headers.get('content-length')));
    }
    const range = await openai.videos.downloadContent(id, {}, { headers: { range: 'bytes=4-7' } });
    expect(await range.text()).toBe('ftyp');
  });

  test('pages through lists, both ways', async () => {
    const { openai } = await connect(load);
    const created: string[] = [];
    for (let count = 0; count < 5; count++) created.push((await openai.videos.create({ prompt: `take ${count}` })).id);
    const listed = async (order: 'asc' | 'desc'): Promise<string[]> => {
      const ids: string[] = [];
      for await (const { id } of openai.videos.list({ limit: 2, order })) ids.push(id);
      return ids;
    };
    expect(await listed('asc')).toEqual(created);
    expect(await listed('desc')).toEqual(created.toReversed());
  });

  test('runs a batch: uploads its file, waits for it, and downloads its videos', async () => {
    const { service, openai } = await connect(load);
    const line = (custom_id: string, body: object): string =>
      JSON.stringify({ custom_id, method: 'POST', url: '/v1/videos', body });
    const lines = [line('kite', { prompt: 'a kite', model: 'sora-2' }), line('bad', { prompt: '', model: 'sora-2' })];
    const file = await toFile(Buffer.from(lines.join('\n')), 'shots.jsonl');
    const uploaded = await openai.files.create({ file, purpose: 'batch' });
    expect(uploaded).toMatchObject({ filename: 'shots.jsonl', purpose: 'batch', bytes: lines.join('\n').length });
    const created = await openai.batches.create({
      input_file_id: uploaded.id,
      endpoint: '/v1/videos',
      completion_window: '24h',
      metadata: { film: 'one' },
    });
    expect(created).toMatchObject({ status: 'validating', metadata: { film: 'one' } });
    service.clock.advance(1_000);
    expect(await openai.batches.retrieve(created.id)).toMatchObject({ status: 'in_progress' });
    service.clock.advance(3_000);
    const { output_file_id, error_file_id, ...ended } = await openai.batches.retrieve(created.id);
    expect(ended).toMatchObject({ status: 'completed', request_counts: { total: 2, completed: 1, failed: 1 } });
    const resultOf = async (id: string | undefined): Promise<Record<string, unknown>> =>
      JSON.parse(await (await openai.files.content(id ?? '')).text());
    const result = await resultOf(output_file_id);
    expect(result).toMatchObject({ custom_id: 'kite', response: { status_code: 200, body: { status: 'completed' } } });
    const refusal = { status_code: 400, body: { error: { param: 'prompt' } } };
    expect(await resultOf(error_file_id)).toMatchObject({ custom_id: 'bad', response: refusal });
    const video = Object(Object(result.response).body);
    expect((await openai.videos.downloadContent(video.id)).status).toBe(200);

    const listed: string[] = [];
    for await (const { id } of openai.batches.list({ limit: 1 })) listed.push(id);
    expect(listed).toEqual([created.id]);
    await expect(openai.batches.cancel(created.id)).rejects.toMatchObject({ status: 409 });
    const files: string[] = [];
    for await (const { id } of openai.files.list({ purpose: 'batch' })) files.push(id);
    expect(files).toEqual([uploaded.id]);
    expect(await openai.files.retrieve(uploaded.id)).toEqual(uploaded);
    expect(await openai.files.delete(uploaded.id)).toMatchObject({ deleted: true });
    await expect(openai.files.retrieve(uploaded.id)).rejects.toMatchObject({ status: 404 });
  });

  test('cancels a batch', async () => {
    const { service, openai } = await connect(load);
    const body = { prompt: 'a kite', model: 'sora-2' };
    const line = JSON.stringify({ custom_id: 'kite', method: 'POST', url: '/v1/videos', body });
    const uploaded = await openai.files.create({
      file: await toFile(Buffer.from(line), 'one.jsonl'),
      purpose: 'batch',
    });
    const created = await openai.batches.create({
      input_file_id: uploaded.id,
      endpoint: '/v1/videos',
      completion_window: '24h',
    });
    expect(await openai.batches.cancel(created.id)).toMatchObject({ status: 'cancelling' });
    service.clock.advance(1_000);
    const { error_file_id, ...ended } = await openai.batches.retrieve(created.id);
    expect(ended).toMatchObject({ status: 'cancelled', output_file_id: null });
    const results = await (await openai.files.content(error_file_id ?? '')).text();
    expect(JSON.parse(results)).toMatchObject({ custom_id: 'kite', error: { code: 'batch_cancelled' } });
  });

  test('lists the models', async () => {
    const { openai } = await connect(load);
    const names: string[] = [];
    for await (const { id } of openai.models.list()) names.push(id);
    expect(names).toContain('sora-2');
    expect(await openai.models.retrieve('sora-2-pro')).toMatchObject({ id: 'sora-2-pro', object: 'model' });
  });

  test('gets requested faults, and its own retries overcome them', async () => {
    const { service, openai } = await connect(load, { maxRetries: 2 });
    const refused = openai.videos.create(
      { prompt: 'a kite' },
      { headers: { 'x-sora-fault': 'insufficient_quota' }, maxRetries: 0 },
    );
    await expect(refused).rejects.toMatchObject({ status: 429, code: 'insufficient_quota' });
    service.conditions.change({ next: ['service_unavailable'] });
    expect(await openai.videos.list()).toMatchObject({ data: [] });
    expect(service.conditions.settings.next).toEqual([]);
  });

  it.skipIf(name !== 'openai 6')('throws its own error classes', async () => {
    const { openai } = await connect(load);
    await expect(openai.videos.retrieve('video_0')).rejects.toBeInstanceOf(NotFoundError);
    const busy = openai.videos.create({ prompt: 'x' }, { headers: { 'x-sora-fault': 'rate_limit_exceeded' } });
    await expect(busy).rejects.toBeInstanceOf(RateLimitError);
  });
});
