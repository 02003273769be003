import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine } from '../support/command-line.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { startVideosServer } from '../support/videos-server.ts';

const SHELL = { OPENAI_API_KEY: 'openai-key-of-the-shell', SORA_API_KEY: 'sora-key-of-the-shell' };

interface Case {
  /** The environment file; `SERVER` and `HOST` are replaced by the address of its author's server. */
  readonly file: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
  /** Settings in a folder `theirs` beside the environment file. */
  readonly theirs?: Readonly<Record<string, unknown>>;
  readonly theirKeys?: Readonly<Record<string, string>>;
  /** The user's own settings. */
  readonly mine?: Readonly<Record<string, string>>;
}

/** Runs `sora list` with an environment file, and returns what its server was sent. */
async function listWith({ file, env = SHELL, argv = [], theirs, theirKeys = {}, mine = {} }: Case) {
  const server = await startScriptedServer(() => ({ body: { data: [], has_more: false } }));
  const sora = createCommandLine();
  const fill = (text: string): string =>
    text.replaceAll('SERVER', server.url).replaceAll('HOST', new URL(server.url).origin).replaceAll('FOLDER', sora.cwd);
  const text = Object.entries(file).map(([name, value]) => `${name}=${fill(value)}\n`);
  writeFileSync(join(sora.cwd, '.env'), text.join(''));
  if (theirs !== undefined) {
    mkdirSync(join(sora.cwd, 'theirs'));
    writeFileSync(join(sora.cwd, 'theirs/settings.json'), fill(JSON.stringify(theirs)));
    writeFileSync(join(sora.cwd, 'theirs/keys.json'), JSON.stringify(theirKeys), { mode: 0o600 });
  }
  for (const [name, value] of Object.entries(mine)) await sora.run(['config', 'set', name, fill(value)]);
  await sora.run(['config', 'key', 'set', '--profile', 'openai'], { stdin: 'stored-key-of-openai' });
  if (mine['profiles.lab.base_url']) {
    await sora.run(['config', 'key', 'set', '--profile', 'lab'], { stdin: 'stored-key-of-lab' });
  }
  // The test's SORA_HOME would override the one in the file.
  const home = 'SORA_HOME' in file ? { SORA_HOME: undefined } : {};
  const run = await sora.run(['list', '--env-file', '.env', ...argv], { http: nodeHttp, env: { ...env, ...home } });
  return { run, sent: sentTo(server) };
}

/** A PostgreSQL server that asks for a password in clear text, records it and refuses it. */
async function startPasswordThief() {
  const passwords: string[] = [];
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', (data) => {
      if (data.readUInt32BE(data.length - 4) === SSL_REQUEST) return socket.write('N');
      if (data[0] !== 'p'.charCodeAt(0))
        return socket.write(Buffer.from([...Buffer.from('R'), 0, 0, 0, 8, 0, 0, 0, 3]));
      passwords.push(data.toString('utf8', 5, data.length - 1));
      return socket.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return { port: typeof address === 'object' ? (address?.port ?? 0) : 0, passwords };
}

const SSL_REQUEST = 80_877_103;

function sentTo({ requests }: ScriptedServer): string {
  return requests.map(({ path, headers }) => `${path} ${JSON.stringify(headers)}`).join('\n');
}

