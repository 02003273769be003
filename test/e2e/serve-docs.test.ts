import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import { createBinary } from '../support/binary.ts';
import { startServe } from '../support/serve.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const DOCUMENT = readFileSync(join(ROOT, 'docs/serve.md'), 'utf8');

/** Programs that run the examples; Python only with the openai package. */
const PYTHON = process.env.PYTHON ?? 'python3';
const canRun = (file: string, ...argv: string[]): boolean => spawnSync(file, argv).status === 0;
const hasPython = canRun(PYTHON, '-c', 'import openai');
if (!hasPython) process.stderr.write(`${PYTHON} has no openai package: its example in docs/serve.md is not run\n`);

/** The first example under a heading. */
function example(heading: string): string {
  const section = DOCUMENT.slice(DOCUMENT.indexOf(`\n## ${heading}\n`));
  return /```\w+\n([\s\S]*?)```/.exec(section)?.[1] ?? '';
}

describe('the example in docs/serve.md', () => {
  it.skipIf(!canRun('curl', '--version')).each([['curl', 'example.sh', 'bash']])('for %s works', check);
  it.each([['openai for JavaScript', 'example.mjs', process.execPath]])('for %s works', check);
  it.skipIf(!hasPython).each([['openai for Python', 'example.py', PYTHON]])('for %s works', check);
});

async function check(heading: string, name: string, program: string): Promise<void> {
  const { url } = await startServe(createBinary());
  const cwd = createTemporaryFolder();
  symlinkSync(join(ROOT, 'node_modules'), join(cwd, 'node_modules'), 'junction');
  writeFileSync(join(cwd, name), example(heading).replaceAll('http://127.0.0.1:3000', url));
  const env = { PATH: process.env.PATH, OPENAI_BASE_URL: `${url}/v1`, OPENAI_API_KEY: 'test-api-key' };
  const { status, stderr } = spawnSync(program, [name], { cwd, env, encoding: 'utf8' });
  expect(status, stderr).toBe(0);
  expect(sniffMedia(readFileSync(join(cwd, 'boat.mp4')))).toBe('mp4');
}
