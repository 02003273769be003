import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { savedReply } from '../../src/service/saved-media.ts';
import { eventually } from '../support/eventually.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { NO_OBJECTS } from '../support/no-objects.ts';
import { createTestedService } from '../support/service.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { startVideosServer } from '../support/videos-server.ts';

const ORDER = { prompt: 'a paper boat', duration: 5, resolution: '720p', aspectRatio: '9:16' };
const VIDEOS = '/api/v1/videos';

describe('an order', () => {
  it('is pending at once, then processing, then completed with a video that plays without a header', async () => {
    const service = createTestedService();
    const ordered = await service.read('POST', VIDEOS, { json: ORDER }, 202);
    expect(ordered).toMatchObject({
      ...ORDER,
      status: 'pending',
      model: 'sora-2',
      seconds: 4,
      size: '720x1280',
      progress: 0,
      videoUrl: null,
      notes: ['sora-2 renders 4 seconds instead of 5'],
    });
    const id = String(ordered.id);
    const processing = await service.until(id, 'processing');
    expect(processing.videoId).toMatch(/^video_/);
    const { videoUrl, progress } = await service.until(id, 'completed');
    expect(progress).toBe(100);
    const video = await service.call('GET', String(videoUrl), { key: null });
    expect(video.status).toBe(200);
    expect(Buffer.from(await video.arrayBuffer()).toString('latin1', 4, 8)).toBe('ftyp');
    expect(service.messages.slice(0, 2)).toEqual(['Video creation job initiated', 'Job submitted to Sora API']);
    await eventually(() => expect(service.messages.at(-1)).toBe('Video completed')); // logged once it is on the disk
  });

  it('for 1080p without a model uses the cheapest model that renders it', async () => {
    const service = createTestedService();
    const json = { prompt: 'x', duration: 10, resolution: '1080p', aspectRatio: '16:9' };
    expect(await service.read('POST', VIDEOS, { json }, 202)).toMatchObject({ model: 'sora-2-pro', size: '1920x1080' });
    const named = await service.read('POST', VIDEOS, { json: { ...json, model: 'sora-2' } }, 400);
    expect(named).toMatchObject({
      error: { violations: [expect.stringMatching(/sora-2 does not render 1080p landscape/)] },
    });
  });

  it('may have 32,000 characters of any kind, on both APIs', async () => {
    const service = createTestedService();
    const prompt = '🚢'.repeat(32_000);
    expect(await service.read('POST', VIDEOS, { json: { prompt } }, 202)).toMatchObject({ prompt });
    expect(await service.read('POST', '/v1/videos', { json: { prompt } })).toMatchObject({ prompt });
    const { error } = await service.read('POST', VIDEOS, { json: { prompt: `${prompt}🚢` } }, 400);
    expect(error).toMatchObject({ violations: ['the prompt has 32001 characters; the limit is 32000'] });
  });

  it.each<[string, object, string[]]>([
    ['nothing', {}, ['`prompt`']],
    [
      'wrong types and unknown names',
      { prompt: 5, duration: '5', resolution: '2p', size: 1 },
      ['`prompt`', '`duration`', '`resolution`', 'unrecognized key'],
    ],
    ['an empty prompt', { prompt: ' ' }, ['the prompt is empty']],
    ['an invalid duration', { prompt: 'x', duration: -1 }, ['`duration`']],
    [
      'a square, which no known model renders',
      { prompt: 'x', aspectRatio: '1:1' },
      ['sora-2 does not render 720p square'],
    ],
  ])('with %s is refused', async (_, json, starts) => {
    const service = createTestedService();
    const { error } = await service.read('POST', VIDEOS, { json }, 400);
    const { code, violations } = Object(error);
    expect(code).toBe('invalid_request');
    expect(violations).toEqual(starts.map((start) => expect.stringContaining(start)));
    expect((await service.read('GET', VIDEOS)).videos).toEqual([]);
  });

  it('that is not JSON is refused', async () => {
    const service = createTestedService();
    expect(await service.read('POST', VIDEOS, { body: '{' }, 400)).toMatchObject({
      error: { code: 'invalid_request' },
    });
    const form = await service.handle(
      new Request(`http://localhost${VIDEOS}`, { method: 'POST', body: 'x', headers: { 'x-api-key': 'test-api-key' } }),
    );
    expect(form.status).toBe(415);
  });

  it('with a used idempotency key returns the same job, and a different order is refused', async () => {
    const service = createTestedService();
    const call = { json: ORDER, headers: { 'idempotency-key': 'one' } };
    const [first, second] = [
      await service.read('POST', VIDEOS, call, 202),
      await service.read('POST', VIDEOS, call, 202),
    ];
    expect(second.id).toBe(first.id);
    await service.read('POST', VIDEOS, { ...call, json: { prompt: 'another' } }, 409);
    await service.until(String(first.id), 'completed');
    expect(await service.ledger.newest(10)).toHaveLength(1);
  });
});

