import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../src/output/clean-text.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine } from '../support/command-line.ts';
import { startVideosServer } from '../support/videos-server.ts';

const KEY = 'sk-lab-0123456789abcdefghij';
const isPosix = process.platform !== 'win32';

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const settingsOf = ({ home }: CommandLine): string => join(home, 'settings.json');

/** A command line with this text as its settings file. */
function withSettings(text: string): CommandLine {
  const sora = createCommandLine();
  mkdirSync(sora.home);
  writeFileSync(settingsOf(sora), text);
  return sora;
}

it('names the command that shows the caps of a team', async () => {
  const sora = createCommandLine();
  const shared = { env: { SORA_LEDGER: 'postgres://team@db.invalid/videos' } };
  expect((await sora.run(['config', 'list'], shared)).stderr).toContain('note: run `sora ledger caps`');
  expect((await sora.run(['config', 'list'])).stderr).toBe('');
});

describe('sora config', () => {
  it('sets, gets and unsets a setting, in a file that only its owner can read', async () => {
    const sora = createCommandLine();
    expect(await sora.run(['config', 'set', 'max_cost', '2.50'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
    expect((await sora.run(['config', 'get', 'max_cost'])).stdout).toBe('2.50\n');
    expect((await sora.run(['config', 'get', 'max_cost', '--json'])).json()).toEqual({
      name: 'max_cost',
      value: '2.50',
      origin: 'settings',
    });
    if (isPosix) expect(modeOf(settingsOf(sora))).toBe(0o600);
    await sora.run(['config', 'unset', 'max_cost']);
    expect((await sora.run(['config', 'get', 'max_cost', '--json'])).json()).toMatchObject({
      value: null,
      origin: 'not set',
    });
    expect(JSON.parse(readFileSync(settingsOf(sora), 'utf8'))).toEqual({});
  });

  it('removes control and invisible characters from shown values', async () => {
    const sora = withSettings(JSON.stringify({ model: 'a\x1b[2Jb\u202ec\u3164d\u{e0041}' }));
    expect((await sora.run(['config', 'get', 'model'])).stdout).toBe('abcd\n');
    expect((await sora.run(['config', 'list'])).stdout).toContain('model\tabcd\tsettings\n');
  });

  it('lists each value with its origin, keys masked', async () => {
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', 'http://127.0.0.1:8000/v1']);
    await sora.run(['config', 'set', 'profiles.lab.headers.X-Token', 'hush-hush']);
    await sora.run(['config', 'set', 'profiles.other.query.api_key', 'hush']);
    await sora.run(['config', 'key', 'set', '--profile', 'lab'], { stdin: `${KEY}\n` });
    const { stdout } = await sora.run(['config', 'list', '--profile', 'lab'], { env: { SORA_MODEL: 'wan-2.2' } });
    expect(sora.plain(stdout)).toMatchInlineSnapshot(`
      "profile	lab	option --profile
      base_url	http://127.0.0.1:PORT/v1	profile lab
      dialect	videos	default
      api_key	sk-…ghij	profile lab
      model	wan-2.2	SORA_MODEL
      organization		not set
      project		not set
      max_cost		not set
      max_cost_per_day		not set
      max_cost_per_day_per_user		not set
      user		not set
      ledger		not set
      confirm_above	1.00	default
      timeout	1800s	default
      request_timeout	120s	default
      profiles.lab.base_url	http://127.0.0.1:PORT/v1	settings
      profiles.lab.headers.X-Token	…	settings
      profiles.other.query.api_key	…	settings
      "
    `);
  });

  it('fit a terminal of 50 columns', async () => {
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.capabilities.thumbnail', 'no']);
    for (const argv of [
      ['list', '--simulate'],
      ['profile', 'show', 'lab'],
    ]) {
      const { stdout } = await sora.run(['config', ...argv], { stdoutIsTerminal: true, columns: 50 });
      expect(Math.max(...stripVTControlCharacters(stdout).split('\n').map(columnsOf))).toBeLessThanOrEqual(50);
    }
  });

  it('takes options before SORA_*, and SORA_* before OPENAI_*', async () => {
    const sora = createCommandLine();
    const env = { SORA_BASE_URL: 'http://sora/v1', OPENAI_BASE_URL: 'http://openai/v1' };
    const origin = async (...argv: readonly string[]) =>
      (await sora.run(['config', 'get', 'base_url', '--json', ...argv], { env })).json();
    expect(await origin()).toMatchObject({ value: 'http://sora/v1', origin: 'SORA_BASE_URL' });
    expect(await origin('--base-url', 'http://o/v1')).toMatchObject({
      value: 'http://o/v1',
      origin: 'option --base-url',
    });
  });

  it('prints the paths of its files, even when the settings are broken', async () => {
    const sora = withSettings('{"max_cost": ');
    const { code, stdout } = await sora.run(['config', 'path', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(sora.plain(stdout))).toEqual({
      settings: '/home/settings.json',
      keys: '/home/keys.json',
      ledger: '/home/ledger.jsonl',
      ledger_index: '/home/ledger.index',
      simulator: '/home/simulator',
    });
  });

  it.each([
    ['an unknown name', ['config', 'set', 'colour', 'blue'], 'there is no such setting'],
    ['a misspelled name', ['config', 'set', 'modle', 'm'], '`modle`: there is no such setting; did you mean `model`?'],
    [
      'a misspelled name of a profile',
      ['config', 'set', 'profiles.lab.base-ulr', 'm'],
      'did you mean `profiles.lab.base_url`?',
    ],
    ['a misspelled name to read', ['config', 'get', 'max_csot'], 'hint: did you mean `max_cost`?'],
    ['an invalid amount', ['config', 'set', 'max_cost', 'much'], 'not an amount in dollars'],
    ['an invalid duration', ['config', 'set', 'timeout', 'soon'], 'not a duration'],
    ['a duration of zero', ['config', 'set', 'timeout', '0'], 'not a duration'],
    ['an invalid address', ['config', 'set', 'profiles.lab.base_url', 'lab'], 'is not a URL'],
    ['an invalid profile name', ['config', 'set', 'profiles.a b.base_url', 'http://x/v1'], 'there is no such setting'],
    ['an unknown name to unset', ['config', 'unset', 'foo'], '`foo`: there is no such setting'],
    ['an unknown profile to use', ['config', 'set', 'profile', 'nosuch'], 'there is no profile `nosuch`'],
    ['a reserved name', ['config', 'set', 'profiles.__proto__.base_url', 'http://x/v1'], 'there is no such setting'],
    ['a reserved profile name', ['config', 'profile', 'add', 'constructor'], 'the name `constructor` is reserved'],
    [
      'a key for a reserved name',
      ['config', 'key', 'set', '--profile', '__proto__'],
      'there is no profile `__proto__`',
    ],
    ['an unknown name to get', ['config', 'get', 'colour'], 'there is no setting `colour`'],
    ['an unknown profile', ['config', 'list', '--profile', 'nope'], 'there is no profile `nope`'],
    ['a broken --base-url', ['config', 'list', '--base-url', 'x'], 'is not valid'],
  ])('refuses %s', async (_, argv, words) => {
    const { code, stdout, stderr } = await createCommandLine().run(argv);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(words);
  });

  it.skipIf(process.platform !== 'linux')('reports that the settings cannot be written', async () => {
    const { code, stderr } = await createCommandLine().run(['config', 'set', 'max_cost', '1', '--json'], {
      env: { SORA_HOME: '/sys' }, // nobody can create a file there, not even root
    });
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'cannot_write' });
  });

  it.skipIf(!isPosix)('names SORA_HOME if that is a file', async () => {
    const sora = createCommandLine();
    writeFileSync(sora.home, '');
    const { code, stderr } = await sora.run(['config', 'set', 'max_cost', '1']);
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('with `-o` or `SORA_HOME`: a part') });
  });
});

