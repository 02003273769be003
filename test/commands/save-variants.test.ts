import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createStudio, linesOf } from '../support/batch-studio.ts';
import { setUp } from '../support/set-up.ts';
import type { VideosScript } from '../support/videos-server.ts';

/** A server without thumbnails. */
const PLAIN: VideosScript = {
  content: ({ path }) =>
    path.includes('variant=') ? { status: 404, body: { error: { message: 'no such file' } } } : null,
};
const ORDERS = [
  ['video', 'thumbnail'],
  ['thumbnail', 'video'],
].map((variants) => variants.flatMap((variant) => ['--variant', variant]));

describe('a variant that the server lacks', () => {
  it.each(ORDERS)('does not prevent create from saving the video (%s %s, %s %s)', async (...variants) => {
    const { run } = await setUp(PLAIN);
    const { code, stdout, stderr } = await run('create', 'a boat', '-o', 'boat.mp4', ...variants);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'boat.mp4\n' });
    expect(stderr).toMatch(/^error: /m);
  });

  it('leaves the others their part of a short timeout', async () => {
    let sheets = 0;
    const { run } = await setUp({
      content({ path }) {
        if (path.includes('spritesheet') && sheets++ > 0) return { body: Buffer.from([0xff, 0xd8, 0xff, 0xd9]) };
        return path.includes('variant=') ? { status: 404, body: { error: { message: 'no such file' } } } : null;
      },
    });
    const variants = ['video', 'thumbnail', 'spritesheet'].flatMap((variant) => ['--variant', variant]);
    const { code, stdout, stderr } = await run('create', 'a boat', '-o', 'boat.mp4', '--timeout', '8s', ...variants);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'boat.mp4\nboat.jpg\n' });
    expect(stderr).toContain('error: the server has no thumbnail of this video');
    expect(stderr).not.toContain('timed out');
  });

  it.each(ORDERS)('is the only one that a second download requests (%s %s, %s %s)', async (...variants) => {
    const { run, server } = await setUp(PLAIN);
    await run('create', 'a boat', '--detach');
    const argv = ['download', '@last', '-o', 'boat.mp4', ...variants];
    expect(await run(...argv)).toMatchObject({ code: 1, stdout: 'boat.mp4\n' });
    const before = server.requests.length;
    expect(await run(...argv)).toMatchObject({ code: 1, stdout: 'boat.mp4\n' });
    const videos = server.requests.slice(before).filter(({ path }) => path.endsWith('/content'));
    expect(videos).toEqual([]);
  });

  it.each(ORDERS)(
    'fails its row but saves the video, and is not paid for twice (%s %s, %s %s)',
    async (...variants) => {
      const { sora, server, batch } = await createStudio(PLAIN);
      const run = await batch(['--json', ...variants]);
      expect(run.code).toBe(6);
      expect(linesOf(run).slice(0, -1)).toMatchObject(
        Array.from({ length: 3 }, () => ({ outcome: 'failed', files: [{ variant: 'video' }], error: {} })),
      );
      expect(readdirSync(sora.cwd).filter((name) => name.endsWith('.mp4'))).toHaveLength(3);
      await batch(['--retry-failed', ...variants]);
      expect(server.posts).toBe(3);
    },
  );
});

it('a video that cannot be recorded stays saved, and its path is printed', async () => {
  let breakLedger = (): void => {};
  const { sora, run } = await setUp({
    content: () => {
      breakLedger();
      return null;
    },
  });
  breakLedger = () => {
    rmSync(join(sora.home, 'ledger.jsonl'));
    mkdirSync(join(sora.home, 'ledger.jsonl'));
  };
  const { code, stdout, stderr } = await run('create', 'a boat', '-o', 'boat.mp4');
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'boat.mp4\n' });
  expect(stderr).toContain('is saved, but not recorded');
});
