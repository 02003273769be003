import { describe, expect, it } from 'vitest';
import { createTestedService, type TestedService } from '../support/service.ts';

const VIDEOS = '/api/v1/videos';
const CHARACTERS = '/api/v1/characters';

async function setUp(setup: Parameters<typeof createTestedService>[0] = {}): Promise<TestedService & { id: string }> {
  const service = createTestedService(setup);
  const id = await service.order({ duration: 8 });
  await service.until(id, 'completed');
  return Object.assign(service, { id });
}

const source = (operation: string, id: string): object => ({ prompt: 'at night', source: { operation, id } });

describe('an order from an existing video', () => {
  it.each([
    ['remix', {}, 8],
    ['edit', {}, 8],
    ['extend', { duration: 12 }, 20],
  ])('is a %s of a job of the service or of a video on its server', async (operation, fields, seconds) => {
    const service = await setUp();
    const { videoId } = await service.read('GET', `${VIDEOS}/${service.id}`);
    for (const id of [service.id, String(videoId)]) {
      const json = { ...source(operation, id), ...fields };
      const ordered = await service.read('POST', VIDEOS, { json }, 202);
      expect(ordered).toMatchObject({ source: { operation, id }, status: 'pending' });
      const made = await service.until(String(ordered.id), 'completed');
      const video = await service.read('GET', `/v1/videos/${made.videoId}`);
      expect(video).toMatchObject({ prompt: 'at night', seconds: String(seconds) });
    }
  });

  it('costs the seconds of its source or those it adds, and needs the same approval', async () => {
    const service = await setUp({ budget: { isFree: false, maxCostMicros: 3_500_000 } });
    const quote = async (query: string): Promise<unknown> =>
      (await service.read('GET', `/api/v1/quote?${query}`)).estimatedUsd;
    expect(await quote(`remix=${service.id}`)).toBe(0.8);
    expect(await quote(`extend=${service.id}&duration=20`)).toBe(2);
    const json = { ...source('extend', service.id), duration: 20 };
    const refused = await service.read('POST', VIDEOS, { json }, 402);
    expect(refused).toMatchObject({ error: { hints: ['send `"maxCostUsd": 2` with the order to approve the price'] } });
    await service.read('POST', VIDEOS, { json: { ...json, maxCostUsd: 2 } }, 202);
    await service.read('POST', VIDEOS, { json: source('remix', service.id) }, 402); // $0.70 of the cap is left
  });

  it('is paid once when the reply is lost, and found in the list', async () => {
    const service = await setUp();
    service.conditions.change({ next: ['create-dropped-after-accept'] });
    const ordered = await service.read('POST', VIDEOS, { json: source('remix', service.id) }, 202);
    await service.until(String(ordered.id), 'completed');
    expect((await service.read('GET', '/v1/videos')).data).toHaveLength(2);
  });

  it.each<[string, (id: string) => object, number, string]>([
    ['an unknown source', () => source('remix', 'video_9'), 404, 'not found'],
    [
      'fields that the source determines',
      (id) => ({ ...source('edit', id), resolution: '720p', model: 'sora-2', duration: 4 }),
      400,
      'determined by the source',
    ],
    ['an unknown operation', (id) => source('dub', id), 400, 'source.operation'],
    ['a source without an id', () => ({ prompt: 'x', source: { operation: 'remix' } }), 400, 'source.id'],
    ['too many seconds', (id) => ({ ...source('extend', id), duration: 100 }), 400, 'seconds'],
  ])('with %s is refused before anything is sent', async (_, json, status, words) => {
    const service = await setUp();
    const { error } = await service.read('POST', VIDEOS, { json: json(service.id) }, status);
    expect(JSON.stringify(error)).toContain(words);
    expect(await service.ledger.newest(10)).toHaveLength(1);
  });

  it('waits for its source to finish', async () => {
    const service = createTestedService();
    service.conditions.change({ next: ['stuck'] });
    const id = await service.order();
    await service.until(id, 'processing');
    await service.read('POST', VIDEOS, { json: source('remix', id) }, 409);
  });
});

describe('a character of the service', () => {
  it('is created from a finished job, shown, and used in an order', async () => {
    const service = await setUp();
    const json = { name: 'Mossy', video: service.id };
    const made = await service.read('POST', CHARACTERS, { json }, 201);
    expect(made).toMatchObject({ id: expect.stringMatching(/^char_/), name: 'Mossy' });
    expect(await service.read('GET', `${CHARACTERS}/${made.id}`)).toEqual(made);
    expect((await service.read('POST', CHARACTERS, { json }, 201)).id).toBe(made.id);
    const ordered = await service.read('POST', VIDEOS, { json: { prompt: 'x', characters: [made.id] } }, 202);
    expect(ordered.characters).toEqual([made.id]);
    await service.until(String(ordered.id), 'completed');
  });

  it('is refused without a name, a finished video, a known id or the key', async () => {
    const service = await setUp();
    const running = await service.order();
    await service.read('POST', CHARACTERS, { json: { name: '', video: service.id } }, 400);
    await service.read('POST', CHARACTERS, { json: { name: 'x'.repeat(81), video: service.id } }, 400);
    await service.read('POST', CHARACTERS, { json: { name: 'Mossy', video: 'job_0' } }, 404);
    await service.read('POST', CHARACTERS, { json: { name: 'Mossy', video: running } }, 409);
    await service.read('GET', `${CHARACTERS}/char_0`, {}, 404);
    await service.read('POST', CHARACTERS, { json: { name: 'Mossy', video: service.id }, key: null }, 401);
  });

  it('is refused when there is a cap, since its price is unknown', async () => {
    const service = await setUp({ budget: { isFree: false, maxCostMicros: 5_000_000 } });
    const { error } = await service.read('POST', CHARACTERS, { json: { name: 'Mossy', video: service.id } }, 402);
    expect(Object(error).message).toContain('the price of this video is unknown');
  });
});
