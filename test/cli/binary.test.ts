import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sniffMedia } from '../../src/domain/media.ts';
import { BINARY, createBinary } from '../support/binary.ts';
import { PYTHON } from '../support/python.ts';
import { startMuteServer, startVideosServer } from '../support/videos-server.ts';

const PACKAGE = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8'));

/** A video that renders at once. */
const SMALL = ['--simulate', '-m', 'small', '--size', '64x36', '-d', '1'];
const QUIET_STDIN = ['ignore', 'pipe', 'pipe'] as const;
const HIDE_CURSOR = '\x1b[?25l';

/** Runs a command on a terminal of 80 columns, prints what it shows and exits with its code. */
const IN_A_TERMINAL = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
try:
    while data := os.read(terminal, 65536):
        sys.stdout.buffer.write(data)
except OSError:
    pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

describe('the built program', () => {
  it('prints its version', async () => {
    expect(await createBinary().start(['--version']).ended).toEqual({
      code: 0,
      stdout: `${PACKAGE.version}\n`,
      stderr: '',
    });
  });

  it.skipIf(process.platform === 'win32')('says that the working folder was removed', () => {
    const { cwd, env } = createBinary();
    const removed = [
      '-c',
      'mkdir gone && cd gone && rmdir ../gone && exec "$@"',
      'sh',
      process.execPath,
      BINARY,
      'list',
    ];
    expect(spawnSync('sh', removed, { cwd, env, encoding: 'utf8' })).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^error: could not read the working folder\n {2}caused by: .+\n\nhint: .+\n$/),
    });
  });

  it('creates a video, prints only its path on standard output, and animates nothing in a pipe', async () => {
    const sora = createBinary();
    const { code, stdout, stderr } = await sora.start(['create', 'a paper boat', '--simulate']).ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/^a-paper-boat-\w+\.mp4\n$/);
    expect(sniffMedia(readFileSync(join(sora.cwd, stdout.trim())))).toBe('mp4');
    expect(stderr).not.toContain('\x1b');
  });

  it.skipIf(process.platform !== 'linux')('works with little address space', () => {
    const { cwd, env } = createBinary();
    const limited = ['-c', 'ulimit -v 4000000; exec "$@"', 'sh', process.execPath, BINARY, 'create', 'boat', ...SMALL];
    expect(spawnSync('sh', limited, { cwd, env, encoding: 'utf8' })).toMatchObject({
      status: 0,
      stderr: expect.not.stringContaining('WebAssembly'),
    });
  });

  it('knows who is logged in, also if the environment does not say', async () => {
    const { stdout } = await createBinary().start(['config', 'list']).ended;
    expect(stdout).toMatch(new RegExp(`^user\\s+${userInfo().username}\\s`, 'm'));
  });

  it('uses the proxy of the environment', async () => {
    const proxy = await startVideosServer();
    proxy.jobs.push({ id: 'video_1', status: 'completed' });
    const env = { HTTP_PROXY: proxy.origin };
    const run = createBinary().start(['status', 'video_1', '--json', '--base-url', 'http://videos.invalid/v1'], env);
    expect(await run.ended).toMatchObject({ code: 0, stderr: '', stdout: expect.stringContaining('"completed"') });
    expect(proxy.requests.map(({ path }) => path)).toEqual(['http://videos.invalid/v1/videos/video_1']);
  });

  it('keeps simulated jobs across processes', async () => {
    const sora = createBinary();
    const created = await sora.start(['create', 'a paper boat', ...SMALL, '--detach']).ended;
    const id = created.stdout.trim();
    const watched = await sora.start(['status', id, '--watch', '--json']).ended;
    expect(JSON.parse(watched.stdout)).toMatchObject({ id, status: 'completed', profile: 'simulator' });
    const saved = await sora.start(['download', '@last', '-o', 'boat.mp4']).ended;
    expect(saved).toMatchObject({ code: 0, stdout: 'boat.mp4\n' });
    expect((await sora.start(['cancel', id]).ended).code).toBe(1);
    expect((await sora.start(['delete', id]).ended).stdout).toBe(`${id}\n`);
  });

  it('exits quietly when the reader of its help closes the pipe', async () => {
    const sora = createBinary();
    const command = `"${process.execPath}" "${BINARY}" create --help | head -n 1; exit \${PIPESTATUS[0]}`;
    const run = spawnSync('bash', ['-c', command], {
      env: sora.env,
      cwd: sora.cwd,
      encoding: 'utf8',
      stdio: [...QUIET_STDIN],
    });
    expect(run).toMatchObject({ status: 0, stderr: '', stdout: 'Usage: sora create [options] [prompt]\n' });
  });

  it('exits quietly when nothing reads its version', () => {
    const sora = createBinary();
    const command = `"${process.execPath}" "${BINARY}" --version | true; exit \${PIPESTATUS[0]}`;
    const { status, stderr } = spawnSync('bash', ['-c', command], {
      ...sora,
      encoding: 'utf8',
      stdio: [...QUIET_STDIN],
    });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  it('exits quietly when the reader of a video closes the pipe', async () => {
    const sora = createBinary();
    const command = `"${process.execPath}" "${BINARY}" create boat ${SMALL.join(' ')} -q -o - | head -c 8 | wc -c; exit \${PIPESTATUS[0]}`;
    const run = spawnSync('bash', ['-c', command], {
      env: sora.env,
      cwd: sora.cwd,
      encoding: 'utf8',
      stdio: [...QUIET_STDIN],
    });
    expect({ status: run.status, stdout: run.stdout.trim(), stderr: run.stderr }).toEqual({
      status: 0,
      stdout: '8',
      stderr: '',
    });
  });

  it.skipIf(!existsSync('/dev/full'))('does its work when standard error cannot be written', () => {
    const sora = createBinary();
    const command = `"${process.execPath}" "${BINARY}" create boat ${SMALL.join(' ')} 2> /dev/full`;
    const { status, stdout } = spawnSync('bash', ['-c', command], {
      ...sora,
      encoding: 'utf8',
      stdio: [...QUIET_STDIN],
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^boat-\w+\.mp4\n$/) });
  });

  it.skipIf(!existsSync('/dev/full')).each(['create --help', '--version'])(
    'reports in one line that its output cannot be written (%s)',
    (argv) => {
      const sora = createBinary();
      const command = `"${process.execPath}" "${BINARY}" ${argv} > /dev/full`;
      const { status, stderr } = spawnSync('bash', ['-c', command], {
        env: sora.env,
        cwd: sora.cwd,
        encoding: 'utf8',
        stdio: [...QUIET_STDIN],
      });
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr:
          'error: could not write the output\n  caused by: ENOSPC: no space left on device, write\n\nhint: write to another place, or free some space\n',
      });
    },
  );

  it('writes a long document to a pipe completely', async () => {
    const prompt = 'long '.repeat(6_000).trim();
    const server = await startVideosServer();
    for (let number = 0; number < 40; number++) {
      server.jobs.push({
        id: `video_${number}`,
        object: 'video',
        status: 'completed',
        prompt,
        created_at: 1_790_000_000,
      });
    }
    const { code, stdout } = await createBinary().start(['list', '--json', '-L', '40', '--base-url', server.url]).ended;
    expect(code).toBe(0);
    expect(stdout.length).toBeGreaterThan(1_000_000);
    expect(JSON.parse(stdout).jobs).toHaveLength(40);
  });

  it.skipIf(PYTHON === null)('animates progress on a terminal (needs python3)', () => {
    const sora = createBinary();
    const argv = ['-c', IN_A_TERMINAL, process.execPath, BINARY, 'create', 'a paper boat', ...SMALL];
    const env = { ...sora.env, SORA_SIMULATOR_SPEED: '3', TERM: 'xterm' };
    const { status, stdout } = spawnSync(PYTHON ?? 'python3', argv, {
      cwd: sora.cwd,
      env,
      encoding: 'utf8',
      stdio: [...QUIET_STDIN],
    });
    expect(status).toBe(0);
    expect(stdout).toMatch(/(queued|in progress) +[━─]/);
    expect(stdout, 'a stopped wait would leave it hidden').not.toContain(HIDE_CURSOR);
    expect(stdout).toMatch(/a-paper-boat-\w+\.mp4\r\n/);
  });
});

