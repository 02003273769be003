import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const script = readFileSync(join(ROOT, 'scripts/build.mjs'), 'utf8');

describe('the build', () => {
  it('is short and runs esbuild without plugins, injected code or post-processing', () => {
    expect(script.split('\n').length).toBeLessThanOrEqual(120);
    expect(script).not.toMatch(/\bplugins\b|\binject\b|onLoad|onResolve|\btransform\b|outputFiles|write: false/);
  });

  it('writes pure ASCII, because V8 stores and hashes any other source as two-byte strings', () => {
    expect(readFileSync(join(ROOT, 'dist/sora.js')).every((byte) => byte < 0x80)).toBe(true);
  });

  it('packs the licences of the bundled packages, and the notice of Swagger UI', () => {
    const licences = readFileSync(join(ROOT, 'dist/THIRD-PARTY-LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'openai', 'hono', 'zod', 'swagger-ui-dist']) {
      expect(licences).toMatch(new RegExp(`^${name} \\d+\\.\\d+\\.\\d+ \\(`, 'm'));
    }
    expect(licences).toContain(readFileSync(join(ROOT, 'node_modules/swagger-ui-dist/NOTICE'), 'utf8').trim());
    expect(readdirSync(join(ROOT, 'dist/web'))).toEqual(
      expect.arrayContaining(['NOTICE', 'swagger-ui-bundle.js.LICENSE.txt']),
    );
  });
});
