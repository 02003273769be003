import { execFile, execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readdirSync, renameSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { createPngHeader } from '../support/image-headers.ts';

const PREVIEW = ['--simulate', '--dry-run', '--json'] as const;

describe.skipIf(process.platform === 'win32')('what comes through a named pipe', () => {
  function setUp() {
    const sora = createBinary();
    const pipe = join(sora.cwd, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const send = (content: string | Uint8Array): void => {
      execFile('sh', ['-c', 'cat > "$0"', pipe]).stdin?.end(content);
    };
    return { sora, pipe, send };
  }

  it('is a prompt, read to its end', async () => {
    const { sora, send } = setUp();
    const prompt = 'a long boat '.repeat(2_000);
    send(`${prompt}\n`);
    const { code, stdout } = await sora.start(['create', '@pipe', ...PREVIEW]).ended;
    expect({ code, prompt: JSON.parse(stdout).request.prompt }).toEqual({ code: 0, prompt });
  });

  it('is an image', async () => {
    const { sora, send } = setUp();
    send(createPngHeader(1280, 720));
    expect(await sora.start(['create', 'a boat', '-i', 'pipe', ...PREVIEW]).ended).toMatchObject({ code: 0 });
  });

  it('may be nothing', async () => {
    const { sora, send } = setUp();
    send('');
    const { code, stderr } = await sora.start(['create', '@pipe', ...PREVIEW]).ended;
    expect({ code, violations: JSON.parse(stderr).error.violations }).toEqual({
      code: 2,
      violations: ['the prompt is empty'],
    });
  });

  it('is a manifest that can be run again through another pipe', async () => {
    const { sora, send, pipe } = setUp();
    const batch = (name: string) => sora.start(['batch', name, '--simulate', '-o', 'clips']).ended;
    send('a boat\n');
    const first = await batch('pipe');
    renameSync(pipe, join(sora.cwd, 'other'));
    symlinkSync('other', pipe);
    send('a boat\n');
    expect(await batch('other')).toMatchObject({ code: 0, stdout: first.stdout });
    expect(readdirSync(sora.cwd).filter((name) => name.includes('results'))).toEqual([]);
    send('a boat\n');
    expect(await sora.start(['film', 'other', '--simulate']).ended).toMatchObject({ code: 0, stdout: 'film.mp4\n' });
  });

  it('is waited for until Ctrl-C', async () => {
    const { sora, pipe } = setUp();
    const run = sora.start(['create', '@pipe', '--simulate']);
    const writer = await whenRead(pipe);
    onTestFinished(() => closeSync(writer));
    run.child.kill('SIGINT');
    expect(await run.ended).toMatchObject({ code: 130, stderr: expect.stringContaining('interrupted') });
  });
});

/** Opens a pipe for writing as soon as it has a reader. */
async function whenRead(pipe: string): Promise<number> {
  for (;;) {
    try {
      return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      await setTimeout(5);
    }
  }
}
