import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/e2e/**'], // `npm run test:e2e`
    reporters: ['default', './test/support/plain-summary-reporter.ts'],
    environment: 'node',
    testTimeout: 60_000, // for a busy machine; no test takes a tenth of it on an idle one
    // No test changes what another one sees, so they share their modules: that halves the time.
    pool: 'threads',
    isolate: false,
    // Each of them loads the program for itself, so more of them than cores take longer.
    maxWorkers: availableParallelism(),
    // A test that needs a colour, a key or a folder sets it; none is inherited.
    env: { NO_COLOR: '', FORCE_COLOR: '' },
    // A test that asserts nothing cannot fail.
    expect: { requireAssertions: true, poll: { timeout: 30_000 } },
  },
});
