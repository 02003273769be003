import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { LONG_CLIP, longContent, S3_ENV } from '../support/played-s3.ts';
import { setUp } from '../support/set-up.ts';
import { CLIP, type ServedJob, type VideosScript } from '../support/videos-server.ts';

/** A maintained, Apache-licensed S3 server, which checks signatures and checksums. */
const SERVER = process.env.SORA_VERSITYGW ?? 'versitygw';
const isInstalled = spawnSync(SERVER, ['--version']).status === 0;
const [ID, SECRET] = ['real-access-key', 'real-secret-key-0123456789'];
const CREATE = ['create', 'a paper boat', '-m', 'sora-2', '-d', '4', '-r', '720p'];

describe.skipIf(!isInstalled)('on a real S3 server (needs versitygw, see CONTRIBUTING.md)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sora-s3-'));
  const buckets = join(folder, 'buckets');
  let endpoint = '';
  let server: ChildProcess;

  beforeAll(async () => {
    mkdirSync(join(buckets, 'films'), { recursive: true });
    const port = await freePort();
    endpoint = `http://127.0.0.1:${port}`;
    const argv = ['--port', `127.0.0.1:${port}`, '--access', ID, '--secret', SECRET, '--quiet', 'posix', buckets];
    server = spawn(SERVER, argv, { cwd: folder, stdio: 'ignore' });
    await untilListening(endpoint);
    const env = { ...S3_ENV, AWS_ENDPOINT_URL: endpoint, AWS_ACCESS_KEY_ID: ID, AWS_SECRET_ACCESS_KEY: SECRET };
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
  });

  afterAll(async () => {
    if (server.exitCode === null) {
      server.kill('SIGKILL'); // otherwise it waits for open connections
      await once(server, 'exit');
    }
    vi.unstubAllEnvs();
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (script: VideosScript = {}) => setUp(script, { env: { ...S3_ENV, AWS_ENDPOINT_URL: endpoint } });

  it('saves a video, links to it, and does not overwrite it', async () => {
    const { run, server: videos } = await start();
    const made = await run(...CREATE, '-o', 's3://films/2026/a boat+é.mp4', '--json');
    expect(made).toMatchObject({ code: 0 });
    expect(readFileSync(join(buckets, 'films/2026/a boat+é.mp4')).equals(CLIP)).toBe(true);
    const [file] = made.json<{ files: { url: string }[] }>().files;
    const linked = await fetch(file?.url ?? '');
    expect(linked.status).toBe(200);
    expect(linked.headers.get('content-type')).toBe('video/mp4');
    expect(Buffer.from(await linked.arrayBuffer()).equals(CLIP)).toBe(true);
    expect((await run(...CREATE, '--again', '-o', 's3://films/2026/a boat+é.mp4')).code).toBe(2);
    expect(videos.posts).toBe(1);
  });

  it('saves a long video in parts, and leaves no part behind', async () => {
    const { run } = await start(longContent);
    expect(await run(...CREATE, '-o', 's3://films/long.mp4')).toMatchObject({ code: 0 });
    expect(readFileSync(join(buckets, 'films/long.mp4')).equals(LONG_CLIP)).toBe(true);
    expect(filesIn(join(buckets, 'films/.sgwtmp'))).toEqual([]);
  });

  it('refuses a missing bucket and wrong keys before paying', async () => {
    const { run, server: videos } = await start();
    const missing = await run(...CREATE, '-o', 's3://nowhere/x.mp4');
    expect(missing).toMatchObject({ code: 1, stderr: expect.stringContaining('there is no such bucket') });
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'wrong');
    const refused = await run(...CREATE, '-o', 's3://films/x.mp4');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('access denied') });
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', SECRET);
    expect(videos.posts).toBe(0);
  });

  it.each(['SIGINT', 'SIGKILL'] as const)(
    'leaves no object after an upload interrupted by %s, and resumes from the downloaded file',
    async (signal) => {
      const ranges: (string | undefined)[] = [];
      const content: VideosScript['content'] = (request) => {
        ranges.push(request.headers.range);
        return longContent.content?.(request) ?? null;
      };
      const { sora, server: videos } = await start({ content });
      const slow = await startSlowRelay(endpoint);
      const name = `s3://films/${signal}.mp4`;
      const env = { SORA_BASE_URL: videos.url, SORA_API_KEY: 'sk-lab-0123456789', SORA_HOME: sora.home };
      const run = (relay: string) =>
        spawn(process.execPath, [BIN, ...CREATE, '-o', name], {
          cwd: sora.cwd,
          env: { ...process.env, ...env, AWS_ENDPOINT_URL: relay },
          stdio: 'ignore',
        });
      const first = run(slow.url);
      await slow.reached;
      first.kill(signal);
      const [code] = await once(first, 'exit');
      slow.close();
      expect(code).toBe(signal === 'SIGINT' ? 130 : null);
      expect(filesIn(join(buckets, 'films'))).not.toContain(`${signal}.mp4`);
      if (signal === 'SIGINT') expect(filesIn(join(buckets, 'films/.sgwtmp'))).toEqual([]);
      const [again] = await once(run(endpoint), 'exit');
      expect(again).toBe(0);
      expect(readFileSync(join(buckets, `films/${signal}.mp4`)).equals(LONG_CLIP)).toBe(true);
      expect(videos.posts).toBe(1);
      expect(ranges.at(-1)).toBe(`bytes=${LONG_CLIP.length - 1}-`);
      expect(readdirSync(join(sora.home, 'uploads'))).toEqual([]);
    },
  );

  it('gives a name to only one of two programs that write at the same time', async () => {
    // Neither job ends before both have been created, so neither program finds the other's file before it pays.
    const retrieve = (job: ServedJob) =>
      one.server.posts + other.server.posts < 2 ? { body: { ...job, status: 'in_progress' } } : null;
    const content = () => ({ body: OTHER_CLIP, headers: { 'content-type': 'video/mp4' } });
    const [one, other] = await Promise.all([start({ retrieve }), start({ retrieve, content })]);
    const argv = [...CREATE, '--timeout', '24h', '-o', 's3://films/race.mp4'];
    const made = await Promise.all([one, other].map(({ run }) => run(...argv)));
    expect(made.map(({ code }) => code)).toEqual([0, 0]);
    expect(made.map(({ stdout }) => stdout).sort()).toEqual(['s3://films/race-2.mp4\n', 's3://films/race.mp4\n']);
  });
});

