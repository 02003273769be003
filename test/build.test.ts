import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '..');
const script = readFileSync(join(ROOT, 'scripts/build.mjs'), 'utf8');

describe('the build', () => {
  it('is short, and bundles libraries as they are: no plugin, no injected code, no second pass over what esbuild wrote', () => {
    expect(script.split('\n').length).toBeLessThanOrEqual(120);
    expect(script).not.toMatch(/\bplugins\b|\binject\b|onLoad|onResolve|\btransform\b|outputFiles|write: false/);
  });

  it('writes the program in ASCII: one other character, as in a regex, makes V8 hold and hash it in two bytes each', () => {
    expect(readFileSync(join(ROOT, 'dist/sora.js')).every((byte) => byte < 0x80)).toBe(true);
  });

  it('packs a licence for each package, and the notice of Swagger UI', () => {
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
