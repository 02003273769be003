import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createCommandLine, Interrupt } from '../support/command-line.ts';

const PREVIEW = ['--simulate', '--dry-run', '--json'] as const;
/** Long enough for a command to reach its input. */
const SOON_MS = 50;

describe.skipIf(process.platform === 'win32')('a named pipe', () => {
  function setUp() {
    const sora = createCommandLine();
    execFileSync('mkfifo', [join(sora.cwd, 'pipe')]);
    return sora;
  }

  it.each([
    ['a prompt', ['create', '@pipe', ...PREVIEW]],
    ['a first frame', ['create', 'a boat', '-i', 'pipe', ...PREVIEW]],
    ['a last frame', ['create', 'a boat', '--last-frame', 'pipe', ...PREVIEW]],
    ['a reference', ['create', 'a boat', '--reference', 'pipe', ...PREVIEW]],
    ['the prompt of a remix', ['remix', 'video_1', '@pipe', ...PREVIEW]],
    ['a video to edit', ['edit', 'pipe', 'at night', ...PREVIEW]],
    ['a character', ['character', 'create', 'Mossy', 'pipe', ...PREVIEW]],
    ['a manifest', ['batch', 'pipe', ...PREVIEW]],
    ['a manifest to price', ['cost', '--batch', 'pipe', '--json']],
  ])('without a writer is waited for until Ctrl-C as %s', async (_, argv) => {
    const interrupt = new AbortController();
    const run = setUp().run(argv, { interrupt: interrupt.signal });
    setTimeout(() => interrupt.abort(new Interrupt('SIGINT')), SOON_MS);
    expect(await run).toMatchObject({ code: 130, stdout: '', stderr: expect.stringContaining('interrupted') });
  });

  it('is refused in a row, whose files are read twice', async () => {
    const sora = setUp();
    writeFileSync(join(sora.cwd, 'm.jsonl'), '{"prompt":"@pipe"}\n{"prompt":"a boat","image":"pipe"}\n');
    const { code, stderr } = await sora.run(['batch', 'm.jsonl', ...PREVIEW]);
    expect(code).toBe(2);
    expect(stderr.match(/it is a named pipe, not a file/g)).toHaveLength(2);
  });

  it('is refused as an environment file, which Node reads too', async () => {
    const { code, stderr } = await setUp().run(['list', '--local', '--env-file', 'pipe']);
    expect(code).toBe(2);
    expect(stderr).toContain('it is a named pipe, not a file');
  });

  it.each(['settings.json', 'keys.json'])('is refused in the place of %s', async (name) => {
    const sora = createCommandLine();
    mkdirSync(sora.home);
    execFileSync('mkfifo', [join(sora.home, name)]);
    const { code, stderr } = await sora.run(['create', 'a boat', '--dry-run']);
    expect(code).toBe(2);
    expect(stderr).toContain('it is a named pipe, not a file');
  });

  it.each(['ledger.jsonl.mark', 'ledger.index', 'account.salt'])(
    'in the place of %s does not stop a create',
    async (name) => {
      const sora = createCommandLine();
      mkdirSync(sora.home);
      execFileSync('mkfifo', [join(sora.home, name)]);
      expect(await sora.run(['create', 'a boat', '--simulate'])).toMatchObject({ code: 0 });
    },
  );
});
