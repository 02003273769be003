import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { RunResult } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { setUp } from '../support/set-up.ts';
import { CLIP } from '../support/videos-server.ts';

const WAV = Buffer.from('RIFF\x24\0\0\0WAVEfmt ', 'latin1');

/** A profile `lab` with these settings, and files beside the command line. */
async function setUpLab(...settings: readonly string[]) {
  const { sora, server, run } = await setUp({}, { env: { SORA_BASE_URL: '' } });
  const sets = settings.flatMap((setting) => ['--set', setting]);
  await sora.run(['config', 'profile', 'add', 'lab', '--base-url', server.url, '--use', ...sets]);
  writeFileSync(join(sora.cwd, 'end.png'), createPngHeader(1280, 720));
  writeFileSync(join(sora.cwd, 'style.png'), createPngHeader(640, 480));
  writeFileSync(join(sora.cwd, 'walk.mp4'), CLIP);
  writeFileSync(join(sora.cwd, 'voice.wav'), WAV);
  const posts = () => server.requests.filter(({ method }) => method === 'POST');
  return { sora, server, run, posts };
}

const violationsOf = ({ stderr }: RunResult): string[] => JSON.parse(stderr).error.violations;
const ALL = [
  '--last-frame',
  'end.png',
  '--reference',
  'style.png',
  '--reference',
  'walk.mp4',
  '--reference',
  'voice.wav',
];

/** Settings of a server that accepts a last frame, and references in `refs`. */
const ACCEPTED = ['request.last_frame_field=last_frame', 'request.reference_field=refs'];

