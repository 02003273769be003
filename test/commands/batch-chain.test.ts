import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStudio, failedReply, linesOf, resultsIn, type Studio, summaryOf } from '../support/batch-studio.ts';
import { createCommandLine } from '../support/command-line.ts';
import type { VideosScript } from '../support/videos-server.ts';

const CHAIN = [
  { id: 'boat', prompt: 'a boat', duration: 8 },
  { id: 'night', remix: 'boat', prompt: 'at night' },
  { id: 'longer', extend: 'night', prompt: 'it sails on', duration: 12 },
];

const linesFor = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function chainStudio(rows: readonly object[] = CHAIN, script: VideosScript = {}): Promise<Studio> {
  const studio = await createStudio(script);
  writeFileSync(join(studio.sora.cwd, 'shots.jsonl'), linesFor(rows));
  return studio;
}

const run = ({ batch }: Studio, ...argv: string[]) => batch(['shots.jsonl', ...argv]);

const postsOf = ({ server }: Studio): [string, unknown][] =>
  server.requests
    .filter(({ method }) => method === 'POST')
    .map(({ path, body }) => [path, JSON.parse(body.toString()).prompt]);

const outcomes = (of: Awaited<ReturnType<typeof run>>): unknown[] =>
  linesOf(of)
    .filter(({ row }) => row)
    .map(({ row, outcome }) => `${row} ${outcome}`)
    .sort();

describe('rows that start from other rows', () => {
  it('are created after their sources, whatever their order, and name them', async () => {
    const studio = await chainStudio(CHAIN.toReversed());
    const made = await run(studio, '--json');
    expect(outcomes(made)).toEqual(['boat done', 'longer done', 'night done']);
    expect(postsOf(studio)).toEqual([
      ['/v1/videos', 'a boat'],
      ['/v1/videos/video_1/remix', 'at night'],
      ['/v1/videos/extensions', 'it sails on'],
    ]);
    expect(linesOf(made).find(({ row }) => row === 'longer')).toMatchObject({ remixed_from: 'video_2' });
    // 8 s, the same 8 s again, and the 12 s that are added.
    expect(summaryOf(made)).toMatchObject({ cost: { spent_usd: 2.8 } });
  });

  it('are not created again by the next run', async () => {
    const studio = await chainStudio();
    await run(studio);
    const calls = studio.server.requests.length;
    expect(outcomes(await run(studio, '--json'))).toEqual(['boat done', 'longer done', 'night done']);
    expect(studio.server.requests).toHaveLength(calls);
  });

  it('are priced with the whole chain before anything is sent', async () => {
    const studio = await chainStudio();
    const dry = await run(studio, '--dry-run', '--json');
    expect(dry.json()).toMatchObject({
      rows: [
        { row: 'boat', seconds: 8, cost: { estimated_usd: 0.8 } },
        { row: 'night', seconds: 8, model: 'sora-2', size: '1280x720', cost: { estimated_usd: 0.8 } },
        { row: 'longer', seconds: 20, cost: { estimated_usd: 1.2 } },
      ],
      summary: { to_do: 3, cost: { to_spend_usd: 2.8 } },
    });
    const refused = await run(studio, '--max-cost', '2.79');
    expect({ code: refused.code, calls: studio.server.requests.length }).toEqual({ code: 7, calls: 0 });
    const priced = await studio.sora.run(['cost', '--batch', 'shots.jsonl', '--json', '-m', 'sora-2', '-r', '720p']);
    expect(priced.json()).toMatchObject({ videos: 3, cost: { estimated_usd: 2.8 } });
  });

  it('are not paid for when their source fails, and are created with it by --retry-failed', async () => {
    let isBroken = true;
    const studio = await chainStudio(CHAIN, {
      retrieve: (job) => (isBroken && job.id === 'video_1' ? failedReply(job, 'processing_error') : null),
    });
    const failed = await run(studio, '--json');
    expect({ code: failed.code, outcomes: outcomes(failed), posts: studio.server.posts }).toEqual({
      code: 6,
      outcomes: ['boat failed', 'longer failed', 'night failed'],
      posts: 1,
    });
    expect(linesOf(failed).find(({ row }) => row === 'longer')?.error).toMatchObject({
      message: 'not created: the row `night` that it starts from failed',
    });
    const again = await run(studio, '--json');
    expect({ code: again.code, posts: studio.server.posts }).toEqual({ code: 6, posts: 1 });
    expect(resultsIn(studio.sora, 'shots.jsonl').map(({ outcome }) => outcome)).toEqual(Array(3).fill('failed'));
    isBroken = false;
    const retried = await run(studio, '--retry-failed', '--json');
    expect(outcomes(retried)).toEqual(['boat done', 'longer done', 'night done']);
    expect(
      postsOf(studio)
        .slice(1)
        .map(([path]) => path),
    ).toEqual(['/v1/videos', '/v1/videos/video_2/remix', '/v1/videos/extensions']);
  });

  it('are created again when their source row changes', async () => {
    const studio = await chainStudio();
    await run(studio);
    const [boat, ...others] = CHAIN;
    writeFileSync(join(studio.sora.cwd, 'shots.jsonl'), linesFor([{ ...boat, prompt: 'a ship' }, ...others]));
    const again = await run(studio, '--json');
    expect(again.code).toBe(0);
    expect(postsOf(studio).slice(3)).toEqual([
      ['/v1/videos', 'a ship'],
      ['/v1/videos/video_4/remix', 'at night'],
      ['/v1/videos/extensions', 'it sails on'],
    ]);
  });

  it('do not block other rows', async () => {
    const waiting = Array.from({ length: 8 }, (_, at) => ({ id: `r${at}`, remix: 'boat', prompt: `take ${at}` }));
    const order: string[] = [];
    const studio = await chainStudio([...waiting, { id: 'boat', prompt: 'a boat' }, { id: 'cat', prompt: 'a cat' }], {
      create(accept, { path }) {
        order.push(path);
        return accept();
      },
    });
    expect((await run(studio, '--concurrency', '1')).code).toBe(0);
    expect(order.sort()).toEqual(['/v1/videos', '/v1/videos', ...Array(8).fill('/v1/videos/video_1/remix')]);
  });

  it('take the prompt of their source when an extension has none', async () => {
    const studio = await chainStudio([
      { id: 'boat', prompt: 'a boat' },
      { id: 'more', extend: 'boat' },
      { extend: 'more' },
    ]);
    expect((await run(studio)).code).toBe(0);
    expect(postsOf(studio).map(([, prompt]) => prompt)).toEqual(['a boat', 'a boat', 'a boat']);
  });
});

