import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import type { InterruptName } from '../../src/platform/host.ts';
import { createCommandLine, Interrupt } from '../support/command-line.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { type Bench, setUp } from '../support/set-up.ts';
import { CLIP, type VideosScript } from '../support/videos-server.ts';

/** A server with two finished videos that the ledger does not know. */
async function setUpVideos(script: VideosScript = {}): Promise<Bench> {
  const bench = await setUp(script);
  for (const id of ['video_1', 'video_2']) bench.server.jobs.push({ id, status: 'completed', prompt: `boat of ${id}` });
  return bench;
}

describe('sora download', () => {
  it('saves videos under default names and prints their paths', async () => {
    const { sora, run } = await setUpVideos();
    const { code, stdout } = await run('download', 'video_1', 'video_2');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'boat-of-video-1-1.mp4\nboat-of-video-2-2.mp4\n' });
    expect(readdirSync(sora.cwd).sort()).toEqual(stdout.trim().split('\n'));
  });

  it.each([
    ['clip.mp4', 'clip.mp4'],
    ['.', 'boat-of-video-1-1.mp4'],
  ])('saves to `-o %s`', async (output, path) => {
    const { sora, run } = await setUpVideos();
    expect((await run('download', 'video_1', '-o', output)).stdout).toBe(`${path}\n`);
    expect(readFileSync(join(sora.cwd, path))).toEqual(CLIP);
  });

  it('writes only the video to standard output with `-o -`', async () => {
    const { sora, run } = await setUpVideos();
    const { code, stdout } = await run('download', 'video_1', '-o', '-');
    expect({ code, isWhole: stdout === CLIP.toString() }).toEqual({ code: 0, isWhole: true });
    expect(readdirSync(sora.cwd)).toEqual([]);
  });

  it('writes no video to a terminal', async () => {
    const { runWith } = await setUpVideos();
    const { code, stderr } = await runWith({ stdoutIsTerminal: true }, 'download', 'video_1', '-o', '-');
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('standard output is a terminal') });
  });

  it('reports the saved files in JSON', async () => {
    const { sora, run } = await setUpVideos();
    const { files } = (await run('download', 'video_1', '--json')).json<{ files: object[] }>();
    expect(files).toEqual([
      {
        variant: 'video',
        path: join(sora.cwd, 'boat-of-video-1-1.mp4'),
        bytes: CLIP.length,
        sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    ]);
  });

  it('reports a list in JSON for several ids, even if only one can be saved', async () => {
    const { run } = await setUpVideos();
    const { code, stdout } = await run('download', 'video_1', 'video_nope', '--json');
    expect({ code, ...JSON.parse(stdout) }).toMatchObject({ code: 1, jobs: [{ id: 'video_1' }] });
  });

  it('saves each variant with its own extension', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a boat', '--simulate', '--detach']);
    sora.clock.advance(5_000);
    const variants = ['video', 'thumbnail', 'spritesheet'].flatMap((variant) => ['--variant', variant]);
    const { stdout } = await sora.run(['download', '@last', '-o', 'boat.mp4', ...variants]);
    const names = stdout.trim().split('\n');
    expect(names).toEqual(['boat.mp4', 'boat.webp', 'boat.jpg']);
    expect(names.map((name) => sniffMedia(readFileSync(join(sora.cwd, name))))).toEqual(['mp4', 'webp', 'jpg']);
  });

  it.each([
    ['status', 'job', 'retrieve'],
    ['download', 'job', 'retrieve'],
    ['download', 'file', 'content'],
  ] as const)('as `%s` stops at `--timeout` when the server never sends the %s', async (command, _, call) => {
    const bench: Bench = await setUpVideos({
      [call]: () => {
        setImmediate(() => bench.sora.clock.advance(3_000));
        return 'hang';
      },
    });
    const { code, stderr } = await bench.run(command, 'video_1', '--timeout', '2s', '--json');
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 8, error: 'wait_timeout' });
  });

  it('saves the video first, so that a missing thumbnail does not use up its time', async () => {
    const { sora, run, server } = await setUpVideos({
      content: ({ path }) => (path.includes('thumbnail') ? { status: 404, body: '{}' } : null),
    });
    const variants = ['--variant', 'thumbnail', '--variant', 'video'];
    expect((await run('download', 'video_1', ...variants)).stdout).toBe('boat-of-video-1-1.mp4\n');
    expect(readdirSync(sora.cwd)).toEqual(['boat-of-video-1-1.mp4']);
    const [first] = server.requests.filter(({ path }) => path.includes('/content'));
    expect(first?.path).not.toContain('thumbnail');
  });

  it.each([
    ['a default name', []],
    ['a requested name', ['-o', 'boat-of-video-1-1.mp4']],
  ])('never overwrites a file with %s, except with --force', async (_, argv) => {
    const { sora, run } = await setUpVideos();
    const path = join(sora.cwd, 'boat-of-video-1-1.mp4');
    writeFileSync(path, 'precious');
    const { code, stderr } = await run('download', 'video_1', '--json', ...argv);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 2, error: 'file_exists' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect((await run('download', 'video_1', '--force', ...argv)).code).toBe(0);
    expect(readFileSync(path)).toEqual(CLIP);
  });

  it('reports a file that is already saved, and makes no call', async () => {
    const { run, server, sora } = await setUpVideos();
    const { stdout } = await run('create', 'a boat');
    const asked = server.requests.length;
    for (const argv of [['@last'], ['@last', '-o', stdout.trim()]]) {
      const again = await run('download', ...argv);
      expect(again).toMatchObject({ code: 0, stdout });
      expect(again.stderr).toContain('already saved (`--force` downloads it again)');
    }
    expect(server.requests).toHaveLength(asked);
    writeFileSync(join(sora.cwd, stdout.trim()), 'another file');
    expect((await run('download', '@last')).code).toBe(2);
  });

  it('writes through a pipe, which does not count as a saved file', async () => {
    const { run, sora } = await setUpVideos();
    const pipe = join(sora.cwd, 'pipe.mp4');
    execFileSync('mkfifo', [pipe]);
    const [bytes, { code, stdout }] = await Promise.all([
      readFile(pipe),
      run('create', 'a boat', '-o', 'pipe.mp4', '--force'),
    ]);
    expect({ code, stdout, bytes }).toEqual({ code: 0, stdout: '', bytes: CLIP });
    const { files } = (await run('status', '@last', '--json')).json<{ files: unknown[] }>();
    expect(files).toEqual([]);
  });

  it.each<[string, string, number, string]>([
    ['queued', 'content_not_ready', 1, 'sora download video_1 --base-url'],
    ['failed', 'job_failed', 5, 'sora create --from video_1'],
    ['expired', 'content_expired', 5, '--again'],
  ])('refuses a job that is %s', async (status, error, exitCode, hint) => {
    const { run } = await setUpVideos({ retrieve: (job) => ({ body: { ...job, status } }) });
    const { code, stderr } = await run('download', 'video_1', '--json');
    const failure = JSON.parse(stderr).error;
    expect({ code, error: failure.code }).toEqual({ code: exitCode, error });
    expect(failure.hints[0]).toContain(hint);
  });

  it('prints how to resume an interrupted download', async () => {
    const { run, server } = await setUpVideos({ content: () => 'drop' });
    const { code, stderr } = await run('download', 'video_1');
    expect(code).toBe(1);
    expect(stderr).toContain(`hint: run \`sora download video_1 --base-url ${server.url}\` to resume`);
  });

  it.each<[string, ScriptedReply, RegExp[]]>([
    [
      'may be available in another attempt',
      { body: '{"error":"no"}' },
      [/^run `sora download video_1 --base-url \S+` to resume$/],
    ],
    ['is gone for good', { status: 410 }, [/^run `sora create --again`/]],
  ])('suggests only what helps when the video %s', async (_, reply, hints) => {
    const { run } = await setUpVideos({ content: () => reply });
    const { stderr } = await run('download', 'video_1', '--json');
    expect(JSON.parse(stderr).error.hints).toEqual(hints.map((hint) => expect.stringMatching(hint)));
  });

  it('does not suggest to look for a saved video when only its thumbnail is gone', async () => {
    const { run } = await setUpVideos({ content: ({ path }) => (path.includes('thumbnail') ? { status: 410 } : null) });
    await run('create', 'a boat');
    const { code, stderr } = await run('download', '@last', '--variant', 'thumbnail');
    expect({ code, saved: stderr.includes('the video was saved as') }).toEqual({ code: 5, saved: false });
  });

  it.each<[InterruptName, number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('prints how to resume after %s, and resumes', async (name, exitCode) => {
    const interrupt = new AbortController();
    const { run, runWith, server } = await setUpVideos({
      content: () => {
        if (interrupt.signal.aborted) return null;
        interrupt.abort(new Interrupt(name));
        return 'hang';
      },
    });
    const first = await runWith({ interrupt: interrupt.signal }, 'download', 'video_1');
    expect(first.code).toBe(exitCode);
    expect(first.stderr).toContain('error: interrupted; the video is finished and still on the server');
    expect(first.stderr).toContain(`hint: run \`sora download video_1 --base-url ${server.url}\` to resume`);
    expect((await run('download', 'video_1')).code).toBe(0);
  });

  it('reports expired files', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a boat', '--simulate', '--detach']);
    sora.clock.advance(2 * 3_600_000);
    const { code, stderr } = await sora.run(['download', '@last']);
    expect(code).toBe(5);
    expect(stderr).toContain('error: the video’s files have expired');
  });

  it('saves what it can and reports the rest', async () => {
    const { run } = await setUpVideos();
    const { code, stdout, stderr } = await run('download', 'video_nope', 'video_2');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'boat-of-video-2-2.mp4\n' });
    expect(stderr).toContain('error: no such video');
  });

  it.each([
    ['an unknown variant', 2, 'the variant `gif` is not one of', ['--variant', 'gif']],
    ['variants in one word', 2, 'repeat `--variant` for each', ['--variant', 'video,thumbnail']],
    [
      'two variants on standard output',
      2,
      '`-o -` accepts only one',
      ['-o', '-', '--variant', 'video', '--variant', 'thumbnail'],
    ],
    ['JSON and a video on standard output', 2, 'both write to standard output', ['-o', '-', '--json']],
    ['several videos in one file', 2, 'several videos need a folder', ['video_2', '-o', 'clip.mp4']],
    ['a file in place of a folder', 1, 'could not write', ['-o', 'taken/clip.mp4']],
  ])('refuses %s before any call', async (_, exitCode, words, argv) => {
    const { run, server, sora } = await setUpVideos();
    writeFileSync(join(sora.cwd, 'taken'), '');
    const { code, stderr } = await run('download', 'video_1', ...argv);
    expect({ code, calls: server.requests.length }).toEqual({ code: exitCode, calls: 0 });
    expect(stderr).toContain(words);
    expect(existsSync(join(sora.cwd, 'clip.mp4'))).toBe(false);
  });
});
