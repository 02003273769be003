import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { columnsOf } from '../../src/output/clean-text.ts';
import { BINARY, type Binary, createBinary } from '../support/binary.ts';
import { PYTHON } from '../support/python.ts';
import { startVideosServer } from '../support/videos-server.ts';

/** Runs a command on a terminal, types each line once its prompt appears, and prints what is shown. */
const TYPE = `
import fcntl, json, os, pty, struct, sys, termios
lines, command = json.loads(sys.argv[1]), sys.argv[2:]
pid, terminal = pty.fork()
if pid == 0:
    columns = int(os.environ.get('TERMINAL_COLUMNS', '80'))
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack('HHHH', 24, columns, 0, 0))
    os.execv(command[0], command)
shown = b''
try:
    while data := os.read(terminal, 65536):
        shown += data
        if lines and lines[0][0].encode() in shown:
            os.write(terminal, lines.pop(0)[1].encode())
except OSError:
    pass
sys.stdout.buffer.write(shown)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
`;

type Line = readonly [prompt: string, keys: string];

async function type(sora: Binary, lines: readonly Line[], argv: readonly string[], env = {}) {
  const child = spawn(PYTHON ?? 'python3', ['-c', TYPE, JSON.stringify(lines), process.execPath, BINARY, ...argv], {
    cwd: sora.cwd,
    env: { ...sora.env, TERM: 'xterm', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 50_000,
  });
  const [stdout, [status]] = await Promise.all([text(child.stdout), once(child, 'close')]);
  return { stdout, status };
}

const DEAR = [
  'create',
  'a paper boat',
  '-m',
  'sora-2-pro',
  '-d',
  '8',
  '-r',
  '720p',
  '--detach',
  '--base-url',
  'http://127.0.0.1:9/v1',
];

describe.skipIf(PYTHON === null)('on a terminal (needs python3 with pty)', () => {
  it.each([
    ['no', 'n\n', 7],
    ['no answer', '\n', 7],
    ['Ctrl-C', '\x03', 130],
  ])('a price above the threshold needs confirmation; %s sends nothing', async (_, keys, exitCode) => {
    const { status, stdout } = await type(createBinary(), [['Continue?', keys]], DEAR);
    expect(stdout).toContain('This will cost about $2.40. Continue?');
    expect(stdout).not.toContain('could not connect');
    expect(status).toBe(exitCode);
  });

  it('a confirmed create is sent', async () => {
    const { status, stdout } = await type(createBinary(), [['Continue?', 'y\n']], DEAR);
    expect(stdout).toContain('could not connect to the server');
    expect(status).toBe(1);
  });

  it.each([
    ['--no-input', ['--no-input'], {}],
    ['CI', [], { CI: '1' }],
  ])('nothing is asked with %s', async (_, argv, env) => {
    const { status, stdout } = await type(createBinary(), [['Continue?', 'y\n']], [...DEAR, ...argv], env);
    expect(stdout).toContain('there is no terminal to ask');
    expect(status).toBe(7);
  });

  it('a typed key is not shown', async () => {
    const sora = createBinary();
    const key = 'sk-typed-in-secret';
    const { status, stdout } = await type(sora, [['Key for profile openai:', `${key}\n`]], ['config', 'key', 'set']);
    expect(status).toBe(0);
    expect(stdout).not.toContain('secret');
    expect(JSON.parse(readFileSync(join(sora.home, 'keys.json'), 'utf8'))).toEqual({ openai: key });
  });

  it.each([
    ['CI', { CI: '1' }, []],
    ['--quiet', {}, ['--quiet']],
    ['--json', {}, ['--json']],
  ])('nothing is animated with %s', async (_, env, argv) => {
    const run = await type(createBinary(), [], ['create', 'a boat', '--simulate', '--no-download', ...argv], env);
    expect(run.status).toBe(0);
    expect(run.stdout).not.toContain('\x1b[?25l');
    expect(run.stdout).not.toContain('━');
  });

  describe.each(['50', '80', '200'])('at %s columns', (columns) => {
    it.each<[string, Record<string, string>, RegExp, RegExp]>([
      ['a bar', {}, /[━─]{5}/, /\x1b\[\?25l/],
      ['no colour with NO_COLOR', { NO_COLOR: '1' }, /[━─]{5}/, /\x1b\[3\dm/],
      ['ASCII with LANG=C', { LC_ALL: 'C' }, /-{5}/, /[━─⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/],
      ['plain lines with TERM=dumb', { TERM: 'dumb' }, /^\w{6}: completed/m, /\x1b/],
    ])('a wait shows %s, and fits', async (_, env, shown, hidden) => {
      const sora = createBinary();
      const size = { TERMINAL_COLUMNS: columns, SORA_SIMULATOR_SPEED: '3' };
      const prompt = 'a paper boat sails into a storm drain in the rain of a night 紙の船';
      const run = await type(sora, [], ['create', prompt, '--simulate', '--no-download'], { ...size, ...env });
      expect(run).toMatchObject({ status: 0, stdout: expect.stringMatching(shown) });
      expect(run.stdout).not.toMatch(hidden);
      const lines = stripVTControlCharacters(run.stdout).split(/[\r\n]+/);
      expect(Math.max(...lines.filter((line) => line.includes('%')).map(columnsOf), 0)).toBeLessThan(Number(columns));

      const list = await type(sora, [], ['ls', '--local'], { ...size, ...env });
      const rows = stripVTControlCharacters(list.stdout).trim().split(/\r?\n/);
      expect(rows).toHaveLength(2);
      expect(Math.max(...rows.map(columnsOf))).toBeLessThanOrEqual(Number(columns));
    });
  });

  it('--notify rings the bell at the end', async () => {
    const { stdout } = await type(createBinary(), [], ['status', '--watch', '--notify']);
    expect(stdout).toMatch(/\x07$/);
  });

  it('errors are red, but not with NO_COLOR', async () => {
    expect((await type(createBinary(), [], ['foo'])).stdout).toContain('\x1b[31merror:');
    expect((await type(createBinary(), [], ['foo'], { NO_COLOR: '1' })).stdout).toContain('error: unknown command');
  });

  it('doctor shows its findings and the price before it asks to send the access check', async () => {
    const server = await startVideosServer();
    const env = { SORA_API_KEY: 'sk-typed-0123456789', SORA_MODEL: 'sora-2' };
    const { status, stdout } = await type(
      createBinary(),
      [['Send the access check?', 'y\n']],
      ['doctor', '--base-url', server.url],
      env,
    );
    expect({ status, posts: server.posts, left: server.jobs }).toEqual({ status: 0, posts: 1, left: [] });
    const [before = '', after = ''] = stdout.split('Send the access check?', 2);
    for (const shown of ['videos route', 'it works', '(price: $0.40)', '$SORA_API_KEY'])
      expect(before).toContain(shown);
    // The time of the answer is not that of the check.
    expect(stdout.slice(stdout.lastIndexOf('Send the access check?'))).toMatch(/deleted at once\s*$/);
    expect(after).not.toContain('videos route');
  });

  it('doctor --server asks before it creates jobs and before it saves what it found', async () => {
    const server = await startVideosServer({
      create: (_, { headers }) => (headers['content-type'] === 'application/json' ? null : { status: 415, body: '' }),
    });
    const sora = createBinary();
    const survey = ['doctor', '--server', '--base-url', server.url];
    const env = { SORA_API_KEY: 'sk-typed-0123456789' };
    const refused = await type(
      sora,
      [
        ['Test the server', 'n\n'],
        ['Save this', 'n\n'],
      ],
      survey,
      env,
    );
    expect(refused).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('cancel, json and multipart: unknown'),
    });
    expect(server.posts).toBe(0);

    const agreed = await type(
      sora,
      [
        ['Test the server', 'y\n'],
        ['Save this', 'y\n'],
      ],
      survey,
      env,
    );
    expect(agreed).toMatchObject({ status: 0, stdout: expect.stringContaining('use it with `--profile 127-0-0-1`') });
    expect(server.posts).toBe(2);
    expect(JSON.parse(readFileSync(join(sora.home, 'settings.json'), 'utf8'))).toEqual({
      profiles: { '127-0-0-1': { base_url: server.url, key_from_env: 'SORA_API_KEY', request: { body: 'json' } } },
    });
  });

  it('init asks for what a server needs, saves it as the default profile, and runs doctor', async () => {
    const server = await startVideosServer({ models: ['ltx', 'wan2.2'] });
    const sora = createBinary();
    const key = 'sk-typed-0123456789';
    const { status, stdout } = await type(
      sora,
      [
        ['Which kind of server', '\n'],
        ['Base URL', 'nonsense\n'],
        ['it is not a URL', `\x15${server.url}\n`],
        ['Where is the API key', '\x1b[A\x1b[A\n'],
        ['API key:', `${key}\n`],
        ['Default model', '\x1b[B\n'],
        ['your own', 'y\n'],
        ['Profile name', '\n'],
        ['Send the access check?', 'n\n'],
      ],
      ['init'],
      { OPENAI_BASE_URL: 'http://127.0.0.1:9/v1' },
    );
    expect({ status, posts: server.posts, stdout }).toEqual({
      status: 0,
      posts: 0,
      stdout: expect.stringContaining(`${server.url} (profile lab)`),
    });
    expect(stdout).toContain('note: OPENAI_BASE_URL is set and takes precedence: use the profile with `--profile lab`');
    expect(stdout).not.toContain(key);
    expect(JSON.parse(readFileSync(join(sora.home, 'settings.json'), 'utf8'))).toEqual({
      profile: 'lab',
      profiles: { lab: { base_url: server.url, model: 'wan2.2', price: 'free' } },
    });
    const keys = join(sora.home, 'keys.json');
    expect(JSON.parse(readFileSync(keys, 'utf8'))).toEqual({ lab: key });
    expect(statSync(keys).mode & 0o777).toBe(0o600);
  });

  it('init saves nothing when it is interrupted', async () => {
    const sora = createBinary();
    const { status, stdout } = await type(
      sora,
      [
        ['Base URL', '\n'],
        ['Where is the API key', '\n'],
        ['Default model', '\n'],
        ['your own', '\n'],
        ['Profile name', '\x03'],
      ],
      ['init', '--preset', 'vllm-omni'],
    );
    expect({ status, isKept: existsSync(join(sora.home, 'settings.json')) }).toEqual({ status: 130, isKept: false });
    expect(stdout).toContain('interrupted; nothing was stored');
  });
});
