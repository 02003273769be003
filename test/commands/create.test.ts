import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import { createCommandLine } from '../support/command-line.ts';

const PROMPT = 'A paper boat sails into a storm drain';

describe('sora create', () => {
  it('saves an MP4 file with the simulator and prints its path', async () => {
    const sora = createCommandLine();
    const { code, stdout } = await sora.run(['create', PROMPT, '--duration', '5', '--simulate']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^a-paper-boat-sails-into-a-storm-drain-[0-9a-z]+\.mp4\n$/);
    const path = join(sora.cwd, stdout.trim());
    expect(existsSync(path)).toBe(true);
    expect(sniffMedia(readFileSync(path))).toBe('mp4');
  });

  it('notes that the simulator made the same video before', async () => {
    const sora = createCommandLine();
    const create = ['create', PROMPT, '--simulate'];
    const { stdout } = await sora.run(create);
    const { stderr } = await sora.run(create);
    expect(stderr).toContain(
      `note: a video of the same request is saved as ${stdout.trim()}; \`--reuse\` returns it\n`,
    );
  });
});
