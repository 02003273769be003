import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type CommandLine, createCommandLine, type RunOptions, type RunResult } from '../support/command-line.ts';

interface Desk {
  readonly sora: CommandLine;
  /** The files that the player was asked to open. */
  readonly opened: readonly string[];
  run(line: string, options?: RunOptions): Promise<RunResult>;
}

function createDesk(): Desk {
  const sora = createCommandLine();
  const opened: string[] = [];
  const openFile = async (path: string): Promise<void> => {
    opened.push(path);
  };
  return { sora, opened, run: (line, options) => sora.run(line.split(' '), { openFile, ...options }) };
}

const withoutDisplay: RunOptions = {
  openFile: async () => {
    throw new Error('there is no display');
  },
};

describe('sora open', () => {
  it('opens the saved video and prints its path', async () => {
    const { sora, opened, run } = createDesk();
    await run('create boat --simulate -o boat.mp4 --variant thumbnail --variant video');
    const { code, stdout } = await run('open @last --simulate');
    expect({ code, stdout, opened }).toEqual({ code: 0, stdout: 'boat.mp4\n', opened: [join(sora.cwd, 'boat.mp4')] });
  });

  it('suggests the command that saves an unsaved video', async () => {
    const { opened, run } = createDesk();
    const id = (await run('create boat --simulate --detach')).stdout.trim();
    const { code, stdout, stderr } = await run(`open ${id}`);
    expect({ code, stdout, opened }).toEqual({ code: 1, stdout: '', opened: [] });
    const [, hint = ''] = /`sora (download [^`]*)`/.exec(stderr) ?? [];
    expect((await run(`${hint} -o boat.mp4`)).code).toBe(0);
    expect((await run(`open ${id}`)).stdout).toBe('boat.mp4\n');
  });

  it('suggests no download of a job that ended without a video', async () => {
    const { run } = createDesk();
    await run('create boat --simulate --fault moderation_blocked');
    const { stderr } = await run('open @last --simulate');
    const [, hint = ''] = /hint: run `sora ([^`]*)`/.exec(stderr) ?? [];
    expect((await run(hint)).stdout).toMatch(/\tfailed\t/);
  });

  it.each([
    ['nope', []],
    ['video_0123456789abcdef', [expect.stringMatching(/^run `sora download video_0123456789abcdef/)]],
  ])('reports that no video is named %s', async (id, hints) => {
    const { code, stderr } = await createDesk().run(`open ${id} --json`);
    expect({ code, ...JSON.parse(stderr).error }).toMatchObject({
      code: 'video_not_found',
      message: `the ledger has no video \`${id}\``,
      hints: ['run `sora list --local` to see the ids', ...hints],
    });
  });

  it('reports that a saved file is gone', async () => {
    const { sora, run } = createDesk();
    await run('create boat --simulate -o boat.mp4');
    rmSync(join(sora.cwd, 'boat.mp4'));
    const { code, stderr } = await run('open @last --simulate');
    expect(code).toBe(1);
    expect(stderr).toMatch(/not saved on this machine[\s\S]*boat\.mp4 was moved, changed or deleted/);
  });

  it('prints the path and fails when nothing can be opened', async () => {
    const { run } = createDesk();
    await run('create boat --simulate -o boat.mp4');
    const { code, stdout, stderr } = await run('open @last --simulate', withoutDisplay);
    expect({ code, stdout }).toEqual({ code: 1, stdout: 'boat.mp4\n' });
    expect(stderr).toContain('error: could not open boat.mp4\n  caused by: there is no display');
  });
});

describe('--open', () => {
  it('opens the first of the videos that `create` saved', async () => {
    const { sora, opened, run } = createDesk();
    expect((await run('create boat --simulate --count 2 -o boat-{n}.mp4 --open')).code).toBe(0);
    expect(opened).toEqual([join(sora.cwd, 'boat-1.mp4')]);
  });

  it('opens what `download` saves or has already saved', async () => {
    const { sora, opened, run } = createDesk();
    await run('create boat --simulate --no-download');
    await run('download @last --simulate -o boat.mp4 --open');
    await run('download @last --simulate -o boat.mp4 --open');
    expect(opened).toEqual([join(sora.cwd, 'boat.mp4'), join(sora.cwd, 'boat.mp4')]);
  });

  it.each<[string, RunOptions, string]>([
    ['without a display', withoutDisplay, 'note: could not open boat.mp4: there is no display'],
    ['in CI', { env: { CI: 'true' } }, 'note: `--open` is ignored where CI is set'],
  ])('does not fail a create %s', async (_, options, note) => {
    const { opened, run } = createDesk();
    const { code, stdout, stderr } = await run('create boat --simulate -o boat.mp4 --open', options);
    expect({ code, stdout, opened }).toEqual({ code: 0, stdout: 'boat.mp4\n', opened: [] });
    expect(stderr).toContain(note);
  });

  it.each(['--detach', '--no-download', '-o -'])('is refused with `%s` before anything is sent', async (option) => {
    const { run } = createDesk();
    const { code, stderr } = await run(`create boat --simulate --open ${option}`);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('`--open` needs a') });
  });
});
