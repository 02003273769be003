import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { setUp } from '../support/set-up.ts';

describe('a detached create', () => {
  it('remembers its output and sidecar for a later download', async () => {
    const { sora, run } = await setUp();
    await run('create', 'a boat', '--detach', '-o', 'clips/boat.mp4', '--sidecar');
    expect(await run('download', '@last')).toMatchObject({ code: 0, stdout: 'clips/boat.mp4\n' });
    expect(readdirSync(join(sora.cwd, 'clips')).sort()).toEqual(['boat.mp4', 'boat.mp4.json']);
    expect((await run('download', '@last', '-o', 'other.mp4')).stdout).toBe('other.mp4\n');
  });

  it('remembers a name for each copy', async () => {
    const { run } = await setUp();
    await run('create', 'a boat', '--detach', '-o', 'boat-{n}.{ext}', '--count', '2');
    expect((await run('download', '--all')).stdout).toBe('boat-1.mp4\nboat-2.mp4\n');
  });

  it('refuses standard output, and an existing file, before paying', async () => {
    const { run, server } = await setUp();
    expect((await run('create', 'a boat', '--detach', '-o', '-')).code).toBe(2);
    await run('create', 'a boat', '-o', 'boat.mp4');
    expect((await run('create', 'a cat', '--detach', '-o', 'boat.mp4')).code).toBe(2);
    expect(server.posts).toBe(1);
  });
});

describe('sora download --all', () => {
  it('saves finished videos that were never saved, each once', async () => {
    const { sora, run } = await setUp();
    for (const prompt of ['a boat', 'a cat']) await run('create', prompt, '--detach');
    await run('create', 'a dog');
    expect((await run('download', '--all', '-o', 'out/')).stdout).toBe('out/a-boat-1.mp4\nout/a-cat-2.mp4\n');
    rmSync(join(sora.cwd, 'out'), { recursive: true });
    expect(await run('download', '--all')).toMatchObject({ code: 0, stdout: '' });
    expect(existsSync(join(sora.cwd, 'a-boat-1.mp4'))).toBe(false);
  });

  it('reports a list in JSON, whatever is in it', async () => {
    const { run } = await setUp();
    await run('create', 'a boat', '--detach');
    expect((await run('download', '--all', '--json')).json()).toMatchObject({ jobs: [{ id: 'video_1' }] });
    expect((await run('download', '--all', '--json')).json()).toMatchObject({ jobs: [], notes: ['nothing to save'] });
  });

  it('skips running jobs, or waits for them with --wait', async () => {
    let looks = 0;
    const { run } = await setUp({
      retrieve: (job) => (++looks < 3 ? { body: { ...job, status: 'in_progress' } } : null),
    });
    await run('create', 'a boat', '--detach');
    expect(await run('download', '--all')).toMatchObject({ code: 0, stdout: '' });
    expect(await run('download', '--all', '--wait')).toMatchObject({ code: 0, stdout: 'a-boat-1.mp4\n' });
  });

  it('returns what another process saved during the wait', async () => {
    let onLook = (): object => ({ status: 'completed' });
    const { sora, run } = await setUp({ retrieve: (job) => ({ body: { ...job, ...onLook() } }) });
    const paths = [join(sora.home, 'ledger.jsonl'), join(sora.cwd, 'a-boat-1.mp4')] as const;
    await run('create', 'a boat', '--detach');
    const before = readFileSync(paths[0]);
    await run('download', '--all');
    const after = paths.map((path) => readFileSync(path));
    writeFileSync(paths[0], before);
    rmSync(paths[1]);
    onLook = () => {
      onLook = () => ({ status: 'completed' });
      paths.forEach((path, at) => {
        writeFileSync(path, after[at] ?? '');
      });
      return { status: 'in_progress' };
    };
    expect(await run('download', '--all', '--wait')).toMatchObject({ code: 0, stdout: 'a-boat-1.mp4\n' });
  });

  it.each([[['--all', 'video_1']], [[]], [['--all', '-o', 'boat.mp4']]])('refuses %j', async (argv) => {
    const { run } = await setUp();
    expect((await run('download', ...argv)).code).toBe(2);
  });
});
