import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import { BINARY, createBinary } from '../support/binary.ts';

const README = readFileSync(resolve(import.meta.dirname, '../../README.md'), 'utf8');
/** The commands in the README that need no server and no key, without the installation. */
const COMMANDS = [...README.matchAll(/(?:^|&& )(?:node bin\/sora\.js|sora) (create .*--simulate.*)$/gm)].map(
  ([, command = '']) => command,
);

describe.skipIf(process.platform === 'win32')('the README', () => {
  it('starts with a video from the simulator', () => {
    expect(COMMANDS.length).toBeGreaterThan(0);
  });

  it.each(COMMANDS)('shows a command that works: sora %s', (command) => {
    const { cwd, env } = createBinary();
    const { status, stdout } = spawnSync('bash', ['-c', `"${process.execPath}" "${BINARY}" ${command}`], {
      cwd,
      env,
      encoding: 'utf8',
    });
    const [, exitCode = '0'] = /exit code (\d+)/.exec(command) ?? [];
    expect(status).toBe(Number(exitCode));
    if (status === 0) expect(sniffMedia(readFileSync(join(cwd, stdout.trim())))).toBe('mp4');
  });
});
