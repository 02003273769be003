import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Debian installs the programs of each version in a separate folder. */
const DEBIAN = '/usr/lib/postgresql';

/** The folder of `initdb` and `postgres`; undefined if PostgreSQL is not installed. */
export const POSTGRES_BIN: string | undefined = [
  ...(existsSync(DEBIAN) ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin')) : []),
  ...(process.env.PATH ?? '').split(':'),
].find((folder) => existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres')));

/** Why tests on PostgreSQL are skipped; added to their titles. */
export const SKIPPED = POSTGRES_BIN === undefined ? ' (skipped: PostgreSQL is not installed)' : '';

export interface Postgres {
  /** The URL of a new, empty database. */
  createDatabase(): string;
  /** Kills all processes of the server, like a crash. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
  psql(url: string, sql: string): string;
}

export interface PostgresOptions {
  /** `false` saves time when nothing crashes. */
  readonly isDurable?: boolean;
  /** Encrypted connections with passwords, to this port of `localhost`. */
  readonly tls?: { readonly key: string; readonly cert: string; readonly port: number };
}

/** A temporary cluster, reached through a socket in its folder. */
export async function startPostgres({ isDurable = false, tls }: PostgresOptions = {}): Promise<Postgres> {
  const bin = POSTGRES_BIN ?? '';
  const folder = mkdtempSync(join(tmpdir(), 'sora-pg-'));
  const user = ownUser();
  if (user.uid !== undefined && user.gid !== undefined) chownSync(folder, user.uid, user.gid);
  chmodSync(folder, 0o755);
  const data = join(folder, 'data');
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'sora', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--locale=C'],
    {
      ...user,
      stdio: 'pipe',
      cwd: folder,
    },
  );
  if (tls !== undefined) {
    for (const [name, text] of Object.entries({
      'server.key': tls.key,
      'server.crt': tls.cert,
      'pg_hba.conf': 'local all all trust\nhostssl all all localhost scram-sha-256\n',
    })) {
      writeFileSync(join(data, name), text, { mode: 0o600 });
      if (user.uid !== undefined && user.gid !== undefined) chownSync(join(data, name), user.uid, user.gid);
    }
  }
  const port = tls === undefined ? '' : `&port=${tls.port}`;
  const urlOf = (name: string): string => `postgres:///${name}?host=${encodeURIComponent(folder)}&user=sora${port}`;
  const psql = (url: string, sql: string): string =>
    execFileSync(join(bin, 'psql'), ['-XAtq', '-d', url, '-c', sql], { encoding: 'utf8', stdio: 'pipe' }).trim();
  let server: ChildProcess;
  let databases = 0;
  const start = async (): Promise<void> => {
    const settings = ['listen_addresses=', `unix_socket_directories=${folder}`, 'max_connections=200'];
    if (tls !== undefined) settings.push('ssl=on', 'listen_addresses=localhost', `port=${tls.port}`);
    if (!isDurable) settings.push('fsync=off', 'synchronous_commit=off', 'full_page_writes=off');
    server = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((setting) => ['-c', setting])], {
      ...user,
      stdio: 'ignore',
      detached: true, // its processes are a group that can be killed together
    });
    for (let tries = 0; ; tries++) {
      try {
        psql(urlOf('postgres'), 'SELECT 1');
        return;
      } catch (error) {
        if (tries > 200) throw error;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  const end = async (signal: 'SIGKILL' | 'SIGINT'): Promise<void> => {
    const ended = new Promise((resolve) => server.once('exit', resolve));
    if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
    process.kill(signal === 'SIGKILL' ? -server.pid : server.pid, signal);
    await ended;
  };
  await start();
  return {
    createDatabase() {
      const name = `test_${++databases}`;
      psql(urlOf('postgres'), `CREATE DATABASE ${name}`);
      return urlOf(name);
    },
    kill: () => end('SIGKILL'),
    start,
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true });
    },
    psql,
  };
}

/** PostgreSQL refuses to run as root. */
function ownUser(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  for (const name of ['postgres', 'nobody']) {
    try {
      const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name], { stdio: 'pipe' })));
      if (uid !== undefined && gid !== undefined) return { uid, gid };
    } catch {
      // There is no such user.
    }
  }
  return {};
}
