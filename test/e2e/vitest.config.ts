import { defineConfig } from 'vitest/config';

/** What people do with it: install the package, follow the docs, open the pages. Apart, since it takes as long as half of the rest. */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/../..`,
    include: ['test/e2e/**/*.test.ts'],
    reporters: ['default', './test/support/plain-summary-reporter.ts'],
    testTimeout: 60_000,
    env: { NO_COLOR: '', FORCE_COLOR: '' },
  },
});