describe('an idempotency key', () => {
  it('stores one first frame, however often it is used', async () => {
    const service = createTestedService();
    const image = `data:image/png;base64,${Buffer.from(createPngHeader(720, 1280)).toString('base64')}`;
    const call = { json: { ...ORDER, image }, headers: { 'idempotency-key': 'one' } };
    await Promise.all([1, 2].map(() => service.read('POST', VIDEOS, call, 202)));
    await service.read('POST', VIDEOS, call, 202);
    const files = readdirSync(join(service.folder, 'serve/files'));
    expect(files.filter((name) => name.endsWith('.first-frame'))).toHaveLength(1);
  });

  it('creates a new video after the first one was deleted', async () => {
    const service = createTestedService();
    const call = { json: ORDER, headers: { 'idempotency-key': 'one' } };
    const first = await service.read('POST', VIDEOS, call, 202);
    await service.until(String(first.id), 'completed');
    await service.read('DELETE', `${VIDEOS}/${first.id}`);
    const second = await service.read('POST', VIDEOS, call, 202);
    expect(second.id).not.toBe(first.id);
    await service.until(String(second.id), 'completed');
    expect((await service.read('POST', VIDEOS, call, 202)).id).toBe(second.id);
  });
});

describe('a job that fails', () => {
  it.each([
    ['moderation_blocked', 'moderation_blocked'],
    ['processing_error', 'job_failed'],
    ['insufficient_quota', 'insufficient_quota'],
    ['model_not_found', 'model_not_found'],
  ] as const)('under %s ends with the error %s and hints', async (fault, code) => {
    const service = createTestedService();
    service.conditions.change({ next: [fault] });
    const id = await service.order();
    const { error, videoUrl } = await service.until(id, 'failed');
    expect(error).toMatchObject({ code, causedBy: expect.stringMatching(/./) });
    expect(Object(error).hints).not.toEqual([]);
    expect(videoUrl).toBeNull();
    expect(service.messages).toContain('Sora API response error');
    await service.read('GET', `${VIDEOS}/${id}/content`, {}, 404);
  });

  it('is never sent again when its reply is lost, but found in the list', async () => {
    const service = createTestedService();
    service.conditions.change({ next: ['create-dropped-after-accept'] });
    await service.until(await service.order(), 'completed');
    const list = await service.read('GET', '/v1/videos');
    expect(list.data).toHaveLength(1);
  });
});

describe('the list', () => {
  it('pages from newest to oldest', async () => {
    const service = createTestedService();
    const ids: string[] = [];
    for (let count = 0; count < 3; count++) {
      service.clock.advance(1);
      ids.unshift(await service.order());
    }
    const first = await service.read('GET', `${VIDEOS}?limit=2`);
    expect(first).toMatchObject({ videos: [{ id: ids[0] }, { id: ids[1] }], next: ids[1], total: 3 });
    const rest = await service.read('GET', `${VIDEOS}?limit=2&after=${first.next}`);
    expect(rest).toMatchObject({ videos: [{ id: ids[2] }], next: null, total: 3 });
    for (const limit of ['0', '101', 'x', '1.5']) await service.read('GET', `${VIDEOS}?limit=${limit}`, {}, 400);
    await service.read('GET', `${VIDEOS}?after=job_0`, {}, 404);
  });
});

