import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/browser/**'], // `npm run test:browser`
    reporters: ['default', './test/support/plain-summary-reporter.ts'],
    environment: 'node',
    testTimeout: 20_000,
    // No test changes what another one sees, so they share their modules: that halves the time.
    pool: 'threads',
    isolate: false,
    // Most of them wait for processes and sockets of their own.
    maxWorkers: availableParallelism() + 1,
    // A test that needs a colour, a key or a folder sets it; none is inherited.
    env: { NO_COLOR: '', FORCE_COLOR: '' },
  },
});
