import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ALL_FORMATS, EncodedPacketSink, FilePathSource, Input } from 'mediabunny';
import { describe, expect, it } from 'vitest';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { type Bench, SORA_2, setUp } from '../support/set-up.ts';
import { clipReply, type VideosScript } from '../support/videos-server.ts';

const SHOTS = ['a harbour', 'a boat', 'the sea'];
/** Clips of four seconds: two alike, one upright, one signed. */
const clips: Record<'first' | 'second' | 'upright' | 'signed', Buffer> = Object.create(null);

/** Renders the clips once, in the first test. */
async function renderClips(): Promise<void> {
  if (clips.signed !== undefined) return;
  const sora = createCommandLine();
  for (const [name, ...argv] of [['first'], ['second'], ['upright', '--size', '720x1280']] as const) {
    await sora.run(['create', name, '-o', `${name}.mp4`, '--simulate', ...argv]);
    clips[name] = readFileSync(join(sora.cwd, `${name}.mp4`));
  }
  const signature = Buffer.from('0000001c75756964d8fec3d61b0e483c92975828877ec48100000000', 'hex');
  clips.signed = Buffer.concat([clips.first, signature]);
}

interface Set extends Bench {
  film(...argv: string[]): Promise<RunResult>;
}

/** A server that serves these clips, and a manifest of three shots. */
async function setUpShots(
  served: readonly (keyof typeof clips)[] = ['first', 'second', 'first'],
  script: VideosScript = {},
): Promise<Set> {
  await renderClips();
  const bench: Bench = await setUp({
    content(request) {
      // By its prompt: the creates may arrive in any order.
      const job = bench.server.jobs.find(({ id }) => request.path.includes(id));
      return clipReply(request, clips[served[SHOTS.indexOf(String(job?.prompt))] ?? 'first']);
    },
    ...script,
  });
  writeShots(bench, SHOTS);
  return { ...bench, film: (...argv) => bench.run('film', 'shots.txt', '-y', ...SORA_2, ...argv) };
}

const writeShots = ({ sora }: Pick<Bench, 'sora'>, prompts: readonly string[]): void =>
  writeFileSync(join(sora.cwd, 'shots.txt'), prompts.join('\n'));

/** The length of a movie, its video packets and the length of its sound. */
async function readMovie(path: string) {
  const input = new Input({ formats: ALL_FORMATS, source: new FilePathSource(path) });
  const packetsOf = async (track: Awaited<ReturnType<Input['getPrimaryVideoTrack']>>): Promise<string[]> => {
    const packets: string[] = [];
    if (track === null) return packets;
    for await (const { data } of new EncodedPacketSink(track).packets())
      packets.push(Buffer.from(data).toString('base64'));
    return packets;
  };
  const [video, sound] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()];
  const seconds = await input.computeDuration();
  const read = { seconds, picture: await packetsOf(video), sound: sound === null ? 0 : await sound.computeDuration() };
  input.dispose();
  return read;
}

const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;

