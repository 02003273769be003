import { execFileSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openInput } from '../../src/platform/open-input.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

/** The threads of libuv that open files, one for each blocking call. */
const THREADS = 4;

it.skipIf(process.platform === 'win32')('stops waiting for a pipe that no thread has come to open yet', async () => {
  const folder = createTemporaryFolder();
  const [pipe = '', ...others] = Array.from({ length: THREADS + 1 }, (_, at) => join(folder, `pipe-${at}`));
  execFileSync('mkfifo', [pipe, ...others]);
  const blocked = others.map((other) => open(other));
  const interrupt = new AbortController();
  const opened = openInput(pipe, interrupt.signal);
  interrupt.abort(new Error('interrupted'));
  for (const other of others) closeSync(openSync(other, 'w'));
  await expect(opened).rejects.toThrow('interrupted');
  for (const file of await Promise.all(blocked)) await file.close();
});