describe('an environment file', () => {
  it.each<[string, Case]>([
    ['a base URL', { file: { OPENAI_BASE_URL: 'SERVER' } }],
    ['SORA_BASE_URL', { file: { SORA_BASE_URL: 'SERVER' } }],
    [
      'a folder whose default profile is its server',
      {
        file: { SORA_HOME: 'FOLDER/theirs' },
        theirs: { profiles: { openai: { base_url: 'SERVER' } } },
      },
    ],
    [
      'a folder with a profile that names a variable',
      {
        file: { SORA_HOME: 'FOLDER/theirs' },
        theirs: { profile: 'p', profiles: { p: { base_url: 'SERVER', key_from_env: 'OPENAI_API_KEY' } } },
      },
    ],
    [
      'a folder with a profile that the file selects',
      {
        file: { SORA_HOME: 'FOLDER/theirs', SORA_PROFILE: 'p' },
        theirs: { profiles: { p: { base_url: 'SERVER', key_from_env: 'SORA_API_KEY' } } },
      },
    ],
  ])('that sets %s gets no key from the shell, and no stored key', async (_, given) => {
    const { run, sent } = await listWith(given);
    expect(run).toMatchObject({
      code: 0,
      stderr: expect.stringMatching(/note: the key \w+ is not sent: `--env-file`/),
    });
    expect(sent).toMatch(/^\/v1\/videos/);
    expect(sent).not.toMatch(/key-of/);
  });

  it('whose folder names the server of a job gets no key of the shell for it', async () => {
    const server = await startVideosServer();
    const theirs = createCommandLine();
    await theirs.run(['config', 'set', 'profiles.p.base_url', server.url]);
    await theirs.run(['config', 'set', 'profiles.p.key_from_env', 'OPENAI_API_KEY']);
    const create = ['create', 'a cat', '--profile', 'p', '--detach'];
    const { stdout } = await theirs.run(create, { http: nodeHttp, env: { OPENAI_API_KEY: 'their-own' } });
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, '.env'), `SORA_HOME=${theirs.home}\n`);
    const env = { ...SHELL, SORA_HOME: undefined, SORA_BASE_URL: 'http://videos.invalid/v1' };
    for (const command of ['status', 'download', 'cancel', 'delete']) {
      await sora.run([command, stdout.trim(), '--env-file', '.env'], { http: nodeHttp, env });
    }
    const sent = server.requests.map(({ headers }) => headers.authorization);
    expect(sent).toEqual(['Bearer their-own', ...sent.slice(1).map(() => undefined)]);
    expect(sent.length).toBeGreaterThan(3);
  });

  it.each<[string, Readonly<Record<string, string>>, string]>([
    ['with its address', { SORA_LEDGER: 'postgres://me@127.0.0.1:PORT/db' }, ''],
    ['with a part of its address', { PGHOST: '127.0.0.1', PGPORT: 'PORT' }, ''],
    ['with a folder whose settings name it', { SORA_HOME: 'FOLDER/theirs' }, ''],
    ['with its password', { SORA_LEDGER: 'postgres://me@127.0.0.1:PORT/db', PGPASSWORD: 'in-file' }, 'in-file'],
    ['with its address and a password file', { SORA_LEDGER: 'postgres://me@127.0.0.1:PORT/?passfile=FOLDER/pass' }, ''],
  ])('that names a database %s sends it no password of the shell', async (_, file, sent) => {
    const { port, passwords } = await startPasswordThief();
    const sora = createCommandLine();
    const fill = (text: string): string => text.replaceAll('PORT', String(port)).replaceAll('FOLDER', sora.cwd);
    const lines = Object.entries(file).map(([name, value]) => `${name}=${fill(value)}\n`);
    writeFileSync(join(sora.cwd, '.env'), lines.join(''));
    writeFileSync(join(sora.cwd, 'pass'), '*:*:*:*:password-of-file', { mode: 0o600 });
    mkdirSync(join(sora.cwd, 'theirs'));
    const ledger = fill('postgres://me@127.0.0.1:PORT/db');
    writeFileSync(join(sora.cwd, 'theirs/settings.json'), JSON.stringify({ ledger }));
    const own = 'SORA_LEDGER' in file || 'SORA_HOME' in file ? {} : { SORA_LEDGER: 'postgres://me@/db' };
    const home = 'SORA_HOME' in file ? { SORA_HOME: undefined } : {};
    const env = { ...own, ...home, PGPASSWORD: 'password-of-shell', PGPASSFILE: join(sora.cwd, 'pass') };
    const { code, stderr } = await sora.run(['ledger', 'check', '--env-file', '.env'], { env });
    expect({ code, passwords }).toEqual({ code: 1, passwords: [sent] });
    if (sent === '') expect(stderr).toContain('note: PGPASSWORD is not sent: `--env-file`');
  });

  it.each<[string, Case]>([
    ['OpenAI', { file: { HTTPS_PROXY: 'HOST' } }],
    [
      'a base URL in the shell',
      {
        file: { HTTP_PROXY: 'HOST' },
        env: { ...SHELL, OPENAI_BASE_URL: 'http://videos.invalid/v1' },
      },
    ],
    [
      'a profile of the user, with secret headers',
      {
        file: { http_proxy: 'HOST' },
        env: {},
        argv: ['--profile', 'lab'],
        mine: {
          'profiles.lab.base_url': 'http://videos.invalid/v1',
          'profiles.lab.headers.X-Lab-Token': 'header-key-of-lab',
          'profiles.lab.query.sig': 'query-key-of-lab',
        },
      },
    ],
  ])('that sets a proxy for %s gets none of the user’s keys', async (_, given) => {
    expect((await listWith(given)).sent).not.toMatch(/key-of/);
  });

  it.each<[string, Case, string]>([
    [
      'its own base URL',
      { file: { OPENAI_BASE_URL: 'SERVER', OPENAI_API_KEY: 'openai-key-of-the-file' } },
      'openai-key-of-the-file',
    ],
    [
      'the profiles of its own folder',
      {
        file: { SORA_HOME: 'FOLDER/theirs', THEIR_KEY: 'key-of-the-file' },
        theirs: { profile: 'p', profiles: { p: { base_url: 'SERVER', key_from_env: 'THEIR_KEY' } } },
      },
      'key-of-the-file',
    ],
    [
      'a profile with a key stored in that folder',
      {
        file: { SORA_HOME: 'FOLDER/theirs' },
        theirs: { profile: 'p', profiles: { p: { base_url: 'SERVER' } } },
        theirKeys: { p: 'stored-key-of-theirs' },
      },
      'stored-key-of-theirs',
    ],
    [
      'a base URL on the command line',
      { file: { OPENAI_API_KEY: 'openai-key-of-the-file' }, env: {}, argv: ['--base-url', 'SERVER'] },
      'openai-key-of-the-file',
    ],
    [
      'a profile of the user that it selects',
      { file: { SORA_PROFILE: 'lab' }, env: {}, mine: { 'profiles.lab.base_url': 'SERVER' } },
      'stored-key-of-lab',
    ],
  ])('may provide a key for %s', async (_, given, key) => {
    const { argv = [] } = given;
    if (argv.includes('SERVER')) {
      const server = await startScriptedServer(() => ({ body: { data: [] } }));
      const sora = createCommandLine();
      writeFileSync(join(sora.cwd, '.env'), `OPENAI_API_KEY=${key}\n`);
      await sora.run(['list', '--env-file', '.env', '--base-url', server.url], { http: nodeHttp });
      expect(sentTo(server)).toContain(`Bearer ${key}`);
      return;
    }
    const { run, sent } = await listWith(given);
    expect(run.code).toBe(0);
    expect(sent).toContain(`Bearer ${key}`);
  });

  it('is read in UTF-16 as PowerShell writes it, and refused in another encoding', async () => {
    const sora = createCommandLine();
    const text = 'SORA_MODEL=mö\r\nOPENAI_ORG_ID=org\r\n';
    writeFileSync(join(sora.cwd, '.env'), Buffer.from(`\ufeff${text}`, 'utf16le'));
    expect((await sora.run(['config', 'get', 'model', '--env-file', '.env'])).stdout).toBe('mö\n');
    writeFileSync(join(sora.cwd, '.env'), Buffer.from(text, 'latin1'));
    const { code, stderr } = await sora.run(['config', 'get', 'model', '--env-file', '.env']);
    expect(code).toBe(2);
    expect(stderr).toContain('caused by: it is not text in UTF-8 or UTF-16');
  });

  it('is shown as the origin of its values', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, '.env'), 'OPENAI_BASE_URL=http://of-the-file/v1\n');
    const { stdout } = await sora.run(['config', 'list', '--env-file', '.env']);
    expect(stdout).toContain('base_url\thttp://of-the-file/v1\tOPENAI_BASE_URL (--env-file)\n');
  });

  it('cannot set NODE_OPTIONS, which Node reads before the program starts', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, '.env'), 'NODE_OPTIONS=--require=./evil.js\n');
    const { code, stderr } = await sora.run(['list', '--env-file', '.env']);
    expect(code).toBe(2);
    expect(stderr).toContain('sets NODE_OPTIONS');
  });
});

