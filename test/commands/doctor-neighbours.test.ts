import { expect, it } from 'vitest';
import type { ExaminedServer } from '../../src/commands/doctor/examined-server.ts';
import { findNeighbour } from '../../src/commands/doctor/neighbours.ts';

/** Replies only with 404, and records the requested URLs. */
function emptyServer(baseUrl: string, asked: string[] = []): ExaminedServer {
  return {
    configuration: {
      baseUrl: { value: baseUrl, origin: 'option --base-url' },
      dialect: { value: 'videos', origin: 'default' },
      profile: { value: 'custom', origin: 'option --base-url' },
      key: null,
    },
    get: async (url: string) => {
      asked.push(url);
      return { status: 404, headers: {}, body: '{"detail":"Not Found"}' };
    },
  } as unknown as ExaminedServer; // only what the test uses
}

it('knows the address and dialect of OpenRouter without a call', async () => {
  const asked: string[] = [];
  expect((await findNeighbour(emptyServer('https://openrouter.ai/v1', asked)))?.remedy).toEqual([
    'add `--base-url https://openrouter.ai/api/v1 --dialect openrouter`',
  ]);
  expect(asked).toEqual([]);
});

it('calls only the same server, each URL once, and returns null when nothing is found', async () => {
  const asked: string[] = [];
  expect(await findNeighbour(emptyServer('http://videos.example:8000/team/v1/v1/', asked))).toBeNull();
  expect(new Set(asked.map((url) => new URL(url).origin))).toEqual(new Set(['http://videos.example:8000']));
  expect(new Set(asked).size).toBe(asked.length);
  expect(asked.length).toBeLessThanOrEqual(24);
});
