import { describe, expect, it } from 'vitest';
import { createTestedService } from '../support/service.ts';

const VIDEOS = '/api/v1/videos';

interface Sender {
  readonly origin?: string;
  readonly 'sec-fetch-site'?: string;
}

const FOREIGN: readonly Sender[] = [
  { origin: 'https://evil.example' },
  { origin: 'http://localhost:5173' },
  { origin: 'null' },
  { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' },
  { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' },
  { 'sec-fetch-site': 'cross-site' },
];
const OWN: readonly Sender[] = [
  {},
  { origin: 'http://localhost' },
  { origin: 'http://localhost', 'sec-fetch-site': 'same-origin' },
  { origin: 'http://localhost:5173', 'sec-fetch-site': 'same-origin' }, // behind a development proxy
];

describe('a page of another origin', () => {
  it.each([
    ['POST', VIDEOS],
    ['DELETE', `${VIDEOS}/job_1`],
    ['PATCH', '/control'],
    ['DELETE', '/control'],
    ['POST', '/v1/videos'],
    ['POST', '/openai/v1/videos'],
    ['DELETE', '/v1/videos/video_1'],
    ['POST', '/v1/video/generations'],
    ['POST', '/v1/%76ideos'],
  ])('cannot %s %s, even with the key', async (method, path) => {
    const service = createTestedService();
    for (const headers of FOREIGN) {
      const reply = await service.call(method, path, { headers: { ...headers } });
      expect([reply.status, await reply.json()], JSON.stringify(headers)).toMatchObject([
        403,
        { error: { code: 'permission_denied' } },
      ]);
    }
    expect((await service.read('GET', '/v1/videos')).data).toEqual([]);
  });

  it('cannot send an order as a form, which needs no preflight', async () => {
    const service = createTestedService();
    const form = new FormData();
    form.append('prompt', 'x');
    const headers = { origin: 'https://evil.example' };
    const reply = await service.handle(
      new Request('http://localhost/v1/videos', { method: 'POST', body: form, headers }),
    );
    expect(reply.status).toBe(403);
  });

  it.each(['/v1/videos', VIDEOS, '/control'])('gets no permission from a preflight of %s', async (path) => {
    const service = createTestedService();
    const headers = { origin: 'https://evil.example', 'access-control-request-method': 'POST' };
    const reply = await service.call('OPTIONS', path, { key: null, headers });
    expect(reply.ok).toBe(false);
    expect([...reply.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([]);
  });
});

it('the service’s page and other clients can order', async () => {
  const service = createTestedService();
  for (const headers of OWN) {
    await service.read('POST', VIDEOS, { json: { prompt: 'x' }, headers: { ...headers } }, 202);
  }
});

describe('a hostile order', () => {
  it.each<[string, string, number]>([
    ['of 13 MB', JSON.stringify({ prompt: 'x', model: 'm'.repeat(13_000_000) }), 413],
    [
      'of 10,000 unknown fields',
      JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, i) => [`f${i}`, 1]))),
      400,
    ],
    ['that is nested deeply', `${'['.repeat(100_000)}`, 400],
    ['with a long model name', JSON.stringify({ prompt: 'x', model: 'm'.repeat(500_000) }), 400],
  ])('%s gets a short %3$i', async (_, body, status) => {
    const service = createTestedService();
    const reply = await service.call('POST', VIDEOS, { body });
    expect(reply.status).toBe(status);
    expect((await reply.text()).length).toBeLessThan(2_000);
  });
});
