import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A new, empty folder, removed when the running test ends. */
export function createTemporaryFolder(): string {
  const path = mkdtempSync(join(tmpdir(), 'sora-test-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  return path;
}
