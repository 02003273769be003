import { defineConfig } from 'vitest/config';

/** The pages of `sora serve` in a real browser: apart from the other tests, since it takes as long as half of them. */
export default defineConfig({
  test: {
    root: `${import.meta.dirname}/../..`,
    include: ['test/browser/**/*.test.ts'],
    reporters: ['default', './test/support/plain-summary-reporter.ts'],
    testTimeout: 60_000,
    env: { NO_COLOR: '', FORCE_COLOR: '' },
  },
});