const BIN = join(import.meta.dirname, '../../bin/sora.js');

/** Forwards calls except the last part of a file; `reached` resolves when that arrives. */
async function startSlowRelay(endpoint: string) {
  let reach = (): void => {};
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const relay = createHttpServer((incoming, outgoing) => {
    if (incoming.url?.includes('partNumber=3')) return reach();
    const { hostname, port } = new URL(endpoint);
    const { method, url, headers } = incoming;
    const onward = request({ hostname, port, method, path: url, headers }, (reply) => {
      outgoing.writeHead(reply.statusCode ?? 0, reply.headers);
      reply.pipe(outgoing);
    });
    onward.on('error', () => outgoing.destroy());
    incoming.pipe(onward);
  });
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const { port } = relay.address() as AddressInfo;
  const close = (): void => {
    relay.close();
    relay.closeAllConnections();
  };
  return { url: `http://127.0.0.1:${port}`, reached, close };
}

const OTHER_CLIP = Buffer.from(CLIP);
OTHER_CLIP.write('y', CLIP.length - 1, 'latin1');

function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) =>
      entry.isFile() ? entry.name : [],
    );
  } catch {
    return [];
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Retries until the server replies, since it does not report when it is ready. */
async function untilListening(url: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      await fetch(url);
      return;
    } catch (error) {
      if (tries === 200) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}
