import { LLMock } from '@copilotkit/aimock';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { VideosClient } from '../../src/client/port.ts';
import type { Dialect } from '../../src/domain/dialect.ts';
import { sniffMedia } from '../../src/domain/media.ts';
import type { Variant, VideoJob } from '../../src/domain/video.ts';
import { listen } from '../../src/http-server/server.ts';
import { contentBytes } from '../support/content-bytes.ts';
import { httpFromHandler } from '../support/request-handler.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';

interface Subject {
  readonly client: VideosClient;
  readonly dialect: Dialect;
  /** Lets all started jobs finish. */
  finishJobs(): void;
}

type Connect = () => Promise<Subject>;

function inProcess(dialect: Dialect): Connect {
  return async () => {
    const { handle, clock } = createSimulatedApi(shapeOf(dialect));
    const http = httpFromHandler(handle);
    const { client } = createVideosClient('http://simulator.invalid/v1', { http, dialect });
    return { client, dialect, finishJobs: () => clock.advance(5_000) };
  };
}

function onPort(dialect: Dialect): Connect {
  return async () => {
    const { simulator, clock } = createSimulatedApi(shapeOf(dialect));
    const server = await listen(simulator, { host: '127.0.0.1', port: 0 });
    onTestFinished(() => server.close());
    return {
      client: createVideosClient(`${server.origin}/v1`, { dialect }).client,
      dialect,
      finishJobs: () => clock.advance(5_000),
    };
  };
}

function shapeOf(dialect: Dialect): { shape?: 'new-api' } {
  return dialect === 'new-api' ? { shape: dialect } : {};
}

const SIMULATORS: readonly [string, Connect][] = [
  ['the simulator in process', inProcess('videos')],
  ['the simulator on a port', onPort('videos')],
];

const GUIDE: typeof SIMULATORS = [
  ['the simulator in process, as the guide has it', inProcess('generations')],
  ['the simulator on a port, as the guide has it', onPort('generations')],
];

const NEW_API: typeof SIMULATORS = [
  ['the simulator in process, as New API has it', inProcess('new-api')],
  ['the simulator on a port, as New API has it', onPort('new-api')],
];

const AIMOCK: (typeof SIMULATORS)[number] = [
  'aimock',
  async () => {
    const mock = new LLMock();
    mock.onVideo(/.*/, { video: { id: 'video_mock', status: 'completed', url: 'https://cdn.example/v.mp4' } });
    const url = await mock.start();
    onTestFinished(() => mock.stop());
    return { client: createVideosClient(`${url}/v1`).client, dialect: 'videos', finishJobs: () => {} };
  },
];

const GENERATIONS = [...GUIDE, ...NEW_API];
const SERVERS = [...SIMULATORS, ...GENERATIONS, AIMOCK];
/** All but the guide, which has no field for a reference image. */
const WITH_IMAGES = [...SIMULATORS, ...NEW_API, AIMOCK];

/** Quick to render. */
const SMALL = createVideoRequest({ model: 'small', size: '320x180', seconds: 1 });

let keys = 0;

/** Seconds of an MP4, from its movie header. */
function durationOf(mp4: Buffer): number {
  const at = mp4.indexOf('mvhd');
  return mp4.readUInt32BE(at + 20) / mp4.readUInt32BE(at + 16);
}

async function create(client: VideosClient, request = SMALL): Promise<VideoJob> {
  const outcome = await client.create(request, { idempotencyKey: `sub_${keys++}` });
  if (outcome.kind !== 'accepted') throw outcome.error;
  return outcome.job;
}

it.each(WITH_IMAGES)('a client of %s creates a video with a reference image', async (_, connect) => {
  const { client } = await connect();
  const job = await create(client, createVideoRequest({ image: createImageFile() }));
  expect(job.id).toMatch(/^video_/);
});

describe.each(SERVERS)('a client of %s', (_, connect) => {
  it('creates a video and sees it completed', async () => {
    const { client, finishJobs } = await connect();
    const { id } = await create(client);
    finishJobs();
    expect(await client.get(id)).toMatchObject({ id, status: 'completed', serverStatus: expect.any(String) });
  });

  it('gets an error for an unknown id', async () => {
    const { client } = await connect();
    await expect(client.get('video_none')).rejects.toMatchObject({ code: 'video_not_found' });
  });
});

describe.each(GENERATIONS)('a client of %s', (_, connect) => {
  const FIVE = createVideoRequest({ seconds: 5, frame: { resolution: '720p', aspectRatio: '16:9' } });

  it('gets the requested length, and the video from the URL in its job', async () => {
    const { client, finishJobs } = await connect();
    const source = await create(client, FIVE);
    expect(source).toMatchObject({ status: 'queued', content: null, pollAfterMs: 250 });
    await expect(client.content(source, 'video')).rejects.toMatchObject({ code: 'content_not_ready' });
    finishJobs();
    const reply = await client.content(source, 'video');
    const { totalBytes } = reply;
    const bytes = await contentBytes(reply);
    expect(sniffMedia(bytes)).toBe('mp4');
    expect(totalBytes).toBe(bytes.length);
    expect(durationOf(bytes)).toBe(5);
  });

  it('gets an error for a call that the dialect lacks', async () => {
    const { client } = await connect();
    const source = await create(client, FIVE);
    const lacking = { code: 'not_supported', status: null };
    await expect(client.list({ limit: 1 })).rejects.toMatchObject(lacking);
    await expect(client.content(source, 'thumbnail')).rejects.toMatchObject(lacking);
  });

  it('cancels where the dialect has a call for it', async () => {
    const { client, dialect } = await connect();
    const { id } = await create(client, FIVE);
    if (dialect === 'generations') {
      expect(await client.remove(id)).toBe(true);
      await expect(client.get(id)).rejects.toMatchObject({ code: 'video_not_found' });
    } else {
      await expect(client.remove(id)).rejects.toMatchObject({ code: 'not_supported', status: null });
      expect((await client.get(id)).status).toBe('queued');
    }
  });

  it('gets an error for an invalid length', async () => {
    const { client } = await connect();
    expect(await client.create({ ...FIVE, seconds: 500 }, { idempotencyKey: 'sub_long' })).toMatchObject({
      kind: 'rejected',
      error: { code: 'invalid_request', status: 400, causedBy: expect.stringContaining('Invalid value: 500') },
    });
  });
});