describe('sora film', () => {
  it('joins the clips in order without re-encoding, with the exact length', async () => {
    const { sora, film } = await setUpShots();
    const made = await film('-o', 'film.mp4');
    expect({ code: made.code, stdout: made.stdout }).toEqual({ code: 0, stdout: 'film.mp4\n' });
    const folder = join(sora.cwd, 'film-clips');
    const shots = await Promise.all(readdirSync(folder).map((name) => readMovie(join(folder, name))));
    const joined = await readMovie(join(sora.cwd, 'film.mp4'));
    expect(joined.seconds).toBe(12);
    expect(joined.picture).toEqual(shots.flatMap(({ picture }) => picture));
    expect(Math.abs(joined.sound - 12)).toBeLessThan(0.03);
    expect(readdirSync(sora.cwd).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('is up to date when nothing changed, and pays only for a changed shot', async () => {
    const { sora, server, film } = await setUpShots();
    await film();
    expect(existsSync(join(sora.cwd, 'shots.mp4'))).toBe(true);
    const calls = server.requests.length;
    const again = await film();
    expect({ code: again.code, stdout: again.stdout }).toEqual({ code: 0, stdout: 'shots.mp4\n' });
    expect(again.stderr).toContain('shots.mp4 is up to date');
    expect(server.requests).toHaveLength(calls);
    writeShots({ sora }, ['a harbour', 'a ship', 'the sea']);
    const refused = await film('--json');
    expect({ error: errorOf(refused).code, posts: server.posts }).toEqual({ error: 'file_exists', posts: 3 });
    const changed = await film('--force', '--json');
    expect({ code: changed.code, posts: server.posts }).toEqual({ code: 0, posts: 4 });
    expect(changed.json()).toMatchObject({
      film: { path: join(sora.cwd, 'shots.mp4'), seconds: 12, shots: 3, encoded: false },
      summary: { rows: 3, done: 3 },
    });
  });

  it('needs all shots, keeps the finished ones, and resumes', async () => {
    let isBroken = true;
    const { sora, server, film } = await setUpShots(undefined, {
      retrieve: (job) => (isBroken && job.id === 'video_2' ? { body: { ...job, status: 'in_progress' } } : null),
    });
    const stopped = await film('-o', 'film.mp4', '--timeout', '1s');
    expect({ code: stopped.code, stdout: stopped.stdout }).toEqual({ code: 8, stdout: '' });
    expect(stopped.stderr).toContain('no film yet: 2 of 3 shots are saved');
    expect(existsSync(join(sora.cwd, 'film.mp4'))).toBe(false);
    isBroken = false;
    expect((await film('-o', 'film.mp4')).code).toBe(0);
    expect(server.posts).toBe(3);
  });

  it('uses the sound of a file instead, cut to the length of the film', async () => {
    const { sora, film } = await setUpShots();
    writeFileSync(join(sora.cwd, 'music.mp4'), clips.second);
    expect((await film('-o', 'film.mp4', '--audio', 'music.mp4')).code).toBe(0);
    const { seconds, sound } = await readMovie(join(sora.cwd, 'film.mp4'));
    expect(seconds).toBe(12);
    expect(sound).toBeLessThanOrEqual(4.03);
  });

  it.skipIf(!hasFfmpeg())('encodes only sound of another format', async () => {
    const { sora, film } = await setUpShots();
    const header = Buffer.from(
      'RIFF$w\x01\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\xbb\0\0\0w\x01\0\x02\0\x10\0data\0w\x01\0',
      'latin1',
    );
    writeFileSync(join(sora.cwd, 'tone.wav'), Buffer.concat([header, Buffer.alloc(96_000)]));
    const made = await film('-o', 'film.mp4', '--audio', 'tone.wav', '--json');
    expect(made.json()).toMatchObject({ film: { encoded: false, seconds: 12 } });
    expect((await readMovie(join(sora.cwd, 'film.mp4'))).sound).toBeCloseTo(1, 1);
    expect(readdirSync(sora.cwd).filter((name) => name.endsWith('.m4a'))).toEqual([]);
  });

  it('notes signed clips, whose signature is lost', async () => {
    const { film } = await setUpShots(['signed', 'first', 'signed']);
    const made = await film('-o', 'film.mp4');
    expect(made.code).toBe(0);
    expect(made.stderr).toContain('2 of 3 clips have a C2PA signature, which the film cannot keep');
  });

  it('treats an extended row as part of the clip that extends it', async () => {
    const { sora, run } = await setUpShots(['first', 'second', 'upright']);
    const rows = [
      { id: 'a', prompt: 'a boat' },
      { id: 'b', extend: 'a' },
    ];
    writeFileSync(join(sora.cwd, 'shots.jsonl'), rows.map((row) => JSON.stringify(row)).join('\n'));
    const made = await run('film', 'shots.jsonl', '-y', ...SORA_2, '--json');
    expect(made.json()).toMatchObject({ film: { seconds: 4, shots: 1 }, summary: { done: 2 } });
  });

  it('reports all problems of its options and its manifest together, and sends nothing', async () => {
    const { sora, server, run } = await setUpShots();
    writeFileSync(join(sora.cwd, 'bad.jsonl'), '{"prompt":""}\n{"prompt":"x","duration":"long"}\n');
    const options = ['-o', 'film.avi', '--audio', 'no.m4a', '--max-cost', 'much', '-r', '9p', '--json'];
    for (const [file, ...problems] of [
      ['bad.jsonl', 'line 1: the prompt is empty', 'line 2: the duration `long`', 'line 1: the resolution `9p`'],
      ['none.yaml', 'could not read the manifest none.yaml: ENOENT'],
    ]) {
      const refused = await run('film', String(file), ...options);
      expect({ code: refused.code, error: errorOf(refused).code }).toEqual({ code: 2, error: 'usage' });
      for (const problem of ['a film is an MP4 file', '`--audio no.m4a`', '`--max-cost much`', ...problems])
        expect(errorOf(refused).violations).toContainEqual(expect.stringContaining(problem));
    }
    expect(server.requests).toEqual([]);
  });

  it('pays for no clips of several sizes when ffmpeg is not installed', async () => {
    const { sora, runWith, server } = await setUpShots();
    const rows = ['720x1280', '1280x720'].map((size) => JSON.stringify({ prompt: `a boat, ${size}`, size }));
    writeFileSync(join(sora.cwd, 'shots.jsonl'), rows.join('\n'));
    const refused = await runWith({ env: { PATH: '/nowhere' } }, 'film', 'shots.jsonl', '-y', ...SORA_2, '--json');
    expect(errorOf(refused)).toMatchObject({
      code: 'not_supported',
      message: expect.stringContaining('720x1280 is not 1280x720'),
    });
    expect(server.posts).toBe(0);
  });

  it('keeps clips that need re-encoding when ffmpeg is not installed', async () => {
    const { sora, runWith, server } = await setUpShots(['first', 'upright', 'first']);
    const env = { PATH: '/nowhere' };
    const failed = await runWith({ env }, 'film', 'shots.txt', '-y', ...SORA_2, '-o', 'film.mp4', '--json');
    expect(errorOf(failed)).toMatchObject({
      code: 'not_supported',
      message: expect.stringContaining('has another codec, size or format than'),
      hints: ['install ffmpeg and run the same command again; the clips are kept'],
    });
    expect(readdirSync(join(sora.cwd, 'film-clips'))).toHaveLength(3);
    expect({ isThere: existsSync(join(sora.cwd, 'film.mp4')), posts: server.posts }).toEqual({
      isThere: false,
      posts: 3,
    });
  });

  it.skipIf(!hasFfmpeg())('re-encodes clips of other sizes with ffmpeg', async () => {
    const { sora, film, server } = await setUpShots(['first', 'upright', 'first']);
    const made = await film('-o', 'film.mp4');
    expect({ code: made.code, stderr: made.stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('the clips were encoded again'),
    });
    expect((await readMovie(join(sora.cwd, 'film.mp4'))).seconds).toBeCloseTo(12, 1);
    expect((await film('-o', 'film.mp4')).stderr).toContain('film.mp4 is up to date');
    expect(server.posts).toBe(3);
  });

  it.each<[what: string, argv: string[], words: string]>([
    ['standard output', ['-o', '-'], 'a film is one file'],
    ['a template', ['-o', '{slug}.mp4'], 'a film is one file'],
    ['another kind of file', ['-o', 'film.txt'], 'a film is an MP4 file'],
    ['object storage', ['-o', 's3://bucket/film.mp4'], 'a film is saved to a file'],
    ['clips in object storage', ['--clips', 's3://bucket/'], 'clips are joined from files'],
    ['a missing sound file', ['--audio', 'gone.m4a'], 'there is no such file'],
    ['a file without sound', ['--audio', 'shots.txt'], 'the file has no sound'],
    ['shots without a video', ['--json'], 'leaves out the video'],
  ])('refuses %s before paying', async (what, argv, words) => {
    const { film, server, sora } = await setUpShots();
    if (what.includes('without a video'))
      writeFileSync(join(sora.cwd, 'shots.txt'), '{"prompt":"x","variant":"thumbnail"}\n{"prompt":"y"}');
    const given = what.includes('without a video') ? ['--format', 'jsonl'] : [];
    const refused = await film('--json', ...argv.filter((word) => word !== '--json'), ...given);
    expect({ code: refused.code, posts: server.posts }).toEqual({ code: 2, posts: 0 });
    expect(JSON.stringify(errorOf(refused))).toContain(words);
  });
});

function hasFfmpeg(): boolean {
  try {
    execFileSync('ffmpeg', ['-version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
