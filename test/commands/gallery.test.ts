import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { renderGallery } from '../../src/commands/gallery/page.ts';
import { readImageSize } from '../../src/domain/image.ts';
import { summarize } from '../../src/domain/summary.ts';
import { type CommandLine, createCommandLine } from '../support/command-line.ts';
import { setUp } from '../support/set-up.ts';
import { createVideoJob } from '../support/video-job.ts';

const hasFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0;
if (!hasFfmpeg) process.stderr.write('no ffmpeg: contact sheets are not tested\n');

function pageOf(sora: CommandLine, name = 'gallery.html'): string {
  return readFileSync(join(sora.cwd, name), 'utf8');
}

/** Two finished simulated videos, the newer one with a thumbnail, and a third that was not saved. */
async function createShelf(): Promise<CommandLine> {
  const sora = createCommandLine();
  await sora.run(['create', 'a boat', '--simulate', '-o', 'shots/a boat #1.mp4']);
  sora.clock.advance(3_600_000);
  await sora.run(['create', 'a kite', '--simulate', '-o', 'kite.mp4', '--variant', 'video', '--variant', 'thumbnail']);
  await sora.run(['create', 'a train', '--simulate', '--detach']);
  return sora;
}

describe('sora gallery', () => {
  it('shows the newest videos first, embeds pictures and links videos', async () => {
    const sora = await createShelf();
    const { code, stdout } = await sora.run(['gallery']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'gallery.html\n' });
    const page = pageOf(sora);
    expect([...page.matchAll(/<h2[^>]*>([^<]*)/g)].map(([, prompt]) => prompt)).toEqual([
      'a train',
      'a kite',
      'a boat',
    ]);
    expect(page).toContain('src="shots/a%20boat%20%231.mp4"');
    expect(page).toMatch(/src="kite\.mp4" poster="data:image\/webp;base64,/);
    expect(page).not.toMatch(/<script|https?:/);
  });

  it.skipIf(!hasFfmpeg)('embeds a frame of a saved video without a thumbnail', async () => {
    const sora = await createShelf();
    await sora.run(['gallery', '--search', 'boat']);
    const [, picture = ''] = /poster="data:image\/jpeg;base64,([^"]+)/.exec(pageOf(sora)) ?? [];
    expect(readImageSize(Buffer.from(picture, 'base64'))).toMatchObject({ width: 640, height: 360 });
  });

  it('lets the browser show a frame if ffmpeg is missing or cannot read the video', async () => {
    const sora = await createShelf();
    await sora.run(['gallery', '--search', 'boat'], { env: { PATH: '/nowhere' } });
    expect(pageOf(sora)).toMatch(/preload="metadata" src="shots/);
    const path = join(sora.cwd, 'shots/a boat #1.mp4');
    writeFileSync(path, readFileSync(path).fill(0, 64));
    expect(await sora.run(['gallery', '--search', 'boat', '--force'])).toMatchObject({ code: 0, stderr: '' });
    expect(pageOf(sora)).toMatch(/preload="metadata" src="shots/);
  });

  it.each([
    [['--search', 'kite'], ['a kite']],
    [['--status', 'queued'], ['a train']],
    [
      ['--since', '30m'],
      ['a train', 'a kite'],
    ],
    [['--limit', '1'], ['a train']],
    [['--profile', 'openai'], []],
  ])('filters with %j as `list` does', async (filter, prompts) => {
    const sora = await createShelf();
    await sora.run(['gallery', ...filter]);
    expect([...pageOf(sora).matchAll(/<h2[^>]*>([^<]*)/g)].map(([, prompt]) => prompt)).toEqual(prompts);
  });

  it('links videos from another folder', async () => {
    const sora = await createShelf();
    const { stdout } = await sora.run(['gallery', '-o', 'shots/']);
    expect(stdout).toBe('shots/gallery.html\n');
    expect(pageOf(sora, 'shots/gallery.html')).toContain('src="a%20boat%20%231.mp4"');
    expect(pageOf(sora, 'shots/gallery.html')).toContain('src="../kite.mp4"');
  });

  it('never overwrites a file without --force', async () => {
    const sora = await createShelf();
    writeFileSync(join(sora.cwd, 'gallery.html'), 'precious');
    expect((await sora.run(['gallery'])).code).toBe(2);
    expect(pageOf(sora)).toBe('precious');
    expect((await sora.run(['gallery', '--force'])).code).toBe(0);
    expect(pageOf(sora)).toContain('a kite');
  });

  it.each([
    ['-', 'is not the name of a file'],
    ['{slug}.html', 'is not the name of a file'],
    ['/dev/null', 'is not a regular file'],
  ])('refuses `-o %s`', async (output, problem) => {
    const sora = createCommandLine();
    const { code, stderr } = await sora.run(['gallery', '-o', output]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining(problem) });
  });

  it('escapes outside text and redacts secrets', async () => {
    const prompt = `"><script>alert(1)</script> & 'x' sk-proj-0123456789abcdef ${'long '.repeat(60)}`;
    const { sora, run } = await setUp({ model: '<b>m</b>' } as never);
    await run('create', prompt, '--detach');
    await run('gallery', '--search', '<script>');
    const page = pageOf(sora);
    expect(page).not.toMatch(/<script|<b>|sk-proj/);
    expect(page).toContain('&#60;script&#62;alert(1)&#60;/script&#62; &#38; &#39;x&#39; [redacted]');
    expect(page).toContain('<summary>Whole prompt</summary>');
  });

  it('writes an empty page, with a note, when nothing matches', async () => {
    const sora = createCommandLine();
    const { code, stderr } = await sora.run(['gallery']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: 'note: no videos match, so the page is empty\n' });
    expect(pageOf(sora)).toContain('No videos match.');
  });

  it('links a video to its source', () => {
    const job = summarize('lab', undefined, createVideoJob({ id: 'video_2', remixedFrom: 'video_1' }));
    const entry = { shortId: '2', poster: null, videoUrl: null, isPlayable: false };
    const options = { madeAtMs: 0, filter: '', redact: (text: string): string => text };
    const origin = { ...entry, shortId: '1', job: { ...job, id: 'video_1', remixedFrom: null } };
    const page = renderGallery([{ ...entry, job }, origin], options);
    expect(page).toContain('<dt>Made from</dt><dd><a href="#video-2"><code>video_1</code></a></dd>');
    expect(renderGallery([{ ...entry, job }], options)).toContain('<dt>Made from</dt><dd><code>video_1</code></dd>');
  });
});