describe.each(SIMULATORS)('a client of %s', (_, connect) => {
  it('gets its request back in the job', async () => {
    const { client } = await connect();
    const { prompt, model, seconds, size } = createVideoRequest();
    expect(await create(client, createVideoRequest())).toMatchObject({
      status: 'queued',
      progress: 0,
      prompt,
      model,
      seconds,
      size,
      createdAtMs: 1_790_000_000_000,
      pollAfterMs: 250,
      requestId: expect.stringMatching(/^req_/),
    });
  });

  it('pages through the list in either order, to its end', async () => {
    const { client } = await connect();
    const ids: string[] = [];
    for (let count = 0; count < 5; count++) ids.push((await create(client)).id);
    for (const order of ['asc', 'desc'] as const) {
      const pages: string[][] = [];
      for (let after: string | null | undefined; after !== null; ) {
        const page = await client.list({ limit: 2, order, ...(after === undefined ? {} : { after }) });
        pages.push(page.jobs.map(({ id }) => id));
        after = page.next;
      }
      expect(pages.map((page) => page.length)).toEqual([2, 2, 1]);
      expect(pages.flat()).toEqual(order === 'asc' ? ids : ids.toReversed());
    }
  });

  it('deletes a video, which is then unknown', async () => {
    const { client } = await connect();
    const { id } = await create(client);
    expect(await client.remove(id)).toBe(true);
    await expect(client.get(id)).rejects.toMatchObject({ code: 'video_not_found' });
    await expect(client.remove(id)).rejects.toMatchObject({ code: 'video_not_found' });
    expect(await client.list({ limit: 10 })).toMatchObject({ jobs: [], next: null });
  });

  it.each<[Variant, string]>([
    ['video', 'mp4'],
    ['thumbnail', 'webp'],
    ['spritesheet', 'jpg'],
  ])('downloads the whole %s', async (variant, kind) => {
    const { client, finishJobs } = await connect();
    const source = await create(client);
    finishJobs();
    const reply = await client.content(source, variant);
    const bytes = await contentBytes(reply);
    expect(sniffMedia(bytes)).toBe(kind);
    expect(reply).toMatchObject({
      totalBytes: bytes.length,
      offsetBytes: 0,
      validator: { ifRange: expect.stringMatching(/^"/) },
    });
  });

  it('resumes a download, and starts over when the file has changed', async () => {
    const { client, finishJobs } = await connect();
    const source = await create(client);
    finishJobs();
    const reply = await client.content(source, 'video');
    const { totalBytes, validator } = reply;
    const whole = await contentBytes(reply);
    if (validator === null) throw new Error('the simulator gives validators');

    const rest = await client.content(source, 'video', { resume: { offsetBytes: 1_000, validator } });
    expect(rest).toMatchObject({ offsetBytes: 1_000, totalBytes });
    expect(Buffer.concat([whole.subarray(0, 1_000), await contentBytes(rest)])).toEqual(whole);

    const other = await client.content(source, 'video', {
      resume: { offsetBytes: 1_000, validator: { ifRange: '"other"', etag: '"other"' } },
    });
    expect(other).toMatchObject({ offsetBytes: 0, totalBytes });
    expect(await contentBytes(other)).toEqual(whole);
  });

  it('gets an error before the video is ready and after it is deleted', async () => {
    const { client, finishJobs } = await connect();
    const source = await create(client);
    await expect(client.content(source, 'video')).rejects.toMatchObject({ code: 'content_not_ready', status: 409 });
    finishJobs();
    await client.remove(source.id);
    await expect(client.content(source, 'video')).rejects.toMatchObject({ status: 404 });
  });

  it('gets an error for an invalid request, and nothing is created', async () => {
    const { client } = await connect();
    const outcome = await client.create(createVideoRequest({ seconds: 5 }), { idempotencyKey: 'sub_five' });
    expect(outcome).toMatchObject({
      kind: 'rejected',
      error: { code: 'invalid_request', status: 400, causedBy: expect.stringContaining("Invalid value: '5'") },
    });
    expect((await client.list({ limit: 10 })).jobs).toEqual([]);
  });

  it('gets the same job for the same idempotency key', async () => {
    const { client } = await connect();
    const first = await client.create(SMALL, { idempotencyKey: 'sub_same' });
    expect(await client.create(SMALL, { idempotencyKey: 'sub_same' })).toMatchObject({
      kind: 'accepted',
      job: { id: first.kind === 'accepted' && first.job.id },
    });
    expect((await client.list({ limit: 10 })).jobs).toHaveLength(1);
  });
});
