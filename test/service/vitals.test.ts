import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AccessKey } from '../../src/service/access.ts';
import { createVitalsHandler, readinessOf } from '../../src/service/vitals.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { expectPrometheus } from '../support/prometheus.ts';
import { createTestedService, type TestedService } from '../support/service.ts';

const samplesOf = async (service: TestedService): Promise<Map<string, number>> => {
  const reply = await service.call('GET', '/metrics', { key: null });
  expect(reply.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  return expectPrometheus(await reply.text());
};

describe('GET /metrics', () => {
  it('counts jobs, creates, downloads and requests', async () => {
    const service = createTestedService();
    const id = await service.order();
    await service.until(id, 'completed');
    await service.call('POST', '/api/v1/videos', { json: { prompt: '' } });
    const ended = 'sora_job_duration_seconds_count{outcome="completed"}';
    await expect.poll(async () => (await samplesOf(service)).get(ended)).toBe(1); // counted once its state is on disk
    const samples = await samplesOf(service);
    expect(Object.fromEntries(samples)).toMatchObject({
      'sora_jobs{status="completed"}': 1,
      'sora_jobs{status="pending"}': 0,
      'sora_open_submissions{}': 0,
      'sora_submissions_total{profile="simulator",outcome="accepted"}': 1,
      'sora_errors_total{code="invalid_request"}': 1,
      'sora_http_request_duration_seconds_count{method="POST",route="/api/v1/videos",code="202"}': 1,
      'sora_ready{}': 1,
    });
    expect(samples.get('sora_downloads_total{outcome="completed"}')).toBeGreaterThan(0);
    expect(samples.get('sora_downloaded_bytes_total{}')).toBeGreaterThan(1_000);
  });

  it('shows spending, unfinished jobs and caps', async () => {
    const service = createTestedService({ budget: { isFree: false, maxCostMicros: 5_000_000 } });
    await service.order();
    await expect
      .poll(async () =>
        (await samplesOf(service)).get('sora_submissions_total{profile="simulator",outcome="accepted"}'),
      )
      .toBe(1);
    const samples = await samplesOf(service);
    expect(samples.get('sora_estimated_cost_usd_total{profile="simulator"}')).toBeCloseTo(0.4);
    expect(samples.get('sora_spent_today_usd{profile="simulator"}')).toBeCloseTo(0.4);
    expect(samples.get('sora_cap_usd{cap="run"}')).toBe(5);
    expect(
      [...samples].some(
        ([name, value]) => name.startsWith('sora_ledger_unfinished_jobs{profile="simulator"') && value === 1,
      ),
    ).toBe(true);
  });

  it('contains no prompt, id, key or path, and no label chosen by a client', async () => {
    const service = createTestedService();
    const id = await service.order({ prompt: 'a secret plan' });
    for (const path of [
      `/api/v1/videos/${id}`,
      '/nowhere/a-secret-place',
      '/v1/videos/video_secret',
      '/v1/videos/x/y/z',
    ]) {
      await service.answer({ method: 'GET', url: new URL(path, 'http://localhost'), headers: {}, body: Buffer.of() });
    }
    await service.answer({ method: 'PURGE', url: new URL('http://localhost/'), headers: {}, body: Buffer.of() });
    const text = await (await service.call('GET', '/metrics')).text();
    expect(text).toContain('route="/v1/videos/{id}"');
    expect(text).toContain('method="other"');
    for (const secret of ['secret', id, 'test-api-key', service.folder]) expect(text).not.toContain(secret);
  });

  it('needs the key when other machines can reach it, unlike health and readiness', async () => {
    const service = createTestedService({ apiKey: 'a-key-of-the-operator', isLocal: false });
    expect((await service.call('GET', '/metrics', { key: null })).status).toBe(401);
    expect(
      (await service.call('GET', '/metrics', { key: null, headers: { authorization: 'Bearer a-key-of-the-operator' } }))
        .status,
    ).toBe(200);
    expect((await service.call('GET', '/healthz', { key: null })).status).toBe(200);
    expect((await service.call('GET', '/readyz', { key: null })).status).toBe(200);
  });
});

describe('GET /readyz', () => {
  it('is 503 with a reason while the ledger is damaged, unlike /healthz', async () => {
    const service = createTestedService();
    await service.until(await service.order(), 'completed');
    expect(await service.read('GET', '/readyz')).toMatchObject({ status: 'ready', profile: 'simulator' });
    appendFileSync(join(service.folder, 'ledger.jsonl'), '{"event":"intent","key":"sub_x\n{}\n');
    service.clock.advance(1_000);
    const reply = await service.read('GET', '/readyz', { key: null }, 503);
    expect(reply).toMatchObject({ status: 'unavailable', reason: { code: 'ledger_damaged' } });
    expect(JSON.stringify(reply)).not.toContain(service.folder);
    expect((await samplesOf(service)).get('sora_ready{}')).toBe(0);
    expect((await service.call('GET', '/healthz')).status).toBe(200);
  });

  it('is 503 while the ledger cannot be written, and ready again afterwards', async () => {
    const service = createTestedService();
    const ledger = join(service.folder, 'ledger.jsonl');
    await service.until(await service.order(), 'completed');
    renameSync(ledger, `${ledger}.away`);
    mkdirSync(ledger);
    service.clock.advance(1_000);
    expect(await service.read('GET', '/readyz', {}, 503)).toMatchObject({ status: 'unavailable' });
    rmSync(ledger, { recursive: true });
    renameSync(`${ledger}.away`, ledger);
    service.clock.advance(1_000);
    expect(await service.read('GET', '/readyz')).toMatchObject({ status: 'ready' });
  });

  it('checks the disk at most once a second', async () => {
    const service = createTestedService();
    expect((await service.call('GET', '/readyz')).status).toBe(200);
    writeFileSync(join(service.folder, 'ledger.jsonl'), 'damaged\n');
    expect((await service.call('GET', '/readyz')).status).toBe(200);
    service.clock.advance(1_000);
    expect((await service.call('GET', '/readyz')).status).toBe(503);
  });
});

it('checks a silent ledger once, and reports it as unavailable', async () => {
  const clock = createFakeClock({ isManual: true });
  let asked = 0;
  const check = readinessOf({ requireUsable: () => new Promise(() => asked++) }, clock);
  const answers = Promise.allSettled([check(), check()]);
  clock.advance(2_000);
  expect(await answers).toMatchObject([
    { reason: { code: 'ledger_unreachable' } },
    { reason: { code: 'ledger_unreachable' } },
  ]);
  expect(asked).toBe(1);
});

describe('the metrics handler of a process without a service', () => {
  const vitals = { version: '1', profile: 'lab', checkReady: async () => {}, metrics: async () => '# nothing\n' };
  const get = async (path: string, access: AccessKey | null, headers: Record<string, string> = {}, method = 'GET') =>
    (
      await createVitalsHandler(vitals, access, true).answer({
        method,
        url: new URL(path, 'http://localhost'),
        headers,
        body: Buffer.of(),
      })
    ).status;

  it('serves the three paths, and needs the key if it has one', async () => {
    const access = new AccessKey('a-key-of-the-operator');
    expect(await Promise.all(['/healthz', '/readyz', '/metrics', '/other'].map((path) => get(path, null)))).toEqual([
      200, 200, 200, 404,
    ]);
    expect(await Promise.all(['/healthz', '/readyz', '/metrics'].map((path) => get(path, access)))).toEqual([
      200, 200, 401,
    ]);
    expect(await get('/metrics', access, { 'x-api-key': 'a-key-of-the-operator' })).toBe(200);
    expect(await get('/metrics', null, {}, 'POST')).toBe(405);
    expect(await get('http://rebound.example/metrics', null)).toBe(403);
  });
});