describe('a search', () => {
  it('finds words of the prompt in any case, on all pages', async () => {
    const service = createTestedService();
    const ids: string[] = [];
    for (const prompt of ['A red kite', 'a boat', 'two red KITES']) {
      service.clock.advance(1);
      ids.unshift(await service.order({ prompt }));
    }
    const first = await service.read('GET', `${VIDEOS}?limit=1&search=Kite`);
    expect(first).toMatchObject({ videos: [{ id: ids[0] }], next: ids[0], total: 2 });
    const rest = await service.read('GET', `${VIDEOS}?limit=1&search=Kite&after=${first.next}`);
    expect(rest).toMatchObject({ videos: [{ id: ids[2] }], next: null, total: 2 });
    expect(await service.read('GET', `${VIDEOS}?search=x`)).toMatchObject({ videos: [], next: null, total: 0 });
  });
});

describe('an image', () => {
  const dataUrl = (bytes: Uint8Array): string => `data:image/png;base64,${Buffer.from(bytes).toString('base64')}`;

  it('is the first frame of the video, and is deleted with it', async () => {
    const service = createTestedService();
    const image = dataUrl(createPngHeader(1280, 720));
    const id = await service.order({ prompt: 'a kite', image });
    const { imageSha256 } = await service.until(id, 'completed');
    expect((await service.ledger.newest(1))[0]?.request?.image).toBe(`sha256:${imageSha256}`);
    await service.read('DELETE', `${VIDEOS}/${id}`);
    expect(readdirSync(`${service.folder}/serve/files`)).toEqual([]);
  });

  it.each([
    ['of another size', dataUrl(createPngHeader(640, 480)), 'the reference image is 640x480, the video 1280x720'],
    ['that is not an image', dataUrl(Buffer.from('no picture')), '`image` is not a PNG, JPEG or WebP image'],
    ['at a URL', 'https://example.com/a.png', '`image`: must be a data URL'],
  ])('%s is refused', async (_, image, problem) => {
    const service = createTestedService();
    const { error } = await service.read('POST', VIDEOS, { json: { prompt: 'x', image } }, 400);
    expect(Object(error).violations).toEqual([expect.stringContaining(problem)]);
  });
});

describe('references', () => {
  const lastFrame = 'https://example.com/last.png';
  const references = [
    { type: 'image', url: 'https://example.com/style.png' },
    { type: 'video', url: 'https://example.com/walk.mp4' },
  ];

  it('are sent to the server in its own fields', async () => {
    const server = await startVideosServer();
    const format = {
      lastFrameField: 'last_frame',
      referenceField: 'guides',
      videoField: 'clip',
      image: 'text',
    } as const;
    const service = createTestedService({ upstreamUrl: server.url, format });
    const id = await service.order({ prompt: 'a kite', lastFrame, references });
    expect(await service.until(id, 'completed')).toMatchObject({ lastFrame, references });
    const sent = server.requests.find(({ method }) => method === 'POST')?.body.toString() ?? '';
    expect(JSON.parse(sent)).toMatchObject({
      last_frame: lastFrame,
      guides: ['https://example.com/style.png'],
      clip: 'https://example.com/walk.mp4',
    });
  });

  it('are refused when the server has no field for them, and when they are not URLs', async () => {
    const service = createTestedService();
    const refused = await service.read('POST', VIDEOS, { json: { prompt: 'x', lastFrame, references } }, 400);
    expect(Object(refused.error).violations).toEqual(
      ['last frame', 'reference images beside the first frame', 'reference video'].map(
        (what) => `the server of profile lab accepts no ${what}`,
      ),
    );
    const odd = await service.read('POST', VIDEOS, { json: { prompt: 'x', lastFrame: '/etc/passwd' } }, 400);
    expect(Object(odd.error).violations).toEqual([
      expect.stringContaining('`lastFrame`: must be an http or https URL'),
    ]);
  });
});

