import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { type Bench, setUp } from '../support/set-up.ts';
import { startVideosServer, type VideosScript } from '../support/videos-server.ts';

const NOT_ALLOWED: ScriptedReply = { status: 405, body: { detail: 'Method Not Allowed' } };

/** A server with one job that goes through these statuses and then keeps the last one. */
async function setUpJob(statuses: string[], script: VideosScript = {}): Promise<Bench> {
  const bench = await setUp({
    retrieve(job) {
      const status = statuses.length > 1 ? statuses.shift() : statuses[0];
      return { body: { ...job, status } };
    },
    ...script,
  });
  await bench.create(['--detach']);
  return bench;
}

describe('sora cancel', () => {
  it('reports `deleted` when the job is gone, and records it', async () => {
    const { sora, run, server } = await setUpJob(['queued']);
    expect(await run('cancel', 'video_1')).toMatchObject({ code: 0, stdout: 'video_1\tdeleted\n', stderr: '' });
    expect(server.jobs).toEqual([]);
    expect((await sora.run(['status', '--json'])).json()).toMatchObject({ jobs: [{ status: 'cancelled' }] });
  });

  it('reports `aborted` when the server reports that the job stopped, in JSON too', async () => {
    const { run } = await setUpJob(['queued', 'cancelled'], { remove: () => ({ body: {} }) });
    expect((await run('cancel', '@last', '--json')).json()).toMatchObject({
      id: 'video_1',
      status: 'cancelled',
      outcome: 'aborted',
    });
  });

  it('reports that the job could not be cancelled and is still running', async () => {
    const { run, sora } = await setUpJob(['queued'], { remove: () => NOT_ALLOWED });
    const { code, stdout, stderr } = await run('cancel', 'video_1');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(sora.plain(stderr)).toMatchInlineSnapshot(`
      "error: could not cancel the job; it is still running
        caused by: HTTP 405: Method Not Allowed

      hint: run \`sora cancel video_1 --base-url http://127.0.0.1:PORT/v1 --wait\` to delete it as soon as it ends
      "
    `);
  });

  it.each<[number, string]>([
    [500, 'oh'],
    [429, 'slow down'],
  ])('suggests to try again when the server answers %i and the job is still running', async (status, body) => {
    const { run } = await setUpJob(['queued'], { remove: () => ({ status, body }) });
    const { error } = JSON.parse((await run('cancel', 'video_1', '--json')).stderr);
    const hints = ['run the same command again', expect.stringContaining('--wait')];
    expect(error).toMatchObject({ code: 'cannot_cancel', retryable: true, hints });
  });

  it('deletes the job as soon as it ends, with --wait', async () => {
    let refusals = 1;
    const { run, server } = await setUpJob(['queued', 'queued', 'in_progress', 'completed'], {
      remove: () => (refusals-- > 0 ? { status: 409, body: { error: { message: 'still running' } } } : null),
    });
    expect(await run('cancel', 'video_1', '--wait')).toMatchObject({ code: 0, stdout: 'video_1\tdeleted\n' });
    expect(server.jobs).toEqual([]);
  });

  it('waits no longer than --timeout', async () => {
    const { run } = await setUpJob(['queued'], { remove: () => NOT_ALLOWED });
    expect((await run('cancel', 'video_1', '--wait', '--timeout', '5s')).code).toBe(8);
  });

  it('still deletes a job that ends at the deadline', async () => {
    let refusals = 1;
    const clock = createFakeClock();
    const { run, create, server } = await setUp(
      {
        retrieve(job) {
          const isOver = clock.uptimeMs() >= 5_000;
          return { body: { ...job, status: isOver ? 'completed' : 'queued' } };
        },
        remove() {
          if (refusals-- > 0) return NOT_ALLOWED;
          clock.advance(1_000);
          return null;
        },
      },
      { clock },
    );
    await create(['--detach']);
    expect(await run('cancel', 'video_1', '--wait', '--timeout', '5s')).toMatchObject({ code: 0 });
    expect(server.jobs).toEqual([]);
  });

  it('asks the server to stop every job before it waits for any', async () => {
    const clock = createFakeClock();
    const refused = new Set<string>();
    let endsAtMs = Number.POSITIVE_INFINITY;
    const isOver = (): boolean => clock.now() >= endsAtMs;
    const script: VideosScript = {
      retrieve: (job) => ({ body: { ...job, status: isOver() ? 'completed' : 'queued' } }),
      remove(job) {
        if (isOver()) return null;
        if (refused.add(job.id).size === 2) endsAtMs = clock.now() + 60_000;
        return NOT_ALLOWED;
      },
    };
    const { run, create, server } = await setUp(script, { clock });
    for (const again of [[], ['--again']]) await create(['--detach', ...again]);
    const { code, stdout } = await run('cancel', 'video_1', 'video_2', '--wait');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'video_1\tdeleted\nvideo_2\tdeleted\n' });
    expect(server.jobs).toEqual([]);
  });

  it('waits no longer for several jobs than for one', async () => {
    const { run, create, sora } = await setUpJob(['queued'], { remove: () => NOT_ALLOWED });
    await create(['--detach', '--again']);
    const startedMs = sora.clock.now();
    expect((await run('cancel', 'video_1', 'video_2', '--wait', '--timeout', '10m')).code).toBe(8);
    expect(Math.round((sora.clock.now() - startedMs) / 60_000)).toBe(10);
  });

  it.each([
    ['earlier', ['completed']],
    ['meanwhile', ['queued', 'completed']],
  ])('refuses a job that ended %s, and suggests `delete`', async (_, statuses) => {
    const { run, server } = await setUpJob(statuses, { remove: () => NOT_ALLOWED });
    const { code, stderr } = await run('cancel', 'video_1', '--json');
    expect({ code, error: JSON.parse(stderr).error }).toMatchObject({
      code: 1,
      error: {
        code: 'already_finished',
        hints: [
          expect.stringContaining('sora download video_1 --base-url'),
          expect.stringContaining('sora delete video_1 --base-url'),
        ],
      },
    });
    expect(server.jobs).toHaveLength(1);
  });

  it('suggests a download only for a video that is not saved yet', async () => {
    const { run } = await setUpJob(['completed']);
    expect((await run('download', 'video_1')).code).toBe(0);
    expect((await run('cancel', 'video_1')).stderr).not.toContain('sora download');
  });

  it('suggests no download of a job that failed', async () => {
    const { run } = await setUpJob(['failed']);
    expect((await run('cancel', 'video_1')).stderr).not.toContain('sora download');
  });

  it('cancels all unfinished jobs with --all, and notes when there are none', async () => {
    const sora = createCommandLine();
    for (const prompt of ['one', 'two']) await sora.run(['create', prompt, '--simulate', '--detach']);
    const { jobs } = (await sora.run(['cancel', '--all', '--json'])).json<{ jobs: object[] }>();
    expect(jobs).toMatchObject([{ outcome: 'deleted' }, { outcome: 'deleted' }]);
    expect(await sora.run(['cancel', '--all'])).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'note: there are no unfinished jobs\n',
    });
  });

  it('notes with --all that a job has ended in the meantime, and succeeds', async () => {
    const { run } = await setUpJob(['completed']);
    const { code, stderr, json } = await run('cancel', '--all', '--json');
    const note = expect.stringMatching(/^video_1: the job has already finished; run `sora download video_1 /);
    expect({ code, stderr, answer: json() }).toEqual({ code: 0, stderr: '', answer: { jobs: [], notes: [note] } });
  });

  it.each([
    ['no id', [], 'name an id, or use `--all`'],
    ['ids and --all', ['video_1', '--all'], 'not both'],
    ['an invalid duration', ['--all', '--timeout', 'soon'], '`--timeout soon` is not a duration'],
  ])('is a usage error with %s', async (_, argv, words) => {
    const { code, stderr } = await createCommandLine().run(['cancel', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain(words);
  });
});

describe('@last', () => {
  it('stays the same job after it is cancelled', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'one', '--simulate', '-o', 'one.mp4']);
    sora.clock.advance(1_000);
    await sora.run(['create', 'two', '--simulate', '--detach']);
    expect((await sora.run(['cancel', '@last'])).code).toBe(0);
    expect((await sora.run(['status', '@last', '--json'])).json()).toMatchObject({
      prompt: 'two',
      status: 'cancelled',
    });
    expect((await sora.run(['delete', '@last', '--yes'])).code).not.toBe(0);
    const { jobs } = (await sora.run(['list', '--json'])).json<{ jobs: object[] }>();
    expect(jobs).toMatchObject([
      { prompt: 'two', status: 'cancelled' },
      { prompt: 'one', status: 'completed' },
    ]);
  });

  it('is never the job of a check of the server', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'one', '--simulate', '-o', 'one.mp4']);
    sora.clock.advance(1_000);
    expect((await sora.run(['doctor', '--simulate'])).code).toBe(0);
    expect((await sora.run(['status', '@last', '--json'])).json()).toMatchObject({ prompt: 'one' });
  });

  it('does not fall back to another video after the last one is deleted', async () => {
    const sora = createCommandLine();
    for (const name of ['one', 'two']) await sora.run(['create', name, '--simulate', '-o', `${name}.mp4`]);
    expect((await sora.run(['delete', '@last'])).code).toBe(0);
    const again = await sora.run(['delete', '@last']);
    expect(again.code).toBe(1);
    expect(again.stderr).toContain('this video was deleted from the server');
    expect((await sora.run(['list', '--json'])).json<{ jobs: object[] }>().jobs).toHaveLength(1);
  });
});

describe('jobs of another server', () => {
  it('are not looked up, cancelled or deleted on the server that the command line names', async () => {
    const { sora } = await setUpJob(['queued']);
    const id = (await sora.run(['create', 'a paper boat', '--simulate', '--detach'])).stdout.trim();
    const other = await startVideosServer({});
    other.jobs.push({ id, status: 'queued' });
    for (const argv of [
      ['status', id],
      ['cancel', id],
      ['delete', id, '--yes'],
      ['download', id],
    ]) {
      const { code, stderr } = await sora.run([...argv, '--base-url', other.url], { http: nodeHttp });
      expect({ argv, code }).toEqual({ argv, code: 2 });
      expect(stderr).toContain('this job belongs to');
    }
    for (const argv of [['cancel', '--all'], ['status'], ['status', '--watch'], ['cancel', '@last']])
      await sora.run([...argv, '--base-url', other.url], { http: nodeHttp });
    expect(other.requests.filter(({ method, path }) => method === 'DELETE' || path.includes(id))).toEqual([]);
    expect((await sora.run(['status', id, '--json'])).json()).toMatchObject({ status: 'queued' });
  });
});

describe('sora delete', () => {
  it('deletes finished videos from the server', async () => {
    const { run, server, sora } = await setUpJob(['completed']);
    expect(await run('delete', 'video_1', '--yes')).toMatchObject({
      code: 0,
      stdout: 'video_1\n',
      stderr: 'deleting video_1 ("a paper boat")\n',
    });
    expect(server.jobs).toEqual([]);
    expect((await sora.run(['list', '--local', '--json'])).json()).toMatchObject({ jobs: [] });
  });

  it('refuses an unfinished job', async () => {
    const { run, server } = await setUpJob(['in_progress']);
    const { code, stderr } = await run('delete', 'video_1');
    expect(code).toBe(1);
    expect(stderr).toContain(`hint: run \`sora cancel video_1 --base-url ${server.url}\` to stop it`);
    expect(server.jobs).toHaveLength(1);
  });

  it('reports an error when the server kept the video', async () => {
    const { run } = await setUpJob(['completed'], { remove: () => ({ body: { deleted: false } }) });
    const { code, stderr } = await run('delete', 'video_1', '--yes', '--json');
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'not_supported' });
  });

  it('needs --yes to delete the only copy of a video', async () => {
    const { run, server } = await setUpJob(['completed']);
    const { code, stderr } = await run('delete', 'video_1');
    expect(code).toBe(2);
    expect(stderr).toContain('there is no copy of video_1 ("a paper boat") on this disk');
    expect(stderr).toContain('add `--yes`');
    expect(server.jobs).toHaveLength(1);
  });

  it('deletes nothing without a terminal when one of several needs --yes', async () => {
    const { run, server } = await setUpJob(['completed']);
    await run('create', 'a paper boat', '--again', '-o', 'boat.mp4', '--yes');
    const before = server.jobs.length;
    expect(await run('delete', '@last', 'video_1')).toMatchObject({ code: 2, stdout: '' });
    expect(server.jobs).toHaveLength(before);
  });

  it('needs no --yes when the video is saved', async () => {
    const { run, server } = await setUpJob(['completed']);
    await run('create', 'a paper boat', '--again', '-o', 'boat.mp4', '--yes');
    const before = server.jobs.length;
    expect(await run('delete', '@last')).toMatchObject({ code: 0 });
    expect(server.jobs).toHaveLength(before - 1);
  });

  it('deletes what it can and reports the rest', async () => {
    const { run } = await setUpJob(['completed']);
    const { code, stdout, stderr } = await run('delete', 'video_nope', 'video_1', '--yes');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'video_1\n' });
    expect(stderr).toContain('error: no such video');
  });
});