describe('sora gallery --sheet', () => {
  const withPath = { env: { PATH: process.env.PATH ?? '' } };

  it.skipIf(!hasFfmpeg)('writes one sheet per request, with one row per variation', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a kite', '--simulate', '--count', '2']);
    await sora.run(['create', 'a boat', '--simulate', '-a', '9:16', '--variant', 'thumbnail']);
    await sora.run(['create', 'a train', '--simulate', '--detach']);
    const { code, stdout, stderr } = await sora.run(['gallery', '--sheet', '-o', 'sheets'], withPath);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringMatching(/^note: 1 video is not on a sheet/) });
    const [boat = '', kite = ''] = stdout.trim().split('\n');
    expect(stdout).toMatch(/^sheets\/sheet-a-boat-\w{8}\.png\nsheets\/sheet-a-kite-\w{8}\.png\n$/);
    expect(readImageSize(readFileSync(join(sora.cwd, boat)))).toMatchObject({ width: 776, height: 426 });
    expect(readImageSize(readFileSync(join(sora.cwd, kite)))).toMatchObject({ width: 1336, height: 504 });
    expect((await sora.run(['gallery', '--sheet', '-o', 'sheets'], withPath)).code).toBe(2);
    const again = await sora.run(
      ['gallery', '--sheet', '-o', 'sheets', '--force', '--search', 'kite', '--json'],
      withPath,
    );
    expect(again.json()).toEqual({
      sheets: [{ path: join(sora.cwd, kite), jobs: [expect.any(String), expect.any(String)] }],
    });
  });

  it.skipIf(!hasFfmpeg)('names a file that cannot be read, and continues', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a kite', '--simulate', '-o', 'kite.mp4']);
    const path = join(sora.cwd, 'kite.mp4');
    writeFileSync(path, readFileSync(path).fill(0, 64));
    const { code, stdout, stderr } = await sora.run(['gallery', '--sheet'], withPath);
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
    expect(stderr).toMatch(
      /^note: no picture of video_\w+: `ffmpeg` failed: .*\nnote: no sheet for \w+: no picture can be read/,
    );
  });

  it('reports that ffmpeg is missing', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a kite', '--simulate']);
    const { code, stderr } = await sora.run(['gallery', '--sheet'], { env: { PATH: '/nowhere' } });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('contact sheets need ffmpeg') });
  });

  it('needs a folder for its files', async () => {
    const { code, stderr } = await createCommandLine().run(['gallery', '--sheet', '-o', 'sheet.png']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('it needs a folder') });
  });
});