describe('signals', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s during the wait exits with %i, keeps the job and prints how to resume', async (signal, exitCode) => {
    const sora = createBinary();
    const run = sora.start(['create', 'a paper boat', '--simulate', '--fault', 'stuck']);
    await run.says(/: in progress/);
    run.child.kill(signal);
    const { code, stdout, stderr } = await run.ended;
    expect({ code, stdout }).toEqual({ code: exitCode, stdout: '' });
    const id = /sora status (\w+) --watch --simulate/.exec(stderr)?.[1] ?? '';
    expect(JSON.parse((await sora.start(['status', id, '--json']).ended).stdout).status).toBe('in_progress');
  });

  const canUnshare = spawnSync('unshare', ['--user', '--map-root-user', '--pid', '--fork', 'true']).status === 0;
  it.skipIf(!canUnshare)(
    'a second SIGTERM exits at once as PID 1, whose default is to ignore it (needs unshare)',
    async () => {
      const server = await startVideosServer({ create: () => 'hang' });
      const { cwd, env } = createBinary();
      const inNamespace = ['--user', '--map-root-user', '--pid', '--fork', '--kill-child', process.execPath, BINARY];
      const argv = [...inNamespace, 'create', 'a paper boat', '--base-url', server.url];
      const child = spawn('unshare', argv, { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] });
      const ended = once(child, 'exit');
      await server.received(1);
      const pid = Number(readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8'));
      process.kill(pid, 'SIGTERM');
      for await (const text of child.stderr) if (/again/.test(String(text))) break;
      process.kill(pid, 'SIGTERM');
      expect(await ended).toEqual([143, null]);
    },
  );

  it('a second Ctrl-C exits at once, even during the POST', async () => {
    const server = await startVideosServer({ create: () => 'hang' });
    const sora = createBinary();
    const run = sora.start(['create', 'a paper boat', '--base-url', server.url]);
    await server.received(1);
    run.child.kill('SIGINT');
    await run.says(/press Ctrl-C again/);
    run.child.kill('SIGINT');
    expect((await run.ended).code).toBe('SIGINT');
    expect(server.posts).toBe(1);
  });

  it('SIGKILL during the POST: a rerun finds the job and pays nothing', async () => {
    const server = await startMuteServer();
    const sora = createBinary();
    const argv = ['create', 'a paper boat', '--base-url', server.url];
    const run = sora.start(argv);
    await server.received(1);
    run.child.kill('SIGKILL');
    expect((await run.ended).code).toBe('SIGKILL');
    server.speak();
    const rerun = await sora.start(argv).ended;
    expect(rerun.code).toBe(0);
    expect(rerun.stderr).toMatch(/the same request is already running as video_1/);
    expect({ posts: server.posts, jobs: server.jobs.length }).toEqual({ posts: 1, jobs: 1 });
  });

  it('two processes that request the same video at once pay once, and save one file', async () => {
    const server = await startVideosServer();
    const sora = createBinary();
    const argv = ['create', 'a paper boat', '--base-url', server.url];
    const [one, two] = await Promise.all([sora.start(argv).ended, sora.start(argv).ended]);
    expect([one.code, two.code, one.stdout]).toEqual([0, 0, two.stdout]);
    expect(readdirSync(sora.cwd)).toEqual([one.stdout.trim()]);
    expect(server.posts).toBe(1);
  });
});
