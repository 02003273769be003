import { existsSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interrupt } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { createTeam, type Team } from '../support/team.ts';
import { CLIP } from '../support/videos-server.ts';

const CHAIN = [
  { id: 'longer', extend: 'night', prompt: 'it sails on' },
  { id: 'night', remix: 'boat', prompt: 'at night' },
  { id: 'boat', prompt: 'a boat' },
];

describe.skipIf(POSTGRES_BIN === undefined)(`queued rows that depend on other rows or files${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  const drain = (team: Team, machine: number) =>
    team.run(machine, ['worker', '--drain', '--json', '--concurrency', '2']);
  const postsOf = ({ server }: Team): string[] =>
    server.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
  const queueOf = async (team: Team): Promise<Record<string, unknown>> => {
    const { queues } = (await team.run(0, ['queue', '--json'])).json<{ queues: Record<string, unknown>[] }>();
    return queues[0] ?? {};
  };

  it('are created in order by any workers', async () => {
    const team = await createTeam(postgres);
    await team.queue(CHAIN, '--detach');
    expect(await queueOf(team)).toMatchObject({ waiting: 1, blocked: 2, delayed: 0 });
    await Promise.all([drain(team, 1), drain(team, 2)]);
    expect(postsOf(team)).toEqual(['/v1/videos', '/v1/videos/video_1/remix', '/v1/videos/extensions']);
    expect(await queueOf(team)).toMatchObject({ waiting: 0, blocked: 0, failed: 0 });
    const again = await team.queue(CHAIN);
    expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('3 rows: 3 done') });
    expect(team.server.posts).toBe(3);
  });

  it('wait while the row before them has failed, and are created after a retry', async () => {
    let isRefusing = true;
    const team = await createTeam(postgres, {
      create: () => (isRefusing ? { status: 400, body: { error: { message: 'bad size' } } } : null),
    });
    let worker: Promise<unknown> | undefined;
    const manifest = ['batch', join(team.folder, 'shots.jsonl'), '-o', join(team.folder, 'clips'), '-y', '--queue'];
    await team.queue(CHAIN, '--detach');
    const followed = await team.run(0, manifest, {
      onOutput: (text) => {
        if (text.includes('no worker takes')) worker ??= drain(team, 1);
      },
    });
    await worker;
    expect(followed).toMatchObject({ code: 6, stderr: expect.stringContaining('3 rows: 3 failed') });
    expect(await queueOf(team)).toMatchObject({ waiting: 0, blocked: 2, failed: 1 });
    isRefusing = false;
    await team.run(0, ['queue', 'retry', '--all']);
    await drain(team, 2);
    expect(await queueOf(team)).toMatchObject({ waiting: 0, blocked: 0, failed: 0 });
    expect(postsOf(team)).toEqual(['/v1/videos', '/v1/videos', '/v1/videos/video_1/remix', '/v1/videos/extensions']);
  });

  it('are paid once when a worker stops in the middle of a chain', async () => {
    const stop = new AbortController();
    let isSlow = true;
    const team = await createTeam(postgres, {
      retrieve: (job) => {
        if (job.id === 'video_2' && isSlow) stop.abort(new Interrupt('SIGTERM'));
        return job.id === 'video_2' && isSlow ? { body: { ...job, status: 'in_progress' } } : null;
      },
    });
    await team.queue(CHAIN, '--detach');
    const stopped = await team.run(1, ['worker', '--json'], { interrupt: stop.signal });
    expect(stopped.json()).toMatchObject({ done: 1, put_back: 1 });
    expect(await queueOf(team)).toMatchObject({ waiting: 1, blocked: 1 });
    isSlow = false;
    await drain(team, 2);
    expect(postsOf(team)).toEqual(['/v1/videos', '/v1/videos/video_1/remix', '/v1/videos/extensions']);
  });

  it('use the files of the machine that queued them, on any worker', async () => {
    const team = await createTeam(postgres);
    const frame = createPngHeader(1280, 720);
    const files = { 'first.png': frame, 'end.png': createPngHeader(720, 1280), 'walk.mp4': CLIP };
    for (const [name, bytes] of Object.entries(files)) writeFileSync(join(team.folder, name), bytes);
    const fields = ['request.last_frame_field=last_frame', 'request.reference_field=refs'].flatMap((each) => [
      '--set',
      each,
    ]);
    for (const machine of [0, 1]) {
      const profile = ['lab', '--base-url', team.server.url, '--use', ...fields];
      await team.run(machine, ['config', 'profile', 'add', ...profile], { env: {} });
    }
    const env = { SORA_LEDGER: team.ledger, SORA_API_KEY: 'key-of-the-lab' };
    const rows = [
      { prompt: 'one', image: 'first.png', size: '1280x720', last_frame: 'first.png' },
      { prompt: 'two', image: 'first.png', size: '1280x720', reference: ['end.png', 'https://lab.example/s.png'] },
      { prompt: 'three', edit: 'walk.mp4' },
    ];
    const shots = join(team.folder, 'shots.jsonl');
    writeFileSync(shots, rows.map((row) => JSON.stringify(row)).join('\n'));
    const argv = ['batch', shots, '-o', join(team.folder, 'clips'), '-y', '--queue', '--detach'];
    expect(await team.run(0, argv, { env })).toMatchObject({ code: 0 });
    expect(postgres.psql(team.ledger, 'SELECT count(*) FROM sora.file')).toBe('3');
    const stored = postgres.psql(team.ledger, "SELECT string_agg(data::text, ' ') FROM sora_queue.job");
    for (const name of Object.keys(files)) {
      expect(stored).not.toContain(join(team.folder, name));
      rmSync(join(team.folder, name));
    }
    const worker = await team.run(1, ['worker', '--drain', '--json', '--profile', 'lab'], { env });
    expect(worker.json()).toMatchObject({ done: 3, failed: 0 });
    const sent = team.server.requests.filter(({ method }) => method === 'POST').map(({ body }) => body);
    const countIn = (part: Uint8Array): number =>
      sent.filter((body) => body.includes(Buffer.from(part)) || body.includes(Buffer.from(part).toString('base64')))
        .length;
    expect([countIn(frame), countIn(files['end.png']), countIn(CLIP)]).toEqual([2, 1, 1]);
    expect(postgres.psql(team.ledger, 'SELECT count(*) FROM sora.file_use')).toBe('0');
  });

  it('are not sent when a file is damaged in the database', async () => {
    const team = await createTeam(postgres);
    writeFileSync(join(team.folder, 'walk.mp4'), CLIP);
    const rows = [{ id: 'snow', prompt: 'in snow', edit: 'walk.mp4' }];
    await team.queue(rows, '--detach');
    postgres.psql(team.ledger, "UPDATE sora.file SET bytes = 'other'");
    renameSync(join(team.folder, 'walk.mp4'), join(team.folder, 'away.mp4'));
    expect((await drain(team, 1)).json()).toMatchObject({ done: 0, failed: 1 });
    const { failed } = (await team.run(0, ['queue', 'failed', '--json'])).json() as { failed: object[] };
    expect(failed).toMatchObject([{ error: expect.stringContaining('damaged in the database') }]);
    expect({ posts: team.server.posts, saved: existsSync(join(team.folder, 'clips')) }).toEqual({
      posts: 0,
      saved: false,
    });
  });
});
