import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { type ServeRun, startServe } from '../support/serve.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { startMuteServer, startVideosServer } from '../support/videos-server.ts';

const KEY = { 'x-api-key': 'test-api-key' };

type Call = ServeRun['call'];

async function order(call: Call, headers: Readonly<Record<string, string>> = KEY): Promise<Record<string, unknown>> {
  const reply = await call('/api/v1/videos', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ prompt: 'a paper boat', duration: 4 }),
  });
  return Object(await reply.json());
}

const keyOf = ({ started }: ServeRun): typeof KEY => ({ 'x-api-key': String(started.api_key) });

async function untilDone(call: Call, id: unknown, headers = KEY): Promise<Record<string, unknown>> {
  for (;;) {
    const job = Object(await (await call(`/api/v1/videos/${id}`, { headers })).json());
    if (job.status === 'completed' || job.status === 'failed') return job;
  }
}

describe('sora serve', () => {
  it.skipIf(process.platform !== 'linux').each([
    ['its page', [], /^http:\/\/127\.0\.0\.1:\d+\/\n$/],
    ['a private file with the key, which would be visible among the arguments', ['--profile', 'lab'], /open\.html\n$/],
  ])('--open opens %s', async (_, argv, asked) => {
    const server = await startVideosServer();
    const binary = createBinary();
    await binary.start(['config', 'profile', 'add', 'lab', '--base-url', server.url]).ended;
    const bin = createTemporaryFolder();
    writeFileSync(
      join(bin, 'xdg-open'),
      `#!/bin/sh\necho "$1" > '${bin}/asked.part'; mv '${bin}/asked.part' '${bin}/asked'\n`,
      { mode: 0o755 },
    );
    const env = { DISPLAY: ':0', CI: '', PATH: `${bin}:${process.env.PATH}` };
    const run = await startServe(binary, ['--open', ...argv], env);
    await expect.poll(() => existsSync(join(bin, 'asked'))).toBe(true);
    const opened = readFileSync(join(bin, 'asked'), 'utf8');
    expect(opened).toMatch(asked);
    if (argv.length === 0) return;
    const path = opened.trim();
    expect(statSync(path).mode & 0o077).toBe(0);
    expect(readFileSync(path, 'utf8')).toContain(`url=${run.url}/#key=${run.started.api_key}"`);
  });

  it('prints the two variables for an OpenAI client, and exits cleanly on Ctrl-C', async () => {
    const run = createBinary().start(['serve', '--port', '0']);
    await new Promise((resolve) => run.child.stdout.once('data', resolve));
    run.child.kill('SIGINT');
    const { code, stdout, stderr } = await run.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(/is running at http:\/\/127\.0\.0\.1:\d+ /);
    expect(stdout).toMatch(
      /\n {2}export OPENAI_BASE_URL=http:\/\/127\.0\.0\.1:\d+\/v1\n {2}export OPENAI_API_KEY=test-api-key\n/,
    );
    expect(stderr).toMatch(/\[info\] Stopped/);
  });

  it('prints one document with --json, and its log as objects', async () => {
    const { started, child, ended, url, call } = await startServe(createBinary());
    expect(started).toEqual({
      url,
      base_url: `${url}/v1`,
      docs: `${url}/docs`,
      profile: 'simulator',
      api_key: 'test-api-key',
    });
    const { id } = await order(call);
    await untilDone(call, id);
    child.kill('SIGTERM');
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    const log = stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(log.map(({ message }) => message)).toEqual(
      expect.arrayContaining(['Video creation job initiated', 'Job submitted to Sora API', 'Stopped']),
    );
    expect(log[0]).toMatchObject({ level: 'info', id });
  });

  it('serves the pages and their assets, compressed or not', async () => {
    const { call } = await startServe(createBinary());
    const page = await (await call('/')).text();
    const docs = await (await call('/docs')).text();
    const parts = [...`${page}${docs}`.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path);
    expect(new Set(parts).size).toBe(7);
    for (const path of parts) {
      const [packed, plain] = await Promise.all([
        call(String(path)),
        call(String(path), { headers: { 'accept-encoding': 'identity' } }),
      ]);
      expect([packed.status, plain.headers.get('content-encoding')]).toEqual([200, null]);
      expect(await packed.text()).toBe(await plain.text());
    }
    expect(page).not.toMatch(/https?:\/\//);
  });

  it('accepts other machines only with a key, and does not print it', async () => {
    const sora = createBinary();
    const open = await sora.start(['serve', '--port', '0', '--host', '0.0.0.0']).ended;
    expect(open.code).toBe(2);
    expect(open.stderr).toContain('--api-key-env NAME');
    const empty = await sora.start(['serve', '--port', '0', '--api-key-env', 'OUR_KEY']).ended;
    expect([empty.code, empty.stderr]).toEqual([2, expect.stringContaining('OUR_KEY`')]);
    const { started, call, child, ended } = await startServe(sora, ['--host', '0.0.0.0', '--api-key-env', 'OUR_KEY'], {
      OUR_KEY: 'a secret of ours',
    });
    expect(started.api_key).toBeNull();
    expect((await call('/v1/videos')).status).toBe(401);
    expect(await order(call, { 'x-api-key': 'a secret of ours' })).toMatchObject({ status: 'pending' });
    child.kill('SIGINT');
    const { stdout, stderr } = await ended;
    expect(`${stdout}${stderr}`).not.toContain('a secret of ours');
  });

  it('reports all problems of its options together', async () => {
    const argv = [
      'serve',
      '--port',
      'x',
      '--fault',
      'bad_luck=1',
      '--fault',
      'server_error=2',
      '--latency',
      '1h',
      '--seed',
      '-1',
      '--webhook',
      'ftp://x',
      '--max-cost',
      'much',
    ];
    const { code, stderr } = await createBinary().start([...argv, '--json']).ended;
    expect(code).toBe(2);
    const { error } = JSON.parse(stderr);
    expect([error.code, error.violations]).toEqual(['usage', Array.from({ length: 8 }, () => expect.any(String))]);
  });

  it('reports a port that is in use', async () => {
    const sora = createBinary();
    const { url } = await startServe(sora);
    const { code, stderr } = await sora.start(['serve', '--port', new URL(url).port]).ended;
    expect(code).toBe(1);
    expect(stderr).toMatch(/error: could not listen on 127\.0\.0\.1, port \d+\n {2}caused by: .*EADDRINUSE/);
  });

  it('finishes open requests before it exits, and reports those that it drops', async () => {
    const { url, call, child, ended } = await startServe(createBinary(), ['--latency', '60s']);
    const socket = connect({ host: '127.0.0.1', port: Number(new URL(url).port) });
    socket.write('POST /v1/videos HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10\r\n\r\n{');
    const waiting = call('/v1/videos');
    await call('/healthz'); // by now the server has both
    child.kill('SIGINT');
    expect((await waiting).status).toBe(200);
    const { code, stderr } = await ended;
    expect(code).toBe(0);
    expect(stderr).toContain('"message":"Dropped requests that did not finish in time","openRequests":1');
  });

  it('injects the requested faults, reproducibly', async () => {
    const series = async (): Promise<number[]> => {
      const { call } = await startServe(createBinary(), ['--fault', 'rate_limit_exceeded=0.5', '--seed', '7']);
      const statuses: number[] = [];
      for (let count = 0; count < 12; count++) {
        const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"prompt":"x"}' };
        statuses.push((await call('/v1/videos', init)).status);
      }
      return statuses;
    };
    const first = await series();
    expect(new Set(first)).toEqual(new Set([200, 429]));
    expect(await series()).toEqual(first);
  });

  it('notifies a webhook when a video is done, in a form that the openai package accepts', async () => {
    const secret = 'whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ=';
    const listener = await startScriptedServer([{ status: 204 }]);
    const { url } = await startServe(
      createBinary(),
      ['--webhook', `${listener.origin}/hook`, '--webhook-secret-env', 'HOOK_SECRET'],
      { HOOK_SECRET: secret },
    );
    const openai = new OpenAI({ apiKey: 'any', baseURL: `${url}/v1`, webhookSecret: secret });
    const { id } = await openai.videos.create({ prompt: 'a kite' });
    await listener.received(1);
    const [{ body = Buffer.of(), headers = {} } = {}] = listener.requests;
    const event = await openai.webhooks.unwrap(body.toString(), headers as Record<string, string>);
    expect(event).toMatchObject({ type: 'video.completed', data: { id } });
  });

  it('creates videos on a real server, and pays for none twice after Ctrl-C and SIGKILL', async () => {
    const server = await startMuteServer();
    const sora = createBinary();
    const argv = ['--base-url', server.url];
    const first = await startServe(sora, argv);
    const { id } = await order(first.call, keyOf(first));
    await server.received(1);
    first.child.kill('SIGINT');
    await first.says(/"openSubmissions":1/);
    first.child.kill('SIGKILL');
    await first.ended;
    server.speak();
    const second = await startServe(sora, argv);
    expect(await untilDone(second.call, id, keyOf(second))).toMatchObject({ status: 'completed', videoId: 'video_1' });
    expect(server.posts).toBe(1);
  });

  it('refuses a video above the approval limit', async () => {
    const server = await startVideosServer();
    const run = await startServe(createBinary(), ['--base-url', server.url, '--max-cost', '0.1']);
    expect(await order(run.call, keyOf(run))).toMatchObject({ error: { code: 'cost_cap_exceeded' } });
    expect(server.posts).toBe(0);
  });

  it('generates a random key when videos cost money, and shows it once', async () => {
    const server = await startVideosServer();
    const sora = createBinary();
    const argv = ['--base-url', server.url];
    const run = await startServe(sora, argv);
    expect(run.started.api_key).toMatch(/^sora_[\w-]{32}$/);
    expect(await order(run.call)).toMatchObject({ error: { code: 'invalid_api_key' } });
    expect(await order(run.call, keyOf(run))).toMatchObject({ status: 'pending' });
    run.child.kill('SIGINT');
    expect((await run.ended).stderr).not.toContain(String(run.started.api_key));
    expect((await startServe(sora, argv)).started.api_key).not.toBe(run.started.api_key);
    const open = sora.start(['serve', '--port', '0', ...argv, '--api-key-env', 'OUR_KEY'], { OUR_KEY: 'test-api-key' });
    const { code, stderr } = await open.ended;
    expect([code, stderr]).toEqual([2, expect.stringContaining('public key')]);
  });
});
