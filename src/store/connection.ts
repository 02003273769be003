import { join } from 'node:path';
import type { PoolConfig } from 'pg';
import { SoraError } from '../domain/errors.ts';
import { decodePercent } from '../domain/redact.ts';
import { attempt } from '../platform/attempt.ts';
import { statsOf } from '../platform/files.ts';
import { readRegular } from '../platform/open-input.ts';
import { isExposed } from './keys.ts';

export interface ConnectionSource {
  /** `postgres://…`; what it leaves out comes from a service, `PG*` variables and `~/.pgpass`, as for psql. */
  readonly url: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeDir: string | null;
  /** Whether an environment file chose the database, which then gets only a password from `url` or `env`. */
  readonly isFromFile?: boolean;
  /** Windows has no permissions of files to check. */
  readonly platform?: NodeJS.Platform;
}

export interface DatabaseConnection
  extends Pick<PoolConfig, 'host' | 'port' | 'user' | 'password' | 'database' | 'options' | 'ssl'> {
  /** Whether it may be unencrypted if the server offers no TLS. */
  readonly prefersTls: boolean;
}

/** libpq's parameters of TLS, and their variables. */
const TLS = { sslmode: 'PGSSLMODE', sslrootcert: 'PGSSLROOTCERT', sslcert: 'PGSSLCERT', sslkey: 'PGSSLKEY' } as const;
const DEFAULT_PORT = 5432;
/** Modes in which the certificate of the server is checked against `~/.postgresql/root.crt`, if that exists. */
const CHECKED = new Set(['require', 'verify-ca', 'verify-full']);

/** A user without a host is valid here, and not in other URLs. */
export function parseAddress(url: string): URL {
  return new URL(url.replace(/^(\w+:\/\/[^/?#]*@)(?=[/?#]|$)/, '$1localhost'));
}

/** What must not be shown of it: a URL may name its password in two places. */
export function passwordsIn(url: string): string[] {
  const { password, searchParams } = parseAddress(url);
  return [decodePercent(password), ...searchParams.getAll('password')].filter((part) => part !== '');
}

/** The URL without password and parameters. */
export function withoutSecrets(url: string): string {
  const address = parseAddress(url);
  address.password = '';
  address.search = '';
  address.hash = '';
  return address.href;
}

/** How to connect, as libpq would. Throws `invalid_config` for an unknown service, and what reading certificates throws. */
export async function connectionFrom({
  url,
  env,
  homeDir,
  isFromFile = false,
  platform = 'linux',
}: ConnectionSource): Promise<DatabaseConnection> {
  const { parse } = await import('pg-connection-string');
  const address = parseAddress(url);
  const { searchParams } = address;
  const service = readService(searchParams.get('service') || env.PGSERVICE, { env, homeDir });
  const setting = (name: string, variable: string): string | undefined =>
    searchParams.get(name) || service[name] || env[variable] || undefined;
  const mode = setting('sslmode', TLS.sslmode) ?? 'prefer';
  const passwordFile = setting('passfile', 'PGPASSFILE') ?? (homeDir === null ? null : join(homeDir, '.pgpass'));
  for (const [name, variable] of Object.entries(TLS)) {
    const value = setting(name, variable);
    if (value !== undefined) searchParams.set(name, value);
  }
  searchParams.set('sslmode', mode === 'allow' ? 'prefer' : mode);
  const rootCert = homeDir === null ? null : join(homeDir, '.postgresql', 'root.crt');
  if (rootCert !== null && CHECKED.has(mode) && !searchParams.has('sslrootcert') && isFile(rootCert)) {
    searchParams.set('sslrootcert', rootCert);
  }
  for (const name of ['service', 'passfile']) searchParams.delete(name);

  const { host, port, user, password, database, ssl, options } = parse(address.href, { useLibpqCompat: true });
  const known = {
    host: host || service.host || env.PGHOST,
    port: Number(port || service.port || env.PGPORT) || undefined,
    user: user || service.user || env.PGUSER,
    database: database || service.dbname || env.PGDATABASE,
  };
  const given = (typeof password === 'string' && password) || (!isFromFile && service.password) || env.PGPASSWORD;
  // Without a password, the driver would read the variables and files of this process.
  const found = isFromFile ? () => '' : passwordFrom(passwordFile, platform, known);
  return {
    ...defined({ ...known, options, password: given || found }),
    ssl: known.host?.startsWith('/') ? false : (ssl as PoolConfig['ssl']),
    prefersTls: mode === 'prefer' || mode === 'allow',
  };
}

/** The parameters of a service in libpq's service file. Throws `invalid_config` if there is none of that name. */
function readService(
  name: string | undefined,
  { env, homeDir }: Pick<ConnectionSource, 'env' | 'homeDir'>,
): Readonly<Record<string, string>> {
  if (name === undefined || name === '') return {};
  const own = env.PGSERVICEFILE ?? (homeDir === null ? undefined : join(homeDir, '.pg_service.conf'));
  const paths = [own, env.PGSYSCONFDIR && join(env.PGSYSCONFDIR, 'pg_service.conf')];
  for (const path of paths) {
    const found = path && sectionOf(name, readIfThere(path));
    if (found) return found;
  }
  throw new SoraError('invalid_config', {
    title: `no service \`${name}\` in ${paths.filter(Boolean).join(' or ')}`,
    hints: ['check `PGSERVICE` and the service file, which `psql` reads too'],
  });
}

function sectionOf(name: string, text: string): Record<string, string> | undefined {
  let section: Record<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const [, title] = /^\s*\[(.*)\]\s*$/.exec(line) ?? [];
    if (title !== undefined && section !== undefined) break;
    if (title === name) section = {};
    const [, key, value = ''] = /^\s*(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (section !== undefined && key !== undefined) section[key] = value;
  }
  return section;
}

/** The password of the first matching line, `host:port:database:user:password`; a file that others can read is ignored. */
function passwordFrom(
  path: string | null,
  platform: NodeJS.Platform,
  { host, port, user, database }: { readonly [name: string]: string | number | undefined },
): string | undefined {
  if (path === null || !isFile(path) || isExposed(path, platform)) return undefined;
  const wanted = [host || 'localhost', port ?? DEFAULT_PORT, database ?? user, user].map(String);
  for (const line of readIfThere(path).split(/\r?\n/)) {
    const fields = [...line.matchAll(/((?:\\.|[^:\\])*)(?::|$)/g)].map(([, field = '']) =>
      field.replace(/\\(.)/g, '$1'),
    );
    const isOurs = wanted.every((value, at) => fields[at] === '*' || fields[at] === value);
    if (isOurs && !line.startsWith('#')) return fields[4];
  }
  return undefined;
}

function isFile(path: string): boolean {
  return statsOf(path)?.isFile() ?? false;
}

function readIfThere(path: string): string {
  return attempt(() => readRegular(path).toString()) ?? '';
}

function defined<T extends object>(values: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value != null && value !== '')) as never;
}
