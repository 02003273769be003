import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { createTestedService, type TestedService } from '../support/service.ts';

const VIDEOS = '/api/v1/videos';
/** $0.40 and $2.00 by OpenAI's price list. */
const CHEAP = { prompt: 'a kite', duration: 4, model: 'sora-2' };
const DEAR = { prompt: 'a kite', duration: 20, model: 'sora-2' };

async function refusal(service: TestedService, json: object): Promise<Record<string, unknown>> {
  return Object((await service.read('POST', VIDEOS, { json }, 402)).error);
}

/** Waits for a job to end and returns its status. */
function end(service: TestedService, id: string): Promise<unknown> {
  return eventually(async () => {
    service.clock.advance(300);
    const { status } = await service.read('GET', `${VIDEOS}/${id}`);
    expect(['completed', 'failed']).toContain(status);
    return status;
  });
}

describe('an order that costs money', () => {
  it('above the limit needs approval in the order, and the reply names the field', async () => {
    const service = createTestedService({ budget: {} });
    const refused = await refusal(service, DEAR);
    expect(refused).toMatchObject({ code: 'cost_cap_exceeded', message: expect.stringContaining('$2.00') });
    expect(refused.hints).toEqual(['send `"maxCostUsd": 2` with the order to approve the price']);
    expect((await refusal(service, { ...DEAR, maxCostUsd: 1.99 })).hints).toEqual(refused.hints);
    expect(await service.ledger.newest(10)).toEqual([]);
    await service.read('POST', VIDEOS, { json: { ...DEAR, maxCostUsd: 2 } }, 202);
    await service.read('POST', VIDEOS, { json: CHEAP }, 202);
  });

  it('never exceeds the cap of the session, even with concurrent orders', async () => {
    const service = createTestedService({ budget: { maxCostMicros: 1_000_000 } });
    const replies = await Promise.all(Array.from({ length: 8 }, () => service.call('POST', VIDEOS, { json: CHEAP })));
    expect(replies.map(({ status }) => status).sort()).toEqual([202, 202, ...Array(6).fill(402)]);
    const { message, hints } = await refusal(service, CHEAP);
    expect(message).toBe('this video would cost $0.40, but only $0.20 of the cap of $1.00 is left');
    expect(String(hints)).not.toContain('--yes');
    expect(await service.read('GET', '/api/v1/quote?duration=4')).toMatchObject({ maxCostUsd: 1, spentUsd: 0.8 });
  });

  it('counts towards the cap in the ledger, which several processes share', async () => {
    const folder = createTestedService({ budget: { maxCostMicros: 500_000 } }).folder;
    const services = [1, 2].map((seed) => createTestedService({ folder, seed, budget: { maxCostMicros: 500_000 } }));
    const ended = await Promise.all(services.map(async (service) => end(service, await service.order(CHEAP))));
    expect(ended.sort()).toEqual(['completed', 'failed']);
  });

  it('is not counted when it could not be stored', async () => {
    const service = createTestedService({ budget: { maxCostMicros: 500_000 } });
    const files = join(service.folder, 'serve/files');
    const image = `data:image/png;base64,${Buffer.from(createPngHeader(1280, 720)).toString('base64')}`;
    mkdirSync(join(service.folder, 'serve'), { recursive: true });
    writeFileSync(files, 'not a folder');
    await service.read('POST', VIDEOS, { json: { ...CHEAP, image } }, 500);
    rmSync(files);
    await service.read('POST', VIDEOS, { json: { ...CHEAP, image } }, 202);
  });

  it('is not counted when the server refused it', async () => {
    const service = createTestedService({ budget: { maxCostMicros: 500_000 } });
    service.conditions.change({ next: ['insufficient_quota'] });
    await service.until(await service.order(CHEAP), 'failed');
    await service.until(await service.order(CHEAP), 'completed');
    await refusal(service, CHEAP);
  });

  it('of unknown price is refused when there is a cap', async () => {
    const service = createTestedService({ budget: { maxCostMicros: 500_000 } });
    expect((await refusal(service, { ...CHEAP, model: 'wan' })).message).toMatch(/price of this video is unknown/);
    const open = createTestedService({ budget: {} });
    await open.read('POST', VIDEOS, { json: { ...CHEAP, model: 'wan' } }, 202);
    expect((await refusal(open, { ...CHEAP, model: 'wan', maxCostUsd: 1 })).hints).toContain('leave out `maxCostUsd`');
  });

  it('can be repeated with its idempotency key when the cap is used up', async () => {
    const service = createTestedService({ budget: { maxCostMicros: 500_000 } });
    const call = { json: CHEAP, headers: { 'idempotency-key': 'one' } };
    const first = await service.read('POST', VIDEOS, call, 202);
    expect((await service.read('POST', VIDEOS, call, 202)).id).toBe(first.id);
  });
});

it('a quote names model, price and what needs approval', async () => {
  const service = createTestedService({ budget: { maxCostMicros: 5_000_000 } });
  expect(await service.read('GET', '/api/v1/quote?duration=19&resolution=1080p&aspectRatio=16:9')).toEqual({
    model: 'sora-2-pro',
    seconds: 20,
    size: '1920x1080',
    isFree: false,
    estimatedUsd: 14,
    needsApproval: true,
    maxCostUsd: 5,
    spentUsd: 0,
    notes: ['sora-2-pro renders 20 seconds instead of 19'],
  });
  expect(await createTestedService().read('GET', '/api/v1/quote')).toMatchObject({
    isFree: true,
    needsApproval: false,
  });
  await service.read('GET', '/api/v1/quote?duration=x', {}, 400);
  await service.read('GET', '/api/v1/quote', { key: null }, 401);
});

describe('an error of the upstream server', () => {
  const secret = 'an upstream secret+of/ours';

  it('reaches clients and the job file without secrets', async () => {
    const error = { error: { message: `bad key ${secret}, or ${encodeURIComponent(secret)}`, code: 'x' } };
    const upstream = await startScriptedServer([{ status: 400, body: error }]);
    const service = createTestedService({ upstreamUrl: upstream.url, secrets: [secret] });
    const { error: refusal } = await service.until(await service.order(), 'failed');
    expect(JSON.stringify(refusal)).toContain('bad key [redacted], or [redacted]');
    expect(readFileSync(`${service.folder}/serve/jobs.jsonl`, 'utf8')).not.toMatch(/upstream secret|upstream%20secret/);
  });

  it('is not quoted from a file URL, which may be inside this network', async () => {
    const job = { id: 'video_1', object: 'video', status: 'completed', url: 'http://127.0.0.1:1/inside.mp4' };
    const upstream = await startScriptedServer([
      { body: job },
      { body: job },
      { status: 200, body: 'internal: the password is swordfish' },
    ]);
    const service = createTestedService({ upstreamUrl: upstream.url });
    const { error } = await service.until(await service.order(), 'failed');
    expect(JSON.stringify(error)).not.toContain('swordfish');
  });
});
