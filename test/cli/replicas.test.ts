import { mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type BinaryRun, createBinary } from '../support/binary.ts';
import { eventually } from '../support/eventually.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { listenAsS3, playS3, S3_ENV } from '../support/played-s3.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { expectPrometheus } from '../support/prometheus.ts';
import { type ServeRun, startServe } from '../support/serve.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { CLIP, startVideosServer, type VideosScript, type VideosServer } from '../support/videos-server.ts';

const VIDEOS = '/api/v1/videos';
const KEY = 'key-of-the-service';
/** Half of them come with a kill. */
const ORDERS = Number(process.env.ORDERS ?? '12');

interface Job extends Readonly<Record<string, unknown>> {
  readonly id: string;
  readonly status: string;
}

/** Replicas of a service and workers, each with a home of its own, on one ledger, one server and one folder. */
interface Fleet {
  readonly server: VideosServer;
  readonly folder: string;
  readonly ledger: string;
  replica(...argv: readonly string[]): Promise<ServeRun>;
  worker(): Promise<BinaryRun>;
}

async function createFleet(
  postgres: Postgres,
  script: VideosScript = {},
  storage: { readonly output?: string; readonly env?: Readonly<Record<string, string>> } = {},
): Promise<Fleet> {
  const server = await startVideosServer(script);
  const folder = join(createTemporaryFolder(), 'shared');
  mkdirSync(folder);
  const ledger = postgres.createDatabase();
  const env = { SORA_API_KEY: 'key-of-the-lab', SORA_LEDGER: ledger, SERVE_KEY: KEY, ...storage.env };
  const output = storage.output ?? folder;
  const target = ['--base-url', server.url];
  return {
    server,
    folder,
    ledger,
    replica: (...argv) =>
      startServe(createBinary(), [...target, '--queue', '-o', output, '--api-key-env', 'SERVE_KEY', ...argv], env),
    async worker() {
      const run = createBinary().start(['worker', ...target, '--concurrency', '2'], env);
      await run.says(/taking rows/);
      return run;
    },
  };
}