describe('deleting', () => {
  it('a finished video removes it here and on the server', async () => {
    const service = createTestedService();
    const id = await service.order();
    const { videoId } = await service.until(id, 'completed');
    expect(await service.read('DELETE', `${VIDEOS}/${id}`)).toEqual({ id, deleted: true });
    await service.read('GET', `${VIDEOS}/${id}`, {}, 404);
    await service.read('GET', `/v1/videos/${videoId}`, {}, 404);
    expect(existsSync(`${service.folder}/serve/files/${id}.mp4`)).toBe(false);
    await service.read('DELETE', `${VIDEOS}/${id}`, {}, 404);
  });

  it('an unfinished video stops it', async () => {
    const service = createTestedService();
    service.conditions.change({ next: ['stuck'] });
    const id = await service.order();
    const { videoId } = await service.until(id, 'processing');
    await service.read('GET', `${VIDEOS}/${id}/content`, {}, 409);
    await service.read('DELETE', `${VIDEOS}/${id}`);
    await service.read('GET', `/v1/videos/${videoId}`, {}, 404);
  });

  it('an unfinished video also stops it while its id is being stored', async () => {
    const server = await startVideosServer();
    const service = createTestedService({ upstreamUrl: server.url });
    const put = service.jobs.put.bind(service.jobs);
    let store = (): void => {};
    vi.spyOn(service.jobs, 'put').mockImplementation(async (job) => {
      if (job.status === 'processing') await new Promise<void>((resolve) => (store = resolve));
      await put(job);
    });
    const id = await service.order();
    await eventually(() => expect(service.messages).toContain('Job submitted to Sora API'));
    const removed = service.read('DELETE', `${VIDEOS}/${id}`);
    await new Promise(setImmediate);
    store();
    expect(await removed).toEqual({ id, deleted: true });
    expect(server.jobs).toEqual([]);
  });

  it('reports a refusal when the job keeps running', async () => {
    const service = createTestedService();
    service.conditions.change({ next: ['stuck'] });
    const id = await service.order();
    await service.until(id, 'processing');
    service.conditions.change({ faults: { server_error: 1 } });
    let isAnswered = false;
    const removed = service.read('DELETE', `${VIDEOS}/${id}`, {}, 502).finally(() => {
      isAnswered = true;
    });
    while (!isAnswered) {
      service.clock.advance(2_000);
      await new Promise(setImmediate);
    }
    expect(await removed).toMatchObject({ error: { code: 'server_error' } });
    service.conditions.change({ faults: {} });
    expect(await service.read('GET', `${VIDEOS}/${id}`)).toMatchObject({ status: 'processing' });
  });
});

describe('the video file', () => {
  it('is served in ranges, so that players can seek', async () => {
    const service = createTestedService();
    const { videoUrl } = await service.until(await service.order(), 'completed');
    const range = await service.call('GET', String(videoUrl), { key: null, headers: { range: 'bytes=4-7' } });
    expect(range.status).toBe(206);
    expect(await range.text()).toBe('ftyp');
    const beyond = await service.call('GET', String(videoUrl), { key: null, headers: { range: 'bytes=99999999-' } });
    expect(beyond.status).toBe(416);
  });

  it('is opened for readers only, not for a HEAD request', async () => {
    const path = `${createTemporaryFolder()}/file.bin`;
    writeFileSync(path, 'four');
    const head = await savedReply(new Request('http://localhost/', { method: 'HEAD' }), { path }, NO_OBJECTS);
    expect([head.headers.get('content-length'), head.body]).toEqual(['4', null]);
  });

  it('comes with a poster', async () => {
    const service = createTestedService();
    const id = await service.order();
    await service.until(id, 'completed');
    const { thumbnailUrl } = await eventually(async () => {
      const job = await service.read('GET', `${VIDEOS}/${id}`);
      expect(job.thumbnailUrl).not.toBeNull();
      return job;
    });
    const poster = await service.call('GET', String(thumbnailUrl), { key: null });
    expect(poster.headers.get('content-type')).toBe('image/webp');
  });
});

