import { createRequire } from 'node:module';
import { join } from 'node:path';
import type OpenAI from 'openai';

interface OpenAiPackage {
  readonly name: string;
  readonly isInstalled: boolean;
  /** The newest package has no types here, so it is used with the types of ours. */
  load(): Promise<typeof OpenAI>;
}

/** The path of `openai-7`, installed only on Node versions that it supports; see test/newest-openai. */
const require = createRequire(join(import.meta.dirname, '../newest-openai/package.json'));

function findNewest(): string | null {
  try {
    return require.resolve('openai-7');
  } catch {
    return null;
  }
}

const newest = findNewest();
if (newest === null) process.stderr.write(`openai 7 does not support Node ${process.versions.node}: left out\n`);

/** The official package, in our version and the newest one. */
export const OPENAI_PACKAGES: readonly OpenAiPackage[] = [
  { name: 'openai 6', isInstalled: true, load: async () => (await import('openai')).default },
  {
    name: 'openai 7',
    isInstalled: newest !== null,
    load: async () => (await import(newest ?? '')).default,
  },
];
