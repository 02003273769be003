import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readManifest } from '../../src/batch/manifest.ts';
import { resolveRows } from '../../src/batch/row-resolver.ts';
import { FolderListings } from '../../src/jobs/folder-listings.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { createVideoRequest } from '../support/video-request.ts';

/** A manifest in `work/shots`, with a prompt and an image in its folder and others outside. */
function createShots(rowsIn: (cwd: string) => readonly object[]) {
  const sora = createCommandLine();
  const shots = join(sora.cwd, 'shots');
  for (const folder of [shots, join(shots, 'prompts')]) mkdirSync(folder);
  for (const folder of [sora.cwd, join(shots, 'prompts')]) {
    writeFileSync(join(folder, 'boat.txt'), 'a boat');
    writeFileSync(join(folder, 'boat.png'), createPngHeader(1280, 720));
  }
  symlinkSync(sora.cwd, join(shots, 'link'));
  symlinkSync('prompts', join(shots, 'inner'));
  const rows = rowsIn(sora.cwd).map((row) => JSON.stringify(row));
  writeFileSync(join(shots, 'shots.jsonl'), rows.join('\n'));
  const run = (...argv: string[]) => sora.run(['batch', 'shots/shots.jsonl', '--simulate', '-o', 'clips', ...argv]);
  return { sora, run };
}

describe('the path limits of a manifest', () => {
  const outside = (cwd: string): object[] => [
    { prompt: `@${join(cwd, 'boat.txt')}` },
    { prompt: '@../boat.txt' },
    { prompt: '@link/boat.txt' },
    { prompt: 'a', image: join(cwd, 'boat.png') },
    { prompt: 'a', image: '../boat.png' },
    { prompt: 'a', image: 'link/boat.png' },
    { prompt: 'a', output: '../a.mp4' },
    { prompt: 'a', output: 'x/../../b/' },
    { prompt: 'a', output: join(cwd, 'clips', 'c.mp4') },
  ];

  it('keep input files in the manifest’s folder and outputs in the output folder', async () => {
    const { code, stderr } = await createShots(outside).run('--dry-run');
    expect(code).toBe(2);
    expect(stderr.match(/line \d+: (the prompt file|the reference image|the output).*--allow-paths/g)).toHaveLength(9);
    expect(stderr).toContain('9 errors');
  });

  it('are lifted by --allow-paths', async () => {
    expect(await createShots(outside).run('--dry-run', '--allow-paths')).toMatchObject({ code: 0 });
  });

  it('allow any path inside the two folders', async () => {
    const { run } = createShots(() => [
      { prompt: '@prompts/boat.txt', image: './prompts/boat.png', output: 'a/../b.mp4' },
      { prompt: '@inner/boat.txt', image: 'https://example.com/a.png', output: '..clip.mp4' },
      { prompt: 'a', output: '' },
      { prompt: 'a', output: '.' },
    ]);
    expect(await run('--dry-run')).toMatchObject({ code: 0 });
  });

  it('do not apply to paths on the command line', async () => {
    expect(await createShots(() => [{ prompt: 'a' }]).run('--dry-run', '--image', 'boat.png')).toMatchObject({
      code: 0,
    });
  });

  it('do not apply to an estimate, which sends nothing', async () => {
    const { sora } = createShots(() => [{ prompt: '@../boat.txt' }]);
    expect(await sora.run(['cost', '--batch', 'shots/shots.jsonl'])).toMatchObject({ code: 0 });
  });
});

