import { createRequire } from 'node:module';
import { join } from 'node:path';
import type OpenAI from 'openai';

interface OpenAiPackage {
  readonly name: string;
  readonly isInstalled: boolean;
  /** The newest one has no types here: it is used as the one whose types we have. */
  load(): Promise<typeof OpenAI>;
}

/** Where `openai-7` is found; it is installed on a Node that it supports only, see test/newest-openai. */
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

/** The official package, of the version that we use and the newest there is. */
export const OPENAI_PACKAGES: readonly OpenAiPackage[] = [
  { name: 'openai 6', isInstalled: true, load: async () => (await import('openai')).default },
  {
    name: 'openai 7',
    isInstalled: newest !== null,
    load: async () => (await import(newest ?? '')).default,
  },
];
