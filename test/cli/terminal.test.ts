import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BINARY, type Binary, createBinary } from '../support/binary.ts';

const hasPty = spawnSync('python3', ['-c', 'import pty']).status === 0;

/** Runs a command on a terminal, types something when a text has appeared, and passes on what is shown. */
const TYPE = `
import os, pty, sys
prompt, keys, *command = sys.argv[1:]
pid, terminal = pty.fork()
if pid == 0:
    os.execv(command[0], command)
shown, typed = b'', False
try:
    while data := os.read(terminal, 65536):
        shown += data
        if not typed and prompt.encode() in shown:
            typed = True
            os.write(terminal, keys.encode())
except OSError:
    pass
sys.stdout.buffer.write(shown)
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
sys.exit(status if status >= 0 else 128 - status)
`;

function type(sora: Binary, prompt: string, keys: string, argv: readonly string[], env = {}): SpawnSyncReturns<string> {
  return spawnSync('python3', ['-c', TYPE, prompt, keys, process.execPath, BINARY, ...argv], {
    cwd: sora.cwd,
    env: { ...sora.env, TERM: 'xterm', ...env },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 15_000,
  });
}

const DEAR = [
  'create',
  'a paper boat',
  '-m',
  'sora-2-pro',
  '-d',
  '8',
  '--detach',
  '--base-url',
  'http://127.0.0.1:9/v1',
];

describe.skipIf(!hasPty)('on a terminal (needs python3 with pty)', () => {
  it.each([
    ['no', 'n\n', 7],
    ['no answer', '\n', 7],
    ['Ctrl-C', '\x03', 130],
  ])('a price above the threshold is asked for; %s means that nothing is sent', (_, keys, exitCode) => {
    const { status, stdout } = type(createBinary(), 'Go on?', keys, DEAR);
    expect(stdout).toContain('This will cost about $2.40. Go on?');
    expect(stdout).not.toContain('could not connect');
    expect(status).toBe(exitCode);
  });

  it('consent lets the create go', () => {
    const { status, stdout } = type(createBinary(), 'Go on?', 'y\n', DEAR);
    expect(stdout).toContain('could not connect to the server');
    expect(status).toBe(1);
  });

  it.each([
    ['--no-input', ['--no-input'], {}],
    ['CI', [], { CI: '1' }],
  ])('nobody is asked with %s', (_, argv, env) => {
    const { status, stdout } = type(createBinary(), 'Go on?', 'y\n', [...DEAR, ...argv], env);
    expect(stdout).toContain('nobody can be asked here');
    expect(status).toBe(7);
  });

  it('a key is typed without being shown', () => {
    const sora = createBinary();
    const key = 'sk-typed-in-secret';
    const { status, stdout } = type(sora, 'Key for profile openai:', `${key}\n`, ['config', 'key', 'set']);
    expect(status).toBe(0);
    expect(stdout).not.toContain('secret');
    expect(JSON.parse(readFileSync(join(sora.home, 'keys.json'), 'utf8'))).toEqual({ openai: key });
  });

  it.each([
    ['CI', { CI: '1' }, []],
    ['--quiet', {}, ['--quiet']],
    ['--json', {}, ['--json']],
  ])('nothing is animated with %s', (_, env, argv) => {
    const run = type(createBinary(), 'never asked', '', ['create', 'a boat', '--simulate', ...argv], env);
    expect(run.status).toBe(0);
    expect(run.stdout).not.toContain('\x1b[?25l');
    expect(run.stdout).not.toContain('━');
  });

  it('colours are shown, but not with NO_COLOR', () => {
    expect(type(createBinary(), 'never', '', ['foo']).stdout).toContain('\x1b[31merror:');
    expect(type(createBinary(), 'never', '', ['foo'], { NO_COLOR: '1' }).stdout).toContain('error: unknown command');
  });
});
