import { describe, expect, it } from 'vitest';
import { expectPromised } from '../support/document-check.ts';
import { createTestedService } from '../support/service.ts';

describe('the control route', () => {
  it('sets, reads and restores the conditions', async () => {
    const service = createTestedService();
    const fair = { faults: {}, next: [], latencyMs: 0, seed: null };
    expect(await service.read('GET', '/control')).toEqual(fair);
    const bad = { faults: { rate_limit_exceeded: 0.2 }, next: ['server_error'] };
    expect(await service.read('PATCH', '/control', { json: bad })).toEqual({ ...fair, ...bad });
    expect(await service.read('PATCH', '/control', { json: { seed: 7 } })).toEqual({ ...fair, ...bad, seed: 7 });
    await service.read('GET', '/v1/videos', {}, 500);
    expect(await service.read('DELETE', '/control')).toEqual(fair);
    await service.read('GET', '/v1/videos');
  });

  it.each<[string, object]>([
    ['an unknown fault', { faults: { bad_luck: 1 } }],
    ['a share above one', { faults: { server_error: 2 } }],
    ['an invalid share', { faults: { server_error: 'often' } }],
    ['an unknown next fault', { next: ['bad_luck'] }],
    ['an hour of latency', { latencyMs: 3_600_000 }],
    ['an unknown setting', { mood: 'bad' }],
  ])('refuses %s and changes nothing', async (_, json) => {
    const service = createTestedService();
    expect(await service.read('PATCH', '/control', { json }, 400)).toMatchObject({
      error: { code: 'invalid_request' },
    });
    expect(await service.read('GET', '/control')).toMatchObject({ faults: {}, next: [], latencyMs: 0 });
  });
});

describe('the OpenAPI document', () => {
  it('is version 3.1, and describes every route once', async () => {
    const { handle } = createTestedService();
    const document: unknown = await (await handle(new Request('http://localhost/openapi.json'))).json();
    expect(document).toMatchObject({ openapi: '3.1.0', info: { version: '1.2.3' } });
    expect(Object.keys(Object(document).paths)).toEqual([
      '/healthz',
      '/readyz',
      '/metrics',
      '/api/v1/videos',
      '/api/v1/quote',
      '/api/v1/videos/{id}',
      '/api/v1/videos/{id}/content',
      '/api/v1/characters',
      '/api/v1/characters/{id}',
      '/control',
      '/v1/videos',
      '/v1/videos/{id}',
      '/v1/videos/{id}/remix',
      '/v1/videos/edits',
      '/v1/videos/extensions',
      '/v1/videos/characters',
      '/v1/videos/characters/{id}',
      '/v1/video/generations',
      '/v1/video/generations/{id}',
      '/v1/files',
      '/v1/files/{id}',
      '/v1/batches',
      '/v1/batches/{id}',
      '/v1/batches/{id}/cancel',
      '/v1/models',
      '/v1/models/{id}',
      '/v1/files/{id}/content',
      '/v1/videos/{id}/content',
    ]);
    const operations = Object.values(Object(document).paths as Record<string, object>).flatMap(Object.values);
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).not.toContain(undefined);
  });

  it('is checked in the tests: a different reply is detected', async () => {
    const wrong = Response.json({ status: 'ok', version: 7 });
    await expect(expectPromised('GET', '/healthz', wrong)).rejects.toThrow(/version/);
    await expect(expectPromised('GET', '/nowhere', wrong)).rejects.toThrow(/\/nowhere/);
    const page = new Response('<p>', { headers: { 'content-type': 'text/html' } });
    await expect(expectPromised('GET', '/healthz', page)).rejects.toThrow();
  });
});
