import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import { Interrupt, type InterruptName } from '../../src/platform/host.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { CLIP, startVideosServer, type VideosScript, type VideosServer } from '../support/videos-server.ts';

interface Bench {
  readonly sora: CommandLine;
  readonly server: VideosServer;
  run(...argv: readonly string[]): Promise<RunResult>;
}

/** A server with two finished videos that the ledger does not know. */
async function setUp(script: VideosScript = {}): Promise<Bench> {
  const sora = createCommandLine();
  const server = await startVideosServer(script);
  for (const id of ['video_1', 'video_2']) server.jobs.push({ id, status: 'completed', prompt: `boat of ${id}` });
  return { sora, server, run: (...argv) => sora.run(argv, { http: nodeHttp, env: { SORA_BASE_URL: server.url } }) };
}

describe('sora download', () => {
  it('saves videos under default names and prints their paths', async () => {
    const { sora, run } = await setUp();
    const { code, stdout } = await run('download', 'video_1', 'video_2');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'boat-of-video-1-1.mp4\nboat-of-video-2-2.mp4\n' });
    expect(readdirSync(sora.cwd).sort()).toEqual(stdout.trim().split('\n'));
  });

  it.each([
    ['clip.mp4', 'clip.mp4'],
    ['.', 'boat-of-video-1-1.mp4'],
  ])('saves to `-o %s`', async (output, path) => {
    const { sora, run } = await setUp();
    expect((await run('download', 'video_1', '-o', output)).stdout).toBe(`${path}\n`);
    expect(readFileSync(join(sora.cwd, path))).toEqual(CLIP);
  });

  it('writes nothing but the video to standard output with `-o -`', async () => {
    const { sora, run } = await setUp();
    const { code, stdout } = await run('download', 'video_1', '-o', '-');
    expect({ code, isWhole: stdout === CLIP.toString() }).toEqual({ code: 0, isWhole: true });
    expect(readdirSync(sora.cwd)).toEqual([]);
  });

  it('tells of what was saved in JSON', async () => {
    const { sora, run } = await setUp();
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

  it('saves each variant with the ending that it is', async () => {
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
    ['a default name', []],
    ['a name that was asked for', ['-o', 'boat-of-video-1-1.mp4']],
  ])('never overwrites a file, under %s, but with --force', async (_, argv) => {
    const { sora, run } = await setUp();
    const path = join(sora.cwd, 'boat-of-video-1-1.mp4');
    writeFileSync(path, 'precious');
    const { code, stderr } = await run('download', 'video_1', '--json', ...argv);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 2, error: 'file_exists' });
    expect(readFileSync(path, 'utf8')).toBe('precious');
    expect((await run('download', 'video_1', '--force', ...argv)).code).toBe(0);
    expect(readFileSync(path)).toEqual(CLIP);
  });

  it.each<[string, string, number, string]>([
    ['queued', 'content_not_ready', 1, 'sora status video_1 --base-url'],
    ['failed', 'job_failed', 5, 'change the prompt'],
    ['expired', 'content_expired', 5, '--again'],
  ])('refuses a job that is %s', async (status, error, exitCode, hint) => {
    const { run } = await setUp({ retrieve: (job) => ({ body: { ...job, status } }) });
    const { code, stderr } = await run('download', 'video_1', '--json');
    const failure = JSON.parse(stderr).error;
    expect({ code, error: failure.code }).toEqual({ code: exitCode, error });
    expect(failure.hints[0]).toContain(hint);
  });

  it('tells how to go on after a download that broke off', async () => {
    const { run, server } = await setUp({ content: () => 'drop' });
    const { code, stderr } = await run('download', 'video_1');
    expect(code).toBe(1);
    expect(stderr).toContain(`hint: run \`sora download video_1 --base-url ${server.url}\` to go on`);
  });

  it.each<[string, ScriptedReply, RegExp[]]>([
    [
      'may be had in another try',
      { body: '{"error":"no"}' },
      [/^run `sora download video_1 --base-url \S+` to go on$/],
    ],
    ['is gone for good', { status: 410 }, [/^run `sora create` again with `--again`/]],
  ])('tells one way on, and the right one, where the video %s', async (_, reply, hints) => {
    const { run } = await setUp({ content: () => reply });
    const { stderr } = await run('download', 'video_1', '--json');
    expect(JSON.parse(stderr).error.hints).toEqual(hints.map((hint) => expect.stringMatching(hint)));
  });

  it.each<[InterruptName, number]>([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ])('tells how to go on after %s, and goes on', async (name, exitCode) => {
    const interrupt = new AbortController();
    const { run, server, sora } = await setUp({
      content: () => {
        if (interrupt.signal.aborted) return null;
        interrupt.abort(new Interrupt(name));
        return 'hang';
      },
    });
    const env = { SORA_BASE_URL: server.url };
    const first = await sora.run(['download', 'video_1'], { http: nodeHttp, env, interrupt: interrupt.signal });
    expect(first.code).toBe(exitCode);
    expect(first.stderr).toContain('error: interrupted; the video is finished and waits at the server');
    expect(first.stderr).toContain(`hint: run \`sora download video_1 --base-url ${server.url}\` to go on`);
    expect((await run('download', 'video_1')).code).toBe(0);
  });

  it('tells of expired files', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a boat', '--simulate', '--detach']);
    sora.clock.advance(2 * 3_600_000);
    const { code, stderr } = await sora.run(['download', '@last']);
    expect(code).toBe(5);
    expect(stderr).toContain('error: the video’s files have expired');
  });

  it('saves what can be saved', async () => {
    const { run } = await setUp();
    const { code, stdout, stderr } = await run('download', 'video_nope', 'video_2');
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'boat-of-video-2-2.mp4\n' });
    expect(stderr).toContain('error: no such video');
  });

  it.each([
    ['an unknown variant', ['--variant', 'gif'], 'the variant `gif` is not one of'],
    [
      'two variants on standard output',
      ['-o', '-', '--variant', 'video', '--variant', 'thumbnail'],
      '`-o -` takes one',
    ],
    ['JSON and a video on standard output', ['-o', '-', '--json'], 'both want standard output'],
    ['several videos in one file', ['video_2', '-o', 'clip.mp4'], 'several videos need a folder'],
    ['a folder that is not there', ['-o', 'no/such/clip.mp4'], 'could not write into the folder'],
  ])('refuses %s before anything is asked for', async (_, argv, words) => {
    const { run, server, sora } = await setUp();
    const { code, stderr } = await run('download', 'video_1', ...argv);
    expect({ code, calls: server.requests.length }).toEqual({
      code: words.includes('folder that') ? 1 : code,
      calls: 0,
    });
    expect([1, 2]).toContain(code);
    expect(stderr).toContain(words);
    expect(existsSync(join(sora.cwd, 'clip.mp4'))).toBe(false);
  });
});