async function call(replica: ServeRun, method: string, path: string, body?: object, idempotencyKey?: string) {
  const reply = await replica.call(path, {
    method,
    headers: {
      'x-api-key': KEY,
      ...(body && { 'content-type': 'application/json' }),
      ...(idempotencyKey && { 'idempotency-key': idempotencyKey }),
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: reply.status, body: (await reply.json()) as Job };
}

async function order(replica: ServeRun, fields: object = {}): Promise<string> {
  const { status, body } = await call(replica, 'POST', VIDEOS, { prompt: 'a boat', duration: 4, ...fields });
  expect({ status, body }).toMatchObject({ status: 202 });
  return body.id;
}

/** Waits until a replica shows the job in one of these statuses, and returns it. */
function until(replica: ServeRun, id: string, ...statuses: readonly string[]): Promise<Job> {
  return vi.waitFor(
    async () => {
      const { body } = await call(replica, 'GET', `${VIDEOS}/${id}`);
      expect(statuses, JSON.stringify(body)).toContain(body.status);
      return body;
    },
    { timeout: 30_000, interval: 100 },
  );
}

describe.skipIf(POSTGRES_BIN === undefined)(`replicas of a service${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  it('show, play, list and delete each other’s orders', async () => {
    const { server, folder, replica, worker } = await createFleet(postgres);
    const [one, two] = await Promise.all([replica(), replica(), worker()]);
    const image = `data:image/png;base64,${Buffer.from(createPngHeader(1280, 720)).toString('base64')}`;
    const id = await order(one, { image });
    const { videoUrl, imageSha256 } = await until(two, id, 'completed');
    expect(imageSha256).toMatch(/^[0-9a-f]{64}$/);
    const clip = await two.call(new URL(String(videoUrl)).pathname + new URL(String(videoUrl)).search);
    expect(Buffer.from(await clip.arrayBuffer()).equals(CLIP)).toBe(true);
    const listed = await call(one, 'GET', `${VIDEOS}?search=BOAT`);
    expect(listed.body).toMatchObject({ total: 1, videos: [{ id, status: 'completed' }] });
    const remix = await order(two, { duration: null, source: { operation: 'remix', id } });
    await until(one, remix, 'completed');
    expect(await call(two, 'DELETE', `${VIDEOS}/${id}`)).toMatchObject({ status: 200 });
    expect((await call(one, 'GET', `${VIDEOS}/${id}`)).status).toBe(404);
    expect(readdirSync(folder).some((name) => name.startsWith(id))).toBe(false);
    expect(server.jobs).toHaveLength(1);
    expect(server.posts).toBe(2);
  }, 60_000);

  it('play what workers saved to object storage', async () => {
    const s3 = playS3();
    const env = { ...S3_ENV, AWS_ENDPOINT_URL: await listenAsS3(s3) };
    const { replica, worker } = await createFleet(postgres, {}, { output: 's3://films/service/', env });
    const [one] = await Promise.all([replica(), worker()]);
    const id = await order(one);
    await until(one, id, 'completed');
    expect([...s3.objects.keys()]).toEqual([`films/service/${id}.mp4`]);
    const part = await one.call(`${VIDEOS}/${id}/content`, { headers: { 'x-api-key': KEY, range: 'bytes=4-7' } });
    expect([part.status, await part.text()]).toEqual([206, 'ftyp']);
    expect((await call(one, 'DELETE', `${VIDEOS}/${id}`)).status).toBe(200);
    expect(s3.objects.size).toBe(0);
  }, 60_000);

  it('complete an order without waiting for a thumbnail that the server does not have', async () => {
    const { replica, worker } = await createFleet(postgres, {
      content: ({ path }) =>
        path.includes('thumbnail') ? { status: 404, body: { error: { message: 'none' } } } : null,
    });
    const [one] = await Promise.all([replica(), worker()]);
    expect(await until(one, await order(one), 'completed')).toMatchObject({ thumbnailUrl: null });
  }, 60_000);

  it('share idempotency keys and one spending cap', async () => {
    const { server, replica, worker } = await createFleet(postgres);
    const [one, two] = await Promise.all([replica('--max-cost', '1'), replica('--max-cost', '1')]);
    const fields = { prompt: 'a kite', model: 'sora-2', duration: 4, resolution: '720p', maxCostUsd: 1 };
    const same = await Promise.all([one, two, one, two].map((at) => call(at, 'POST', VIDEOS, fields, 'kite')));
    expect(new Set(same.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
    const other = await call(two, 'POST', VIDEOS, { ...fields, prompt: 'a boat' }, 'kite');
    expect(other).toMatchObject({ status: 409, body: { error: { code: 'duplicate_request' } } });
    const more = await Promise.all(
      [one, two, one, two].map((at, take) => call(at, 'POST', VIDEOS, { ...fields, prompt: `take ${take}` })),
    );
    expect(more.map(({ status }) => status).sort()).toEqual([202, 402, 402, 402]);
    await worker();
    for (const { body } of [same[0], more.find(({ status }) => status === 202)].flatMap((reply) => reply ?? [])) {
      await until(two, body.id, 'completed');
    }
    expect(server.posts).toBe(2);
  }, 60_000);

  it('delete orders that are waiting or rendering', async () => {
    let isRendering = true;
    const { server, replica, worker } = await createFleet(postgres, {
      retrieve: (job) => (isRendering ? { body: { ...job, status: 'in_progress', progress: 40 } } : null),
    });
    const [one, two] = await Promise.all([replica(), replica()]);
    const waiting = await order(one);
    const metrics = await (await two.call('/metrics')).text();
    expect(Object.fromEntries(expectPrometheus(metrics))).toMatchObject({
      'sora_jobs{status="pending"}': 1,
      'sora_queue_tasks{state="waiting"}': 1,
      'sora_queue_workers{}': 0,
    });
    expect((await call(two, 'DELETE', `${VIDEOS}/${waiting}`)).status).toBe(200);
    const first = await worker();
    const rendering = await order(one, { prompt: 'a kite' });
    expect(await until(two, rendering, 'processing')).toMatchObject({ videoId: 'video_1' });
    expect((await call(two, 'DELETE', `${VIDEOS}/${rendering}`)).status).toBe(200);
    expect(server.jobs).toEqual([]);
    expect((await call(one, 'GET', VIDEOS)).body).toMatchObject({ total: 0 });
    isRendering = false;
    await until(two, await order(one, { prompt: 'a tree' }), 'completed');
    expect(server.posts).toBe(2);
    first.child.kill('SIGKILL');
  }, 60_000);

  it(
    'lose no order and pay for none twice when replicas and workers are killed',
    async () => {
      const looks = new Map<string, number>();
      const { server, folder, replica, worker } = await createFleet(postgres, {
        retrieve(job) {
          const look = (looks.get(job.id) ?? 0) + 1;
          looks.set(job.id, look);
          return look < 3 ? { body: { ...job, status: 'in_progress' } } : null;
        },
      });
      const replicas = await Promise.all([replica(), replica()]);
      const workers = await Promise.all([worker(), worker()]);
      const prompts = Array.from({ length: ORDERS }, (_, at) => `scene ${at}`);
      const ids: string[] = [];
      for (const [at, prompt] of prompts.entries()) {
        const side = Math.floor(at / 4) % 2;
        const send = (to: ServeRun | undefined) =>
          to && call(to, 'POST', VIDEOS, { prompt, duration: 4 }, `order-${at}`).catch(() => undefined);
        const sent = [send(replicas[side])];
        if (at % 4 === 3) {
          replicas[side]?.child.kill('SIGKILL'); // the client asks the other one
          sent.push(send(replicas[1 - side]));
          replicas[side] = await replica();
        }
        if (at % 4 === 1) {
          workers[side]?.child.kill('SIGKILL');
          workers[side] = await worker();
        }
        ids.push(String((await Promise.all(sent)).findLast((reply) => reply?.status === 202)?.body.id));
      }
      const jobs = await Promise.all(
        ids.map((id, at) => until(replicas[at % 2] as ServeRun, id, 'completed', 'failed')),
      );
      expect(jobs.map(({ prompt }) => prompt)).toEqual(prompts);
      // Killed just before it sends a create, a worker leaves the order in doubt: only a person may send it again.
      const completed = jobs.filter(({ error }) => (error as { code?: string } | null)?.code !== 'outcome_unknown');
      expect(completed.filter(({ status }) => status !== 'completed')).toEqual([]);
      expect(completed.length).toBeGreaterThanOrEqual(ORDERS / 2);
      expect(new Set(completed.map(({ videoId }) => videoId)).size).toBe(completed.length);
      expect(server.jobs.map(({ prompt }) => prompt).sort()).toEqual(completed.map(({ prompt }) => prompt).sort());
      for (const { id } of completed) expect(readFileSync(join(folder, `${id}.mp4`)).equals(CLIP)).toBe(true);
    },
    10_000 * ORDERS,
  );

  it('do not create a video again when a worker is killed before the reply', async () => {
    let isMute = true;
    const { server, replica, worker } = await createFleet(postgres, {
      create(accept) {
        const answer = accept();
        return isMute ? 'hang' : answer;
      },
    });
    const [one, first] = await Promise.all([replica(), worker()]);
    const id = await order(one, { model: 'sora-2' });
    await eventually(() => expect(server.posts).toBe(1));
    first.child.kill('SIGKILL');
    isMute = false;
    await worker();
    expect(await until(one, id, 'completed')).toMatchObject({ videoId: 'video_1' });
    expect(server.posts).toBe(1);
  }, 60_000);

  it('reveal nothing about the database to clients', async () => {
    const { ledger, replica } = await createFleet(postgres);
    const one = await replica();
    expect((await call(one, 'GET', `${VIDEOS}/a%00b`)).status).toBe(404);
    postgres.psql(ledger, 'DROP TABLE sora.service_order');
    const refused = await call(one, 'GET', VIDEOS);
    expect(refused).toMatchObject({ status: 503, body: { error: { code: 'ledger_unreachable' } } });
    expect(JSON.stringify(refused)).not.toMatch(/postgres|service_order/);
  }, 60_000);

  it('resume after the database crashes, and report meanwhile that they are not ready', async () => {
    let isRendering = true;
    const { server, replica, worker } = await createFleet(postgres, {
      retrieve: (job) => (isRendering ? { body: { ...job, status: 'in_progress' } } : null),
    });
    const [one] = await Promise.all([replica(), worker()]);
    const before = await order(one);
    await until(one, before, 'processing');
    await postgres.kill();
    const reply = await one.call('/readyz');
    expect([reply.status, await reply.json()]).toMatchObject([503, { reason: { code: 'ledger_unreachable' } }]);
    const metrics = await (await one.call('/metrics')).text();
    expect(expectPrometheus(metrics).get('sora_ready{}')).toBe(0);
    const ordered = order(one, { prompt: 'a kite' }); // waits for the database
    await postgres.start();
    isRendering = false;
    for (const id of [before, await ordered]) await until(one, id, 'completed');
    expect(server.posts).toBe(2);
  }, 60_000);

  it('get nothing from a worker that cannot reach their folder', async () => {
    const { server, folder, replica, worker } = await createFleet(postgres);
    const one = await replica();
    const id = await order(one);
    renameSync(folder, `${folder}-elsewhere`);
    const { code, stderr } = await (await worker()).ended;
    expect({ code, stderr, posts: server.posts }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('does not exist on this machine'),
      posts: 0,
    });
    renameSync(`${folder}-elsewhere`, folder);
    await worker();
    await until(one, id, 'completed');
  }, 60_000);

  it('fail a refused order, and say why', async () => {
    const { replica, worker } = await createFleet(postgres, {
      create: () => ({ status: 400, body: { error: { message: 'no boats' } } }),
    });
    const [one] = await Promise.all([replica(), worker()]);
    const id = await order(one);
    expect(await until(one, id, 'failed')).toMatchObject({
      error: { code: 'invalid_request', causedBy: expect.stringContaining('no boats') },
    });
    expect((await call(one, 'DELETE', `${VIDEOS}/${id}`)).status).toBe(200);
  }, 60_000);
});

describe('serve --queue', () => {
  const errorOf = async (argv: readonly string[], env = {}) =>
    JSON.parse(
      (await createBinary().start(['serve', '--json', '--port', '0', ...argv], env).ended).stderr
        .split('\n')
        .find((line) => line.includes('"error":{')) ?? '{}',
    ).error;

  it('needs a shared ledger and a server, and is needed for -o', async () => {
    const server = await startVideosServer();
    const env = { SORA_API_KEY: 'key-of-the-lab' };
    const target = ['--queue', '--base-url', server.url];
    const folder = createTemporaryFolder();
    expect(await errorOf([...target, '-o', folder], env)).toMatchObject({
      code: 'usage',
      hints: [expect.stringContaining('SORA_LEDGER')],
    });
    expect(await errorOf(['--queue'])).toMatchObject({ code: 'usage' });
    expect(await errorOf(['-o', folder])).toMatchObject({ code: 'usage' });
  });
});