describe('rows that start from existing videos', () => {
  it('accept ids, endings of ids and files', async () => {
    const studio = await chainStudio([{ prompt: 'a boat', id: 'boat', output: 'boat.mp4', duration: 8 }]);
    await run(studio);
    writeFileSync(
      join(studio.sora.cwd, 'shots.jsonl'),
      linesFor([
        { remix: 'video_1', prompt: 'at night', count: 2 },
        { edit: 'boat.mp4', prompt: 'in snow' },
        { extend: 'video_1' },
      ]),
    );
    const made = await run(studio, '--json');
    expect(made.code).toBe(0);
    expect(summaryOf(made)).toMatchObject({ rows: 4, done: 4 });
    const paths = studio.server.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
    expect(paths.slice(1).sort()).toEqual([
      '/v1/videos/edits',
      '/v1/videos/extensions',
      '/v1/videos/video_1/remix',
      '/v1/videos/video_1/remix',
    ]);
    const calls = studio.server.requests.length;
    studio.server.jobs.length = 0; // the sources are gone, but nothing is left to do
    expect((await run(studio)).code).toBe(0);
    expect(studio.server.requests).toHaveLength(calls);
  });

  it('look up an unknown source on the server, once for all rows', async () => {
    const studio = await chainStudio([
      { remix: 'video_7', prompt: 'at night' },
      { extend: 'video_7', duration: 4 },
    ]);
    studio.server.jobs.push({
      id: 'video_7',
      status: 'completed',
      model: 'sora-2',
      seconds: '8',
      size: '720x1280',
      prompt: 'a ship',
    });
    const made = await run(studio, '--json');
    expect({ code: made.code, cost: summaryOf(made).cost }).toMatchObject({ code: 0, cost: { spent_usd: 1.2 } });
    expect(
      postsOf(studio)
        .map(([, prompt]) => prompt)
        .sort(),
    ).toEqual(['a ship', 'at night']);
    expect(
      studio.server.requests.filter(({ path, method }) => method === 'GET' && path === '/v1/videos/video_7'),
    ).toHaveLength(1);
  });
});

