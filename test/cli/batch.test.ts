import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Binary, type BinaryRun, createBinary } from '../support/binary.ts';
import type { ReceivedRequest, ScriptedReply } from '../support/scripted-server.ts';
import { CLIP, clipReply, startVideosServer, type VideosServer } from '../support/videos-server.ts';

const ROWS = 16;
const CONCURRENCY = 2;

function prepare(sora: Binary, rows = ROWS): void {
  const lines = Array.from({ length: rows }, (_, at) => JSON.stringify({ id: `shot-${at}`, prompt: `scene ${at}` }));
  writeFileSync(join(sora.cwd, 'shots.jsonl'), lines.join('\n'));
}

function start(sora: Binary, { url }: VideosServer): BinaryRun {
  const argv = ['batch', 'shots.jsonl', '--base-url', url, '-y', '--concurrency', String(CONCURRENCY)];
  return sora.start([...argv, '-o', 'clips'], { SORA_API_KEY: 'sk-batch-0123456789' });
}

/** The prompts of all jobs on the server. */
const paid = ({ jobs }: VideosServer): unknown[] => jobs.map(({ prompt }) => prompt).sort();
const scenes = (rows = ROWS): string[] => Array.from({ length: rows }, (_, at) => `scene ${at}`).sort();
const saved = ({ cwd }: Binary): number[] =>
  readdirSync(join(cwd, 'clips')).map((name) => readFileSync(join(cwd, 'clips', name)).length);

describe('a batch killed with SIGKILL', () => {
  it('resumes with one job per row and one complete file per job', async () => {
    type Moment = 'create' | 'retrieve' | 'content';
    let moment: Moment | null = null;
    let waiting = 0;
    let kill = (): void => {};
    /** From that moment the server stops answering; once `atOnce` calls are open, the program is killed. */
    const silence = (now: Moment, atOnce: number, reply: ScriptedReply): ScriptedReply | null => {
      if (moment !== now) return null;
      if (++waiting === atOnce) kill();
      return reply;
    };
    const cut = (request: ReceivedRequest): ScriptedReply => {
      const whole = clipReply(request);
      return typeof whole === 'string'
        ? whole
        : { ...whole, body: CLIP.subarray(0, CLIP.length / 2), afterwards: 'hang' };
    };
    const server = await startVideosServer({
      create(accept) {
        const answer = accept();
        return silence('create', CONCURRENCY, 'hang') ?? answer;
      },
      retrieve: () => silence('retrieve', CONCURRENCY, 'hang'),
      content: (request) => silence('content', 2 * CONCURRENCY, cut(request)),
    });
    const sora = createBinary();
    prepare(sora);

    for (const next of ['create', 'content', 'retrieve'] as const) {
      const run = start(sora, server);
      kill = () => run.child.kill('SIGKILL');
      [moment, waiting] = [next, 0];
      expect(await once(run.child, 'exit')).toEqual([null, 'SIGKILL']);
    }
    moment = null;
    const last = await start(sora, server).ended;

    expect(last).toMatchObject({ code: 0, stderr: expect.stringContaining(`${ROWS} rows: ${ROWS} done`) });
    expect(paid(server)).toEqual(scenes());
    expect(saved(sora)).toEqual(Array(ROWS).fill(CLIP.length));
  });

  it('resumes a chain of rows, and pays for each row once', async () => {
    type Moment = readonly [job: string, call: 'create' | 'retrieve' | 'content'];
    let moment: Moment | null = null;
    let kill = (): void => {};
    const silence = (job: string, call: Moment[1]): ScriptedReply | null => {
      if (moment?.[0] !== job || moment[1] !== call) return null;
      kill();
      return 'hang';
    };
    const server = await startVideosServer({
      create(accept) {
        const answer = accept();
        return silence(`video_${server.jobs.length}`, 'create') ?? answer;
      },
      retrieve: ({ id }) => silence(id, 'retrieve'),
      content: ({ path }) => silence(path.split('/').at(-2) ?? '', 'content'),
    });
    const sora = createBinary();
    const chain = [
      { id: 'a', prompt: 'a boat' },
      { id: 'b', remix: 'a', prompt: 'at night' },
      { id: 'c', extend: 'b', prompt: 'it sails on' },
    ];
    writeFileSync(join(sora.cwd, 'shots.jsonl'), chain.map((row) => JSON.stringify(row)).join('\n'));
    for (const next of [
      ['video_1', 'content'],
      ['video_2', 'create'],
      ['video_2', 'content'],
      ['video_3', 'retrieve'],
    ] as const) {
      const run = start(sora, server);
      kill = () => run.child.kill('SIGKILL');
      moment = next;
      expect(await once(run.child, 'exit')).toEqual([null, 'SIGKILL']);
    }
    moment = null;
    expect(await start(sora, server).ended).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('3 rows: 3 done'),
    });
    expect(server.jobs).toMatchObject(chain.map(({ prompt }) => ({ prompt })));
    expect(server.jobs[2]).toMatchObject({ video: { id: 'video_2' } });
    expect(saved(sora)).toEqual(Array(3).fill(CLIP.length));
  });
});

describe('two runs of one manifest at once', () => {
  it('share the work: no row is submitted twice, and both runs report all rows', async () => {
    const server = await startVideosServer();
    const sora = createBinary();
    prepare(sora);
    const runs = [start(sora, server), start(sora, server)];
    const ends = await Promise.all(runs.map(({ ended }) => ended));
    expect(ends.map(({ code, stdout }) => [code, stdout.trim().split('\n').length])).toEqual([
      [0, ROWS],
      [0, ROWS],
    ]);
    expect(paid(server)).toEqual(scenes());
    expect(saved(sora)).toEqual(Array(ROWS).fill(CLIP.length));
    const results = readFileSync(join(sora.cwd, 'shots.jsonl.results.jsonl'), 'utf8').trim().split('\n');
    expect(results.map((line) => JSON.parse(line).outcome)).toEqual(Array(ROWS).fill('done'));
  });
});
