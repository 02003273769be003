import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { startVideosServer } from '../support/videos-server.ts';

/** The implementation of the global fetch, Headers and FormData. */
const FETCH = 'NativeModule internal/deps/undici/undici';

describe('a command that creates nothing', () => {
  it.each([
    [['doctor']],
    [['create', 'a paper boat', '--dry-run']],
    [['status', 'video_1']],
    [['download', 'video_1']],
  ])('does not load the global fetch: %j', async (argv) => {
    const server = await startVideosServer();
    server.jobs.push({ id: 'video_1', status: 'completed' });
    expect(await modulesOf([...argv, '--base-url', `${server.origin}/v1`])).not.toContain(FETCH);
  });

  it('is caught by this test when it loads the global fetch', async () => {
    expect(await modulesOf(['create', 'a paper boat', '--simulate', '--detach'])).toContain(FETCH);
  });
});

/** Names of the modules that a command loads. */
async function modulesOf(argv: readonly string[]): Promise<unknown> {
  const sora = createBinary();
  const [hook, list] = ['hook.cjs', 'modules.json'].map((name) => join(sora.cwd, name)) as [string, string];
  writeFileSync(
    hook,
    `process.on('exit', () => require('node:fs').writeFileSync(${JSON.stringify(list)}, JSON.stringify(process.moduleLoadList)));`,
  );
  const { code } = await sora.start(argv, { NODE_OPTIONS: `--require ${JSON.stringify(hook)}` }).ended;
  expect(code).toBe(0);
  return JSON.parse(readFileSync(list, 'utf8'));
}