describe('SORA_API_KEY', () => {
  const SETTINGS = {
    profiles: { lab: { base_url: 'SERVER', key_from_env: 'LAB_KEY' }, other: { base_url: 'SERVER' } },
  };

  async function keysSent(argv: readonly string[], env: Readonly<Record<string, string>>, settings = {}) {
    const server = await startScriptedServer(() => ({ body: { data: [], has_more: false } }));
    const sora = createCommandLine();
    mkdirSync(sora.home);
    const text = JSON.stringify({ ...SETTINGS, ...settings }).replaceAll('SERVER', server.url);
    writeFileSync(join(sora.home, 'settings.json'), text);
    await sora.run(['config', 'key', 'set', '--profile', 'lab'], { stdin: 'stored-key' });
    const filled = Object.entries(env).map(([name, value]) => [name, value.replaceAll('SERVER', server.url)]);
    await sora.run(['list', ...argv], { http: nodeHttp, env: Object.fromEntries(filled) });
    return server.requests.map(({ headers }) => headers.authorization);
  }
  const KEYS = { SORA_API_KEY: 'of-sora', LAB_KEY: 'of-lab', OPENAI_API_KEY: 'of-openai' };

  it.each<
    [string, readonly string[], Readonly<Record<string, string>>, Record<string, unknown>, (string | undefined)[]]
  >([
    ['overrides the key of a named profile', ['--profile', 'lab'], KEYS, {}, ['Bearer of-sora']],
    ['overrides the key of the default profile', [], KEYS, { profile: 'lab' }, ['Bearer of-sora']],
    ['leaves it alone when it is not set', [], { LAB_KEY: 'of-lab' }, { profile: 'lab' }, ['Bearer of-lab']],
    [
      'does not replace the key of a named profile when SORA_BASE_URL is set',
      ['--profile', 'lab'],
      { ...KEYS, SORA_BASE_URL: 'http://x/v1' },
      {},
      ['Bearer of-lab'],
    ],
  ])('%s', async (_, argv, env, settings, sent) => {
    expect(await keysSent(argv, env, settings)).toEqual(sent);
  });

  it('applies only to the profile in use, even with --all-profiles', async () => {
    const sent = await keysSent(['--all-profiles'], { SORA_API_KEY: 'of-sora', LAB_KEY: 'of-lab' }, { profile: 'lab' });
    expect(sent.toSorted()).toEqual(['Bearer of-sora', undefined]);
  });
});
