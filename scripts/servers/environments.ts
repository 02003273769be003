// Installs third-party servers in a cache folder outside the repository, one environment for each lock file.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

/** A server cannot be installed here; the message states the reason. */
export class Unavailable extends Error {}

const HERE = import.meta.dirname;
const CACHE = process.env.SORA_SERVERS_CACHE ?? join(homedir(), '.cache', 'sora-servers');
const INSTALL_LIMIT_MS = 15 * 60_000;
const run = promisify(execFile);

/** The `python` of an environment with the packages of each `requirements/NAME.txt`, verified by their hashes. */
export async function pythonEnvironment(...names: readonly string[]): Promise<string> {
  const files = names.map((name) => join(HERE, 'requirements', `${name}.txt`));
  const lock = Buffer.concat(files.map((file) => readFileSync(file)));
  const folder = await installed(names.at(-1) ?? '', lock, async (folder) => {
    await install(findPython(), ['-m', 'venv', folder]);
    const requirements = files.flatMap((file) => ['-r', file]);
    const pinned = ['--require-hashes', '--no-deps', '--only-binary', ':all:', ...requirements];
    await install(join(folder, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...pinned]);
  });
  return join(folder, 'bin', 'python');
}

/** The folder with the `node_modules` of `npm/package-lock.json`. No script of a package runs. */
export function npmEnvironment(): Promise<string> {
  const files = ['package.json', 'package-lock.json'];
  return installed('npm', readFileSync(join(HERE, 'npm', 'package-lock.json')), async (folder) => {
    mkdirSync(folder, { recursive: true });
    for (const file of files) copyFileSync(join(HERE, 'npm', file), join(folder, file));
    await install('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--prefix', folder]);
  });
}

/** The folder of an environment; a mark in it shows that it is complete. */
async function installed(name: string, lock: Buffer, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, `${name}-${createHash('sha256').update(lock).digest('hex').slice(0, 12)}`);
  const mark = join(folder, '.complete');
  if (existsSync(mark)) return folder;
  process.stderr.write(`installing ${name} into ${folder}\n`);
  rmSync(folder, { recursive: true, force: true });
  await make(folder);
  writeFileSync(mark, '');
  return folder;
}

async function install(command: string, argv: readonly string[]): Promise<void> {
  try {
    await run(command, [...argv], { timeout: INSTALL_LIMIT_MS, maxBuffer: 64 << 20 });
  } catch (error) {
    const { stderr = '', message } = error as { stderr?: string; message: string };
    const reason =
      stderr
        .trim()
        .split('\n')
        .findLast((line) => /error/i.test(line)) ?? message;
    throw new Unavailable(`could not install it: ${reason.trim().slice(0, 200)}`);
  }
}

/** The requirements are pinned for these versions. */
function findPython(): string {
  const code = 'import sys; print(sys.executable if (3, 11) <= sys.version_info[:2] <= (3, 13) else "")';
  for (const name of ['python3', 'python3.13', 'python3.12', 'python3.11']) {
    const { status, stdout } = spawnSync(name, ['-c', code], { encoding: 'utf8' });
    if (status === 0 && stdout.trim() !== '') return stdout.trim();
  }
  throw new Unavailable('it needs Python 3.11 to 3.13');
}
