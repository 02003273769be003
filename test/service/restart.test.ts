import { appendFileSync, readFileSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { applyEvent, factsOf, isDownloadPending } from '../../src/domain/record.ts';
import { RestJobStore } from '../../src/service/rest-job-store.ts';
import { intent } from '../store/ledger-events.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { createProcess } from '../support/processes.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { createTestedService, type TestedService } from '../support/service.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createVideoJob } from '../support/video-job.ts';
import { startVideosServer } from '../support/videos-server.ts';

const VIDEOS = '/api/v1/videos';

/** The next run of a stopped service: same folder and clock, and a new process id by default. */
async function restart(
  { folder, clock }: TestedService,
  setup: Parameters<typeof createTestedService>[0] = {},
): Promise<TestedService> {
  const next = createTestedService({ folder, clock, pid: 1_000_000_002, seed: 2, ...setup });
  await next.runner.resume();
  return next;
}

describe('a restart', () => {
  it('resumes a job in progress', async () => {
    const first = createTestedService();
    const id = await first.order();
    const { videoId } = await first.until(id, 'processing');
    await first.runner.stop();
    const second = await restart(first);
    expect(await second.until(id, 'completed')).toMatchObject({ videoId });
    expect((await second.read('GET', '/v1/videos')).data).toHaveLength(1);
    expect(second.messages).toContain('Video job resumed');
  });

  it('may be preceded by `sora create`, which saves the unsaved video instead of paying for it again', async () => {
    const first = createTestedService();
    const { videoId } = await first.until(await first.order(), 'processing');
    await first.runner.stop();
    const [record] = await first.ledger.newest(1);
    const job = factsOf(createVideoJob({ id: String(videoId), status: 'completed' }));
    const completed = record && applyEvent(record, { event: 'seen', key: record.key, atMs: 0, job });
    expect(completed && isDownloadPending(completed)).toBe(true);
  });

  it('submits a job with the image of its order', async () => {
    const first = createTestedService();
    vi.spyOn(first.runner, 'start').mockImplementation(() => {});
    const image = `data:image/png;base64,${Buffer.from(createPngHeader(1280, 720)).toString('base64')}`;
    const id = await first.order({ prompt: 'a kite', image });
    const second = await restart(first);
    const { imageSha256 } = await second.until(id, 'completed');
    expect((await second.ledger.newest(2)).map(({ request }) => request?.image)).toEqual([`sha256:${imageSha256}`]);
  });

  it('submits a job that was accepted but not yet sent', async () => {
    const server = await startVideosServer();
    const first = createTestedService({ upstreamUrl: server.url });
    vi.spyOn(first.runner, 'start').mockImplementation(() => {}); // killed before the job starts
    const id = await first.order();
    const second = await restart(first, { upstreamUrl: server.url });
    await second.until(id, 'completed');
    expect(server.posts).toBe(1);
  });

  it('submits a job whose process was killed just before the create', async () => {
    const server = await startVideosServer();
    const first = createTestedService({ upstreamUrl: server.url, isKilled: true });
    vi.spyOn(first.runner, 'start').mockImplementation(() => {});
    const id = await first.order();
    const of = { atMs: first.clock.now(), baseUrl: server.url, ...createProcess(7) };
    await first.ledger.append(intent(id, { ...of, batch: 'serve-test', row: id }));
    const second = await restart(first, { upstreamUrl: server.url });
    await second.until(id, 'completed');
    expect(server.posts).toBe(1);
  });

  it('finds a job whose reply was lost, and sends nothing twice', async () => {
    let isUp = false;
    const server = await startVideosServer({
      create(accept) {
        const answer = accept();
        return isUp ? answer : 'hang';
      },
    });
    const first = createTestedService({ upstreamUrl: server.url, isKilled: true });
    const id = await first.order({ model: 'sora-2' });
    await server.received(1);
    isUp = true;
    const second = await restart(first, { upstreamUrl: server.url });
    expect(await second.until(id, 'completed')).toMatchObject({ videoId: 'video_1' });
    expect({ posts: server.posts, jobs: server.jobs.length }).toEqual({ posts: 1, jobs: 1 });
  });

  it('does the same in a container, where each run has the same process id', async () => {
    const first = createTestedService();
    const id = await first.order();
    await first.until(id, 'processing');
    await first.runner.stop();
    const second = await restart(first, { pid: 1_000_000_001 });
    await second.until(id, 'completed');
  });

  it('ignores a job of another server or of a running service', async () => {
    const first = createTestedService();
    const id = await first.order();
    await first.until(id, 'processing');
    const neighbour = new RestJobStore({
      path: `${first.folder}/serve/jobs.jsonl`,
      pid: 7,
      randomBytes: createSeededRandom(3),
      isProcessAlive: () => true,
    });
    expect(await neighbour.claimAbandoned(() => true)).toEqual([]);
    await first.runner.stop();
    const server = await startVideosServer();
    const second = await restart(first, { upstreamUrl: server.url });
    expect(await second.read('GET', `${VIDEOS}/${id}`)).toMatchObject({ status: 'processing' });
    const { error } = await second.read('DELETE', `${VIDEOS}/${id}`, {}, 404);
    expect(error).toMatchObject({ code: 'video_not_found', message: `job \`${id}\` belongs to another server` });
    expect(server.requests).toEqual([]);
    // It stays free for a service with its own server, while this one runs.
    expect(readFileSync(`${first.folder}/serve/jobs.jsonl`, 'utf8')).not.toContain('claimed');
  });

  it('keeps and plays finished videos', async () => {
    const first = createTestedService();
    const id = await first.order();
    await first.until(id, 'completed');
    await first.runner.stop();
    const second = await restart(first);
    const { videoUrl } = await second.read('GET', `${VIDEOS}/${id}`);
    expect((await second.call('GET', String(videoUrl), { key: null })).status).toBe(200);
  });
});

describe('the journal of jobs', () => {
  function createBook(path: string, seed: number): RestJobStore {
    return new RestJobStore({ path, pid: seed, randomBytes: createSeededRandom(seed), isProcessAlive: () => false });
  }

  it('gives abandoned jobs to only one of two services that start at once', async () => {
    const first = createTestedService();
    for (let count = 0; count < 3; count++) await first.order();
    await first.runner.stop();
    const path = `${first.folder}/serve/jobs.jsonl`;
    const claims = await Promise.all([1, 2].map((seed) => createBook(path, seed).claimAbandoned(() => true)));
    expect(
      claims
        .flat()
        .map(({ id }) => id)
        .sort(),
    ).toHaveLength(3);
    expect(new Set(claims.flat().map(({ id }) => id)).size).toBe(3);
  });

  it('skips invalid lines', async () => {
    const first = createTestedService();
    const id = await first.order();
    await first.runner.stop();
    const path = `${first.folder}/serve/jobs.jsonl`;
    appendFileSync(path, 'nonsense\n{"job":{"id":7}}\n{"removed":7}\n{"claimed":"x","by":1}\n[]\n{"job":{"id":"torn');
    expect(createBook(path, 1).find(id)?.id).toBe(id);
    expect(readFileSync(path, 'utf8')).toContain('nonsense');
  });

  it('keeps a job removed that another service deleted, whatever this one still writes', async () => {
    const first = createTestedService();
    const id = await first.order();
    await first.runner.stop();
    const [own, other] = [1, 2].map((seed) => createBook(`${first.folder}/serve/jobs.jsonl`, seed));
    const job = own?.find(id);
    await other?.remove(id);
    if (job !== undefined) await own?.put({ ...job, status: 'failed' });
    expect([job?.id, own?.find(id), other?.find(id)]).toEqual([id, undefined, undefined]);
  });

  it('starts empty without a file', () => {
    expect(createBook(`${createTemporaryFolder()}/jobs.jsonl`, 1).newest(10, { after: null, search: '' })).toEqual({
      items: [],
      hasMore: false,
      total: 0,
    });
  });
});