describe('the key', () => {
  it.each([
    ['GET', VIDEOS],
    ['POST', VIDEOS],
    ['GET', `${VIDEOS}/job_1`],
    ['DELETE', `${VIDEOS}/job_1`],
    ['GET', `${VIDEOS}/job_1/content`],
    ['GET', `${VIDEOS}/job_1/content?token=wrong`],
    ['PATCH', '/control'],
  ])('is needed for %s %s', async (method, path) => {
    const service = createTestedService();
    for (const key of [null, '', 'test-api-kez', 'test-api-key1']) await service.read(method, path, { key }, 401);
  });

  it.each(['/api/v1/%76ideos', '/%61pi/v1/videos/', '/contro%6c', '/control%2f'])(
    'is needed for %s too, in any spelling',
    async (path) => {
      const { handle } = createTestedService();
      for (const method of ['GET', 'POST', 'PATCH']) {
        const reply = await handle(new Request(`http://localhost${path}`, { method }));
        expect([401, 404]).toContain(reply.status);
      }
    },
  );

  it('of one file opens no other file', async () => {
    const service = createTestedService();
    const [one, two] = [await service.order(), await service.order()];
    const { videoUrl } = await service.until(one, 'completed');
    await service.read('GET', String(videoUrl).replace(one, two), { key: null }, 401);
  });

  it('is needed for everything except the pages once it is a secret', async () => {
    const service = createTestedService({ apiKey: 'a secret of ours' });
    await service.read('GET', '/v1/videos', { key: 'test-api-key' }, 401);
    await service.read('GET', VIDEOS, { key: 'test-api-key' }, 401);
    await service.read('GET', VIDEOS);
    await service.read('GET', '/v1/videos', { key: null, headers: { authorization: 'Bearer a secret of ours' } });
    await service.read('GET', '/healthz', { key: null });
    const page = await service.handle(new Request('http://localhost/'));
    expect(await page.text()).not.toContain('a secret of ours');
  });
});

describe('an unknown resource', () => {
  it.each([
    ['GET', '/nothing', 404],
    ['GET', '/api/v1/videos/../../etc/passwd', 404],
    ['GET', '/assets/..%2f..%2fpackage.json', 404],
    ['GET', '/api/v1/videos/..%2f..%2fetc%2fpasswd/content', 404],
    ['PUT', VIDEOS, 405],
    ['PATCH', `${VIDEOS}/job_1`, 405],
    ['POST', '/healthz', 405],
    ['DELETE', '/', 405],
    ['OPTIONS', '/control', 405],
    ['POST', '/v1/videos/video_1', 405],
  ])('%s %s is answered with %i, as JSON', async (method, path, status) => {
    const { handle } = createTestedService();
    const reply = await handle(
      new Request(`http://localhost${path}`, { method, headers: { 'x-api-key': 'test-api-key' } }),
    );
    expect(reply.status).toBe(status);
    expect(await reply.json()).toMatchObject({ error: { message: expect.stringMatching(/./) } });
    if (status === 405) expect(reply.headers.get('allow')).toMatch(/[A-Z]/);
  });

  it('includes other host names, unless other machines may call', async () => {
    const rebound = new Request('http://evil.example:3000/api/v1/videos', { headers: { 'x-api-key': 'test-api-key' } });
    expect((await createTestedService().handle(rebound)).status).toBe(403);
    const open = createTestedService({ apiKey: 'test-api-key', isLocal: false });
    expect((await open.handle(rebound)).status).toBe(200);
  });
});

describe('the dialect generations', () => {
  it('is served too, as documented', async () => {
    const service = createTestedService();
    const json = { model: 'sora-2', prompt: 'a kite', duration: 5, resolution: '1080p', orientation: 'portrait' };
    const { id } = await service.read('POST', '/v1/video/generations', { json });
    service.clock.advance(3_000);
    const done = await service.read('GET', `/v1/video/generations/${id}`);
    expect(done).toMatchObject({ status: 'completed', duration: 5, orientation: 'portrait' });
    const video = await service.call('GET', String(done.video_url));
    expect(video.status).toBe(200);
    expect(await service.read('DELETE', `/v1/video/generations/${id}`)).toEqual({ id, status: 'cancelled' });
    await service.read('GET', `/v1/video/generations/${id}`, {}, 404);
    await service.read('POST', '/v1/video/generations', { json: { ...json, duration: 'long' } }, 400);
  });
});
