import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCommandLine } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { setUp } from '../support/set-up.ts';

describe('sora create --from', () => {
  it('sends the old request with the given changes, and notes the differences', async () => {
    const { create, run, server } = await setUp();
    const old = ['-d', '8', '-m', 'sora-2-pro', '-r', '1080p', '--param', 'seed=7', '--param', 'style=calm'];
    await create([...old, '--detach', '-y']);
    const { code, stderr } = await run(
      ...['create', '--from', '@last', 'a kite', '-d', '4', '-i', 'file_1', '--param', 'seed=8', '--detach', '-y'],
    );
    expect(code).toBe(0);
    const [first, second] = server.requests.filter(({ method }) => method === 'POST').map(({ body }) => String(body));
    const sent = (body = '') => ['a kite', 'sora-2-pro', '1920x1080', 'calm'].map((word) => body.includes(word));
    expect([sent(first), sent(second)]).toEqual([
      [false, true, true, true],
      [true, true, true, true],
    ]);
    expect(stderr).toContain(
      'note: the request of video_1, with another prompt, seconds 8 → 4, image unset → file_id:file_1, params {"seed":7,"style":"calm"} → {"seed":8,"style":"calm"}\n',
    );
  });

  it('replaces size and aspect ratio together, and keeps the prompt literal', async () => {
    const sora = createCommandLine();
    await sora.run(['create', '@@home', '--size', '720x1280', '--simulate', '--detach']);
    const { stdout, stderr } = await sora.run([
      'create',
      '--from',
      '"@last"', // as `jq` prints it
      '-a',
      '16:9',
      '--simulate',
      '-n',
      '--json',
    ]);
    expect(JSON.parse(stdout).request).toMatchObject({ prompt: '@home', size: '1280x720' });
    expect({ stderr, notes: JSON.parse(stdout).notes }).toMatchObject({
      stderr: '',
      notes: [expect.stringContaining('size 720x1280 → 1280x720')],
    });
  });

  it('refuses an unknown job, and a local image that is not given again', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'a.png'), createPngHeader(1280, 720));
    await sora.run(['create', 'x', '-i', 'a.png', '--simulate', '--detach']);
    const lost = await sora.run(['create', '--from', '@last', '--simulate', '-n']);
    expect(lost).toMatchObject({ code: 2, stderr: expect.stringContaining('give it again with `--image`') });
    expect((await sora.run(['create', '--from', '@last', '-i', 'a.png', '--simulate', '-n'])).code).toBe(0);
    const unknown = await sora.run(['create', '--from', 'video_nope', '--simulate', '-n']);
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('its request is not known') });
    expect(await sora.run(['create', '--simulate'])).toMatchObject({ code: 2 });
  });
});
