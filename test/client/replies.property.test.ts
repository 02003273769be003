import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { VideosClient } from '../../src/client/port.ts';
import { SoraError } from '../../src/domain/errors.ts';
import type { Http } from '../../src/platform/http.ts';
import { mutatedBody } from '../support/mutations.ts';
import { errorReplies, JOB_REPLIES } from '../support/server-replies.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';

const RUNS = { numRuns: 300, seed: 20_261_123 };
const JOBS = Object.values(JOB_REPLIES);
const BODIES = mutatedBody([...JOBS, { object: 'list', data: JOBS }, ...errorReplies('no')]);
const STATUSES = fc.constantFrom(200, 200, 200, 201, 202, 204, 206, 302, 400, 404, 409, 410, 422, 429, 500, 503);
const HEADERS = fc.dictionary(
  fc.constantFrom(
    'retry-after',
    'location',
    'content-range',
    'content-length',
    'etag',
    'openai-poll-after-ms',
    'sunset',
  ),
  fc.constantFrom('', '0', '-1', '1e999', 'NaN', 'soon', '/', 'http://', '//elsewhere', 'bytes 0-9/10', '"x"'),
);

/** Accepts a value or a SoraError; anything else is a crash. */
async function settle(call: Promise<unknown>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
  }
}

const CALLS: readonly ((client: VideosClient) => Promise<unknown>)[] = [
  (client) => client.get('video_1'),
  (client) => client.list({ limit: 2, after: 'x' }),
  (client) => client.remove('video_1'),
  async (client) => text((await client.content({ id: 'video_1', content: null }, 'video')).body),
];

describe.each(['videos', 'generations', 'new-api', 'openrouter'] as const)('a client in dialect %s', (dialect) => {
  it('ends every call with a value or a SoraError, whatever the server replies', async () => {
    const property = fc.asyncProperty(
      fc.array(fc.tuple(STATUSES, HEADERS, BODIES), { minLength: 1, maxLength: 3 }),
      async (script) => {
        let calls = 0;
        let posts = 0;
        const http: Http = async ({ method }) => {
          if (method === 'POST') posts++;
          const [status, headers, body] = script[calls++ % script.length] ?? [200, {}, ''];
          return { status, headers, body: Readable.from([Buffer.from(body)]) };
        };
        const { client } = createVideosClient('https://videos.example/v1', { dialect, http });
        const outcome = await client.create(createVideoRequest(), { idempotencyKey: 'sub_1' });
        expect(['accepted', 'rejected', 'unknown']).toContain(outcome.kind);
        expect(posts).toBeLessThanOrEqual(dialect === 'videos' ? 2 : 1);
        if (outcome.kind === 'accepted') await settle(client.get(outcome.job.id));
        for (const call of CALLS) await settle(call(client));
      },
    );
    await fc.assert(property, RUNS);
  });
});
