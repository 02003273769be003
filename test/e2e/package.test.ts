import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAX_BYTES = 1_100_000;
/** Windows runs npm through a shell. */
const shell = process.platform === 'win32';

describe('the package', () => {
  it('is small, and runs without optional packages, including the pages', async () => {
    const folder = createTemporaryFolder();
    execFileSync('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], {
      cwd: ROOT,
      shell,
      stdio: 'pipe',
    });
    const [tarball = ''] = readdirSync(folder);
    expect(statSync(join(folder, tarball)).size).toBeLessThan(MAX_BYTES);

    writeFileSync(join(folder, 'package.json'), '{"private": true}');
    const install = [
      'install',
      `./${tarball}`,
      '--omit=optional',
      '--offline',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    const { NO_COLOR: _, FORCE_COLOR: __, ...plain } = process.env; // Node warns when both are set
    const installed = spawnSync('npm', install, { cwd: folder, shell, encoding: 'utf8', env: plain });
    expect({ status: installed.status, stderr: withoutNpmrcWarnings(installed.stderr) }).toEqual({
      status: 0,
      stderr: '',
    });
    expect(readdirSync(join(folder, 'node_modules')).filter((name) => !name.startsWith('.'))).toEqual(['sora-cli']);

    const bin = join(folder, 'node_modules', '.bin', 'sora');
    const argv = ['create', 'a paper boat', '--simulate', '-o', 'boat.mp4'];
    const env = { PATH: process.env.PATH, SORA_HOME: join(folder, 'home'), SORA_SIMULATOR_SPEED: '50' };
    const run = spawnSync(bin, argv, { cwd: folder, shell, encoding: 'utf8', env });
    expect({ status: run.status, stdout: run.stdout }).toEqual({ status: 0, stdout: 'boat.mp4\n' });
    expect(statSync(join(folder, 'boat.mp4')).size).toBeGreaterThan(1_000);

    for (const [extra, reason] of [
      [{ argv: ['-o', 's3://films/boat.mp4'] }, 'saving to `s3://` needs the AWS SDK, which is not installed'],
      [{ env: { SORA_LEDGER: 'postgres://db.invalid/sora' } }, 'needs the package pg, which is not installed'],
    ] as const) {
      const more = { argv: [], env: {}, ...extra };
      const refused = spawnSync(bin, ['create', 'another boat', '--simulate', ...more.argv], {
        cwd: folder,
        shell,
        encoding: 'utf8',
        env: { ...env, ...more.env },
      });
      expect(refused).toMatchObject({ status: 1, stderr: expect.stringContaining(reason) });
      expect(refused.stderr).toContain('hint: run `npm install');
    }

    const server = spawn(bin, ['serve', '--port', '0', '--json'], { cwd: folder, shell, env });
    try {
      const [started] = await once(server.stdout, 'data');
      const { url }: { url: string } = JSON.parse(String(started));
      for (const path of ['/', '/docs', '/assets/page.js', '/assets/swagger-ui-bundle.js', '/openapi.json']) {
        expect([path, (await fetch(`${url}${path}`)).status]).toEqual([path, 200]);
      }
    } finally {
      server.kill();
      await once(server, 'close');
    }
  });

  it.skipIf(shell)('brings its man page when it is installed globally', () => {
    const prefix = createTemporaryFolder();
    execFileSync('npm', ['install', '--global', `--prefix=${prefix}`, '--offline', '.'], { cwd: ROOT, stdio: 'pipe' });
    expect(readdirSync(join(prefix, 'bin'))).toEqual(['sora']);
    expect(readdirSync(join(prefix, 'share/man/man1'))).toEqual(['sora.1']);
  });

  it('has the same program in the Docker image, which is built from fewer files', () => {
    const folder = createTemporaryFolder();
    for (const [, name = ''] of readFileSync(join(ROOT, '.dockerignore'), 'utf8').matchAll(/^!(.+)$/gm)) {
      cpSync(join(ROOT, name), join(folder, name), { recursive: true });
    }
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'), 'junction');
    execFileSync(process.execPath, [join(folder, 'scripts/build.mjs')], { stdio: 'pipe' });
    for (const name of ['sora.js', 'lib/protocols.js', 'web/page.js']) {
      const [inImage, built] = [folder, ROOT].map((root) => readFileSync(join(root, 'dist', name), 'utf8'));
      expect({ name, isSame: inImage === built }).toEqual({ name, isSame: true });
    }
  });
});

/** The npm settings of the user who runs the tests. */
function withoutNpmrcWarnings(text: string): string {
  return text.replace(/^npm warn Unknown .* config .*\n/gm, '');
}