describe('rows with an invalid source', () => {
  it('are all reported together, before anything is paid', async () => {
    const studio = await chainStudio(
      [
        { id: 'a', extend: 'c', prompt: 'x' },
        { id: 'b', extend: 'a', prompt: 'x' },
        { id: 'c', extend: 'b', prompt: 'x' },
        { id: 'self', remix: 'self', prompt: 'x' },
        { remix: 'video_9', prompt: 'x' },
        { id: 'three', prompt: 'three boats', count: 3 },
        { edit: 'three', prompt: 'x' },
        { remix: 'three', edit: 'three', prompt: 'x' },
        { remix: 'busy_1', prompt: 'x', size: '1280x720' },
        { remix: 'video_1', prompt: 'x', duration: 8 },
        { edit: 'video_1' },
        { edit: '../outside.mp4', prompt: 'x' },
        { edit: 'notes.txt', prompt: 'x' },
        { remix: '@last', prompt: 'x' },
        { id: 'double', prompt: 'x' },
        { id: 'double', prompt: 'again' },
      ],
      { retrieve: (job) => (job.id === 'busy_1' ? { body: { ...job, status: 'in_progress' } } : null) },
    );
    writeFileSync(join(studio.sora.cwd, 'notes.txt'), 'no video');
    const refused = await run(studio, '--json');
    const { code, violations } = JSON.parse(refused.stderr).error;
    expect({ exit: refused.code, code, posts: studio.server.posts }).toEqual({
      exit: 2,
      code: 'invalid_manifest',
      posts: 0,
    });
    expect(violations).toMatchInlineSnapshot(`
      [
        "line 1: rows that start from each other: \`a\` → \`c\` → \`b\` → \`a\`",
        "line 4: rows that start from each other: \`self\` → \`self\`",
        "line 7: \`edit: three\`: line 6 makes 3 videos, so no row can start from it",
        "line 8: a row has only one of \`remix\`, \`edit\` and \`extend\`",
        "line 8: \`remix: three\`: line 6 makes 3 videos, so no row can start from it",
        "line 9: \`size\` cannot be set with \`remix\`: the source determines it",
        "line 10: \`duration\` cannot be set with \`remix\`: the source determines it",
        "line 11: the row has no \`prompt\`",
        "line 12: the video \`../outside.mp4\` is outside the manifest's folder (\`--allow-paths\` lifts this)",
        "line 13: notes.txt is not a video file",
        "line 14: \`remix: @last\`: write its id: \`@last\` is another video in the next run",
        "line 16: the id \`double\` is already used in line 15",
      ]
    `);
  });

  it('are reported when the server has no such finished video', async () => {
    const studio = await chainStudio(
      [
        { remix: 'video_9', prompt: 'x' },
        { remix: 'busy_1', prompt: 'x' },
        { extend: 'failed_1', prompt: 'x' },
      ],
      {
        retrieve: (job) => {
          if (job.id === 'busy_1') return { body: { ...job, status: 'in_progress' } };
          return job.id === 'failed_1' ? failedReply(job, 'processing_error') : null;
        },
      },
    );
    studio.server.jobs.push({ id: 'busy_1', status: 'queued' }, { id: 'failed_1', status: 'queued' });
    const refused = await run(studio, '--json');
    expect({ exit: refused.code, posts: studio.server.posts }).toEqual({ exit: 2, posts: 0 });
    expect(JSON.parse(refused.stderr).error.violations).toMatchInlineSnapshot(`
      [
        "line 1: \`remix: video_9\`: no such video",
        "line 2: busy_1 is not finished yet, so there is no video to remix",
        "line 3: failed_1 has no video to extend: the job failed",
      ]
    `);
  });

  it('are refused when the server lacks the operation', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.jsonl'), linesFor(CHAIN));
    const refused = await sora.run(['batch', 'shots.jsonl', '--simulate', '--dialect', 'generations', '--json']);
    expect(JSON.parse(refused.stderr).error).toMatchObject({
      code: 'invalid_manifest',
      violations: [
        'line 2: the dialect `generations` has no remixes',
        'line 3: the dialect `generations` has no extensions',
      ],
    });
  });

  it('are refused beyond the maximum length of an extended video', async () => {
    const steps = Array.from({ length: 6 }, (_, at) => ({ id: `s${at + 1}`, extend: `s${at}`, duration: 20 }));
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'shots.jsonl'), linesFor([{ id: 's0', prompt: 'a boat', duration: 20 }, ...steps]));
    const refused = await sora.run(['batch', 'shots.jsonl', '--simulate', '--json']);
    expect(JSON.parse(refused.stderr).error.violations).toEqual([
      'line 7: the extended video would have 140 seconds; sora-2 extends a video to at most 120',
    ]);
  });
});