describe('output names in a manifest', () => {
  async function faultsOn(
    platform: NodeJS.Platform,
    outputs: readonly (string | undefined)[],
    sidecar = false,
    outputTemplate: string | null = null,
  ): Promise<string[]> {
    const rows = outputs.map((output) => JSON.stringify({ prompt: 'a', output }));
    const manifest = await readManifest(rows.join('\n'), 'jsonl');
    const { faults } = resolveRows(manifest, {
      batch: '/shots.jsonl',
      baseUrl: 'http://127.0.0.1/v1',
      sourceFolder: '/shots',
      outputFolder: '/clips',
      allowPaths: false,
      optionFiles: [],
      sidecar,
      platform,
      listings: new FolderListings(),
      variants: ['video'],
      outputTemplate,
      nowMs: 0,
      resolve: () => ({ ok: true, value: { request: createVideoRequest(), askedSeconds: null, notes: [] } }),
      resolveDerived: () => ({ ok: false, violations: [], wrongImageSize: false }),
      estimate: () => null,
      sources: new Map(),
      fileModel: null,
    });
    return faults.map(({ line, message }) => `${line}: ${message}`);
  }

  it('must be valid on the platform', async () => {
    expect(await faultsOn('linux', ['nul.mp4', 'a?.mp4', `${'ü'.repeat(126)}.mp4`])).toEqual([
      `3: the output \`${'ü'.repeat(126)}.mp4\`: the name is too long (256 of at most 255 bytes)`,
    ]);
    expect(await faultsOn('win32', ['nul.mp4', 'a?.mp4'])).toEqual([
      '1: the output `nul.mp4`: `nul.mp4` names a device on Windows',
      '2: the output `a?.mp4`: Windows allows no `?` in a name',
    ]);
  });

  it('must leave room for the name of the sidecar', async () => {
    const name = `${'a'.repeat(250)}.mp4`;
    expect(await faultsOn('linux', [name])).toEqual([]);
    expect(await faultsOn('linux', [name], true)).toHaveLength(1);
  });

  it('must differ by more than case where the file system ignores case', async () => {
    const outputs = ['Boat.mp4', 'boat.MP4'];
    expect(await faultsOn('linux', outputs)).toEqual([]);
    for (const platform of ['darwin', 'win32'] as const) {
      expect(await faultsOn(platform, outputs)).toEqual([
        '2: the output `boat.MP4` is already used in line 1, as this platform ignores case',
      ]);
    }
  });

  it('cannot leave the output folder through a link, even a dangling one', async () => {
    const { sora } = createShots(() => [
      { prompt: 'a', output: 'link/boat.mp4' },
      { prompt: 'b', output: 'planted.mp4' },
      { prompt: 'c', output: '{model}/../../boat.mp4' },
      { prompt: 'd', output: 'inner/boat.mp4' },
    ]);
    const clips = join(sora.cwd, 'clips');
    mkdirSync(join(clips, 'real'), { recursive: true });
    symlinkSync(sora.cwd, join(clips, 'link'));
    symlinkSync(join(sora.cwd, 'planted.mp4'), join(clips, 'planted.mp4'));
    symlinkSync(join(clips, 'real'), join(clips, 'inner'));
    const { stderr } = await sora.run(['batch', 'shots/shots.jsonl', '--simulate', '--dry-run', '-o', 'clips']);
    const lines = [...stderr.matchAll(/line (\d): the output .* must stay in the output folder/g)].map(
      ([, line]) => line,
    );
    expect(lines).toEqual(['1', '2', '3']);
  });

  it('may be templates, whose errors and clashes are all reported', async () => {
    const outputs = [
      '{slug}-{row:02}.mp4',
      '{slug}-{wat}.mp4',
      '{slug}}.mp4',
      'a.mp4',
      '{slug:1}.mp4',
      '{id}.mp4',
      '{id}.mp4',
    ];
    expect(await faultsOn('linux', outputs)).toEqual([
      '2: the output `{slug}-{wat}.mp4`: `{wat}` is not a field; the fields are row, n, id, slug, model, seconds, size, date, variant, ext',
      '3: the output `{slug}}.mp4`: `}` is not part of a field; write `}}` for the character',
      '5: the output `a.mp4` is already used in line 4',
    ]);
    expect(await faultsOn('linux', [undefined, undefined], false, '/clips/{slug}.mp4')).toEqual([
      '2: the output `a-red-kite-over-the-sea.mp4` is already used in line 1',
    ]);
    expect(await faultsOn('win32', [undefined], false, '/clips/nul.{row}.mp4')).toEqual([
      expect.stringContaining('`nul.1.mp4` names a device on Windows'),
    ]);
  });
});