describe('a broken settings file', () => {
  it.each([
    ['a syntax error', '{\n  "max_cost": "2",\n  "timeout" "1m"\n}', /line 3: /],
    ['an unexpected end', '{\n  "max_cost":', /line 2: /],
    ['an array', '[]', /line 1: the file is not a JSON object/],
    ['an invalid value', '{\n  "max_cost": "2",\n  "timeout": "soon"\n}', /line 3: `timeout`: it is not a duration/],
    ['an unknown name', '{\n  "colour": "blue"\n}', /line 2: `colour`: there is no such setting/],
  ])('with %s is reported with its line, and never reset', async (_, text, words) => {
    const sora = withSettings(text);
    const { code, stderr } = await sora.run(['create', 'a boat', '--simulate']);
    expect(code).toBe(2);
    expect(stderr).toMatch(words);
    expect(stderr).toContain(settingsOf(sora));
    await sora.run(['config', 'set', 'max_cost', 'much']);
    expect(readFileSync(settingsOf(sora), 'utf8')).toBe(text);
  });

  it('reports all its problems together, and is fixed by `config unset` and `config set`', async () => {
    const sora = withSettings('{"colour": "blue", "timeout": "soon", "max_cost": "3"}');
    expect((await sora.run(['config', 'list'])).stderr.match(/line 1: /g)).toHaveLength(2);
    expect((await sora.run(['config', 'unset', 'colour'])).code).toBe(0);
    expect((await sora.run(['config', 'set', 'timeout', '5m'])).code).toBe(0);
    expect((await sora.run(['config', 'get', 'timeout'])).stdout).toBe('300s\n');
    expect(JSON.parse(readFileSync(settingsOf(sora), 'utf8'))).toEqual({ timeout: '5m', max_cost: '3' });
  });

  it.each([
    ['a missing profile', '{"profile": "nosuch"}'],
    [
      'unknown names',
      '{"colour": "blue", "a.b": {"c d": 1}, "profiles": {"la b": {"model": "x"}, "lab": {"nope": 1}}}',
    ],
    [
      'reserved names',
      '{"__proto__": 1, "profiles": {"__proto__": {"base_url": "http://x/v1"}, "constructor": {"model": "m"}}}',
    ],
    [
      'invalid values',
      '{"timeout": "soon", "profiles": {"lab": {"prices": {"wan2.2": "cheap"}, "headers": {"a": ""}}}}',
    ],
    [
      'values of the wrong type',
      '{"model": [], "max_cost": null, "profiles": {"lab": {"base_url": {}, "headers": 7}}}',
    ],
  ])('with %s is fixed by the commands in its hints', async (_, text) => {
    const sora = withSettings(text);
    const { code, stderr } = await sora.run(['config', 'list']);
    expect(code).toBe(2);
    const commands = [...stderr.matchAll(/`sora (config unset (?:"([^"]+)"|(\S+)))`/g)].map(
      (match) => match[2] ?? match[3],
    );
    expect(commands).not.toHaveLength(0);
    for (const name of commands) expect(await sora.run(['config', 'unset', name ?? ''])).toMatchObject({ code: 0 });
    expect(await sora.run(['config', 'list'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('may have a number where a string is expected', async () => {
    expect((await withSettings('{"max_cost": 3}').run(['config', 'get', 'max_cost'])).stdout).toBe('3.00\n');
  });
});

describe('sora config key', () => {
  it('stores a key from standard input in a file that only its owner can read, and removes it', async () => {
    const sora = createCommandLine();
    const set = await sora.run(['config', 'key', 'set', '--json'], { stdin: `${KEY}\n` });
    expect(set).toMatchObject({ code: 0, stderr: '' });
    expect(set.json()).toMatchObject({ profile: 'openai', key: 'sk-…ghij' });
    const path = join(sora.home, 'keys.json');
    expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ openai: KEY });
    if (isPosix) expect(modeOf(path)).toBe(0o600);
    expect((await sora.run(['config', 'key', 'remove', '--json'])).json()).toMatchObject({ removed: true });
    expect((await sora.run(['config', 'key', 'remove', '--json'])).json()).toMatchObject({ removed: false });
    expect(readFileSync(path, 'utf8')).not.toContain(KEY);
  });

  it.each([
    ['an empty key', ''],
    ['a key with a space', 'sk-a b'],
    ['a key that does not fit in a header', 'sk-ключ'],
  ])('refuses %s', async (_, stdin) => {
    const sora = createCommandLine();
    const { code, stderr } = await sora.run(['config', 'key', 'set'], { stdin });
    expect(code).toBe(2);
    expect(stderr).toContain('error: the key was not stored');
    expect(() => readdirSync(sora.home)).toThrow('ENOENT');
  });

  it('is refused for the simulator', async () => {
    expect((await createCommandLine().run(['config', 'key', 'set', '--simulate'], { stdin: KEY })).code).toBe(2);
  });

  it.skipIf(!isPosix)('warns once when others can read the keys', async () => {
    const sora = createCommandLine();
    await sora.run(['config', 'key', 'set'], { stdin: KEY });
    chmodSync(join(sora.home, 'keys.json'), 0o644);
    const { stderr } = await sora.run(['config', 'list']);
    expect(stderr.match(/note: others can read your keys; run `chmod 600 /g)).toHaveLength(1);
  });

  it.each([
    ['{"openai": 7}', 'the key of `openai` is not a string'],
    ['{"openai": "x",}', 'line 1: '],
  ])('reports a broken keys file, and never resets it: %s', async (text, words) => {
    const sora = createCommandLine();
    mkdirSync(sora.home);
    writeFileSync(join(sora.home, 'keys.json'), text);
    const { code, stderr } = await sora.run(['config', 'key', 'set'], { stdin: KEY });
    expect(code).toBe(2);
    expect(stderr).toContain(words);
    expect(readFileSync(join(sora.home, 'keys.json'), 'utf8')).toBe(text);
  });
});

describe('a stored key', () => {
  it('is sent to its own server, and appears only in its own file', async () => {
    const sora = createCommandLine();
    const server = await startVideosServer({
      retrieve: (job) => ({ body: { ...job, status: 'failed', error: { code: 'x', message: `key ${KEY} is odd` } } }),
    });
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    await sora.run(['config', 'key', 'set', '--profile', 'lab'], { stdin: KEY });
    const shown: string[] = [];
    for (const argv of [
      ['create', 'a boat'],
      ['status', '@last'],
      ['status', '--json'],
      ['config', 'list'],
      ['create', 'b', '-n'],
    ]) {
      const { stdout, stderr } = await sora.run([...argv, '--debug', '--profile', 'lab'], { http: nodeHttp });
      shown.push(stdout, stderr);
    }
    expect(server.requests[0]?.headers.authorization).toBe(`Bearer ${KEY}`);
    expect(shown.join('')).not.toContain(KEY);
    const files = readdirSync(sora.home, { recursive: true, encoding: 'utf8' }).filter((name) => name !== 'keys.json');
    expect(files).toContain('ledger.jsonl');
    for (const name of files) expect(readFileSync(join(sora.home, name), 'latin1'), name).not.toContain(KEY);
  });

  it('OPENAI_API_KEY is not sent to the server of a remembered job', async () => {
    const sora = createCommandLine();
    const server = await startVideosServer();
    const env = { OPENAI_API_KEY: KEY };
    await sora.run(['create', 'a boat', '--detach', '--base-url', server.url], { http: nodeHttp });
    await sora.run(['status', '@last'], { http: nodeHttp, env });
    expect(server.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined]);
  });
});
