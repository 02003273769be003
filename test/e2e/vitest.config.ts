import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

/**
 * What people do with it: install the package, follow the docs, open the pages. The tests of commands run here again, on
 * the program that ships. Apart from the rest, since it takes as long.
 */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/../..`,
    include: ['test/e2e/**/*.test.ts', 'test/commands/**/*.test.ts', 'test/docs/**/*.test.ts'],
    reporters: ['default', './test/support/plain-summary-reporter.ts'],
    testTimeout: 60_000,
    pool: 'threads',
    isolate: false,
    maxWorkers: availableParallelism(),
    env: { NO_COLOR: '', FORCE_COLOR: '', SORA_TESTED: 'built' },
    expect: { requireAssertions: true, poll: { timeout: 30_000 } },
  },
});