describe('references', () => {
  it('are shown and sent by path when two have the same name', async () => {
    const { sora, run } = await setUpLab(...ACCEPTED);
    for (const folder of ['a', 'b']) {
      mkdirSync(join(sora.cwd, folder));
      writeFileSync(join(sora.cwd, folder, 'x.png'), createPngHeader(1280, 720));
    }
    const files = ['-i', 'a/x.png', '--last-frame', 'b/x.png', '--size', '1280x720'];
    const preview = (await run('create', 'a boat', '-n', '--json', ...files)).json<{ request: object; curl: string }>();
    expect(preview.request).toMatchObject({ input_reference: 'a/x.png', last_frame: 'b/x.png' });
    expect(preview.curl).toMatch(/input_reference=@a\/x\.png.*last_frame=@b\/x\.png/s);
  });

  it('are part of the request that --from repeats', async () => {
    const { run } = await setUpLab(...ACCEPTED);
    const style = 'https://lab.example/style.png';
    await run('create', 'a boat', '--last-frame', 'end.png', '--reference', style, '--detach', '-y');
    const lost = await run('create', '--from', '@last', '-n', '--json');
    expect(violationsOf(lost)).toEqual([expect.stringContaining('give it again with `--last-frame`')]);
    const again = await run('create', '--from', '@last', '--last-frame', 'end.png', '-n', '--json');
    expect(again.json()).toMatchObject({
      request: { last_frame: 'end.png', refs: JSON.stringify({ image_url: style }) },
      notes: [expect.stringMatching(/, unchanged$/)],
    });
  });

  it('are refused before paying when the server has no field for them, in a manifest too', async () => {
    const { sora, run, posts } = await setUpLab();
    expect(violationsOf(await run('create', 'a boat', ...ALL, '--json'))).toEqual([
      'the server of profile lab accepts no last frame',
      'the server of profile lab accepts no reference images beside the first frame',
      'the server of profile lab accepts no reference video',
      'the server of profile lab accepts no reference audio',
    ]);
    writeFileSync(
      join(sora.cwd, 'rows.jsonl'),
      '{"prompt":"a boat","last_frame":"end.png","reference":["walk.mp4"]}\n',
    );
    expect(violationsOf(await run('batch', 'rows.jsonl', '-y', '--json'))).toEqual([
      'line 1: the server of profile lab accepts no last frame',
      'line 1: the server of profile lab accepts no reference video',
    ]);
    expect(posts()).toEqual([]);
  });

  it('are form parts for vLLM-Omni, and sent from their paths by the printed curl', async () => {
    const { run, posts } = await setUpLab('preset=vllm-omni');
    const argv = ['create', 'a boat', ...ALL.slice(2), '--reference', 'https://cdn.example/walk.mp4'];
    expect((await run(...argv, '--detach')).code).toBe(0);
    const body = posts()[0]?.body.toString('latin1') ?? '';
    const names = [...body.matchAll(/name="(\w+)"(?:; filename="([^"]+)")?/g)].map(([, name, file]) => [name, file]);
    expect(names).toEqual([
      ['prompt', undefined],
      ['input_references', 'style.png'],
      ['input_references', 'walk.mp4'],
      ['input_references', 'voice.wav'],
      ['video_reference', undefined],
    ]);
    expect(body).toContain('{"video_url":"https://cdn.example/walk.mp4"}');
    const { curl } = (await run(...argv, '-n', '--json')).json();
    expect(curl).toContain('-F "input_references=@walk.mp4;type=video/mp4"');
  });

  it('use the JSON format of OpenRouter', async () => {
    const { run } = await setUpLab('dialect=openrouter');
    const argv = ['-i', 'https://a/1.png', '--last-frame', 'https://a/2.png', '--reference', 'https://a/3.mp3'];
    const { request } = (await run('create', 'a boat', ...argv, '-n', '--json')).json();
    expect(request).toMatchObject({
      frame_images: [
        { frame_type: 'first_frame' },
        { frame_type: 'last_frame', image_url: { url: 'https://a/2.png' } },
      ],
      input_references: [{ type: 'audio_url', audio_url: { url: 'https://a/3.mp3' } }],
    });
  });

  it.each([
    ['preset=sglang', 'https://a/3.mp4', { video_reference: 'https://a/3.mp4' }],
    ['preset=bifrost', 'https://a/3.mp4', { video_uri: 'https://a/3.mp4' }],
    ['preset=new-api', 'https://a/3.png', { images: ['https://a/3.png'] }],
    ['request.reference_field=refs', 'https://a/3.png', { refs: [{ image_url: 'https://a/3.png' }] }],
  ])('use the format of %s', async (setting, reference, fields) => {
    const { run } = await setUpLab(setting);
    const { request } = (await run('create', 'a boat', '--reference', reference, '-n', '--json')).json();
    expect(request).toMatchObject(fields);
  });

  it('distinguish requests by their bytes', async () => {
    const { sora, run, posts } = await setUpLab('request.reference_field=refs');
    const create = () => run('create', 'a boat', '--reference', 'style.png', '--detach');
    for (let run = 0; run < 2; run++) expect((await create()).code).toBe(0);
    expect(posts()).toHaveLength(1);
    writeFileSync(join(sora.cwd, 'style.png'), createPngHeader(641, 480));
    expect((await create()).code).toBe(0);
    expect(posts()).toHaveLength(2);
    expect((await run('list', '--local', '--json')).json()).toMatchObject({ jobs: [{}, {}] });
  });

  it('must be an image, a video or an audio file', async () => {
    const { sora, run } = await setUpLab('request.reference_field=refs');
    writeFileSync(join(sora.cwd, 'notes.txt'), 'text');
    expect(violationsOf(await run('create', 'a boat', '--reference', 'notes.txt', '--json'))).toEqual([
      'the reference notes.txt is not an image, a video or an audio file',
    ]);
  });

  it.each([
    ['heic', 'a HEIC'],
    ['avif', 'an AVIF'],
  ])('are refused by name when they are %s files, which no server reads', async (brand, named) => {
    const { sora, run } = await setUpLab();
    writeFileSync(join(sora.cwd, 'x.bin'), `\0\0\0\x18ftyp${brand}\0\0\0\0mif1`.padEnd(64, '\0'), 'latin1');
    expect(violationsOf(await run('create', 'a boat', '-i', 'x.bin', '--json'))).toEqual([
      `the reference image x.bin is ${named} file, not a jpeg, png or webp file`,
    ]);
  });
});
