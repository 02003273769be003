import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { connectionFrom, passwordsIn } from '../../src/store/connection.ts';
import { createCommandLine, type RunResult } from '../support/command-line.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { SELF_SIGNED } from '../support/self-signed.ts';
import { SORA_2 } from '../support/set-up.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { startVideosServer } from '../support/videos-server.ts';

const PASSWORD = 's3cret:of\\team';
/** A value escaped for a password file. */
const ESCAPED = 's3cret\\:of\\\\team';

/** The certificate of an authority that has signed no other. */
const OTHER_AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBgTCCASegAwIBAgIURF0wD2X8oW1qWZBduqWpZJuMtMYwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKQW5vdGhlciBDQTAgFw0yNjExMjcxNjQyMDZaGA8yMTI2MTEw
MzE2NDIwNlowFTETMBEGA1UEAwwKQW5vdGhlciBDQTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABIpRFVrLvf2ocAtR/B9/buffJ5wQWzLH2/m3EO6/5dd/74vx3jJU
EmtX63uB0uRPv0+C07EdePdU4KeZqtHV2HmjUzBRMB0GA1UdDgQWBBRLOMCio1TD
U0OmUO3Lx0+zkvVOnjAfBgNVHSMEGDAWgBRLOMCio1TDU0OmUO3Lx0+zkvVOnjAP
BgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0gAMEUCIQDGSGs8jqxaps6/iBvK
Tv8Ub6HczUflzbSRSRxrkkpjCAIgDsl7DED99Mpwab0oPaDHKlkA5GZO2tIwkmDC
r04RAnY=
-----END CERTIFICATE-----
`;

it.each([
  ['postgres://:s3%20cret@db/videos', ['s3 cret']],
  ['postgres://sora:s3cret@/videos?host=/run', ['s3cret']],
  ['postgres://sora@db/videos?password=s3cret&sslmode=require', ['s3cret']],
  ['postgres://sora@db/videos', []],
])('finds the passwords in %s', (url, expected) => {
  expect(passwordsIn(url)).toEqual(expected);
});

describe('a connection', () => {
  const from = (url: string, files: Readonly<Record<string, string>> = {}, env: Record<string, string> = {}) => {
    const homeDir = createTemporaryFolder();
    for (const [name, text] of Object.entries(files)) writeFileSync(join(homeDir, name), text, { mode: 0o600 });
    return connectionFrom({ url, env, homeDir });
  };

  it('takes missing parts from the service file, then from the variables', async () => {
    const files = { '.pg_service.conf': '# ours\n[team]\nhost=db.example\nport=6000\nuser=of-service\npassword=one\n' };
    const env = { PGSERVICE: 'team', PGUSER: 'of-env', PGDATABASE: 'videos', PGPASSWORD: 'two', PGSSLMODE: 'disable' };
    const found = await from('postgres://of-url@/', files, env);
    expect(found).toMatchObject({ user: 'of-url', password: 'one', database: 'videos', ssl: false });
    expect(await from('postgres:///?service=team', files, env)).toMatchObject({
      ...{ host: 'db.example', port: 6000, user: 'of-service', password: 'one' },
    });
    expect(await from('postgres:///', {}, { ...env, PGSERVICE: '' })).toMatchObject({
      ...{ user: 'of-env', password: 'two' },
    });
  });

  it('uses the first matching password, unless others can read the file', async () => {
    const lines = `db.example:5432:other:*:no\n#db.example:*:*:*:no\ndb.example:*:videos:sora:${ESCAPED}\n*:*:*:*:last\n`;
    const found = async (url: string) => (await from(url, { '.pgpass': lines })).password;
    expect(await found('postgres://sora@db.example/videos')).toBe(PASSWORD);
    expect(await found('postgres://sora@db.example/other')).toBe('no');
    expect(await found('postgres://eve@db.example:9/videos')).toBe('last');
    const own = join(createTemporaryFolder(), 'own');
    writeFileSync(own, '*:*:*:*:own', { mode: 0o600 });
    const url = 'postgres://sora@db.example/videos';
    expect((await from(url, {}, { PGPASSFILE: own })).password).toBe('own');
    expect((await from(`${url}?passfile=${encodeURIComponent(own)}`)).password).toBe('own');
    chmodSync(own, 0o644);
    expect((await from(url, {}, { PGPASSFILE: own })).password).toBeUndefined();
  });
});

describe.skipIf(POSTGRES_BIN === undefined)(`a ledger behind TLS and a password${SKIPPED}`, () => {
  let postgres: Postgres;
  let port: number;
  let database: string;
  let labs = 0;

  beforeAll(async () => {
    port = await freePort();
    postgres = await startPostgres({ tls: { ...SELF_SIGNED, port } });
    const url = postgres.createDatabase();
    database = new URL(url).pathname.slice(1);
    postgres.psql(url, `CREATE ROLE team LOGIN PASSWORD '${PASSWORD}'; GRANT CREATE ON DATABASE ${database} TO team`);
  }, 60_000);
  afterAll(() => postgres.stop());

  /** Certificates and a password file, and creates on a ledger. */
  async function createLab() {
    const server = await startVideosServer();
    const files = createTemporaryFolder();
    const [authority, other, passwords] = ['ours.crt', 'other.crt', 'pass'].map((name) => join(files, name)) as [
      string,
      string,
      string,
    ];
    writeFileSync(authority, SELF_SIGNED.cert);
    writeFileSync(other, OTHER_AUTHORITY);
    writeFileSync(passwords, `localhost:${port}:${database}:team:${ESCAPED}\n`, { mode: 0o600 });
    const sora = createCommandLine({ seed: ++labs }); // with separate keys in the shared ledger
    const env = { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab', PGPASSFILE: passwords };
    let scenes = 0;
    const create = (url: string, more: Readonly<Record<string, string>> = {}): Promise<RunResult> =>
      sora.run(['create', `scene ${++scenes}`, ...SORA_2, '--again', '--detach', '--json'], {
        http: nodeHttp,
        env: { ...env, SORA_LEDGER: url, ...more },
      });
    return { server, files, authority, other, create };
  }

  const address = (query: string, host = 'localhost') => `postgres://team@${host}:${port}/${database}?${query}`;
  const withRoot = (mode: string, root: string) => `sslmode=${mode}&sslrootcert=${encodeURIComponent(root)}`;

  it('is encrypted, and verified as `sslmode` requires', async () => {
    const { authority, create } = await createLab();
    for (const query of ['', 'sslmode=require', withRoot('verify-full', authority), withRoot('verify-ca', authority)]) {
      expect(await create(address(query))).toMatchObject({ code: 0 });
    }
    expect(
      await create(address(withRoot('verify-ca', authority), '127.0.0.1'), { PGPASSWORD: PASSWORD }),
    ).toMatchObject({
      code: 0,
    });
  });

  it('is refused before paying when verification fails', async () => {
    const { server, files, authority, other, create } = await createLab();
    const refused = [
      await create(address(withRoot('verify-full', other))),
      await create(address(withRoot('require', other))),
      await create(address(withRoot('verify-full', join(files, 'nowhere.crt')))),
      await create(address(withRoot('verify-full', authority), '127.0.0.1'), { PGPASSWORD: PASSWORD }),
      await create(address('sslmode=verify-full')),
      await create(address('sslmode=disable')),
      await create(address('sslmode=require'), { PGPASSFILE: join(files, 'nobody') }),
      await create(address('sslmode=require').replace('team@', 'team:wr0ng-one@')),
    ];
    expect(refused.map(({ stderr }) => JSON.parse(stderr).error.code)).toEqual(refused.map(() => 'ledger_unreachable'));
    expect(refused.map(({ stdout, stderr }) => stdout + stderr).join('')).not.toMatch(/s3cret|wr0ng/);
    expect(server.posts).toBe(0);
  });

  it('is found through a service file with certificates, and with the root certificate in the home folder', async () => {
    const { files, authority, create } = await createLab();
    const services = join(files, 'services');
    const section = `[team]\nhost=localhost\nport=${port}\ndbname=${database}\nuser=team\nsslmode=verify-full\n`;
    const env = { PGSERVICEFILE: services };
    writeFileSync(services, `${section}sslrootcert=${authority}\n`);
    expect(await create('postgres:///?service=team', env)).toMatchObject({ code: 0 });
    expect(await create('postgres:///', { ...env, PGSERVICE: 'team' })).toMatchObject({ code: 0 });
    writeFileSync(services, section);
    expect((await create('postgres:///?service=team', env)).code).toBe(1);
    expect(await create('postgres:///?service=team', { ...env, PGSSLROOTCERT: authority })).toMatchObject({ code: 0 });
    const homeDir = createTemporaryFolder();
    mkdirSync(join(homeDir, '.postgresql'));
    writeFileSync(join(homeDir, '.postgresql/root.crt'), OTHER_AUTHORITY);
    const { ssl } = await connectionFrom({ url: address('sslmode=require'), env: {}, homeDir });
    expect(ssl).toMatchObject({ ca: OTHER_AUTHORITY });
  });
});

/** Below those that the system chooses for others, which would take it before the server does. */
async function freePort(port = 20_000 + (process.pid % 10_000)): Promise<number> {
  const probe = createServer();
  const isFree = await new Promise<boolean>((resolve) => {
    probe.once('error', () => resolve(false)).listen(port, 'localhost', () => resolve(true));
  });
  probe.close();
  return isFree ? port : freePort(port + 1);
}
