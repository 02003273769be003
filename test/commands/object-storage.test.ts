import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { Interrupt } from '../support/command-line.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';
import {
  type Interference,
  LONG_CLIP,
  longContent,
  type PlayedS3,
  playS3,
  refusal,
  S3_ENDPOINT,
  S3_ENV,
  S3_KEYS,
} from '../support/played-s3.ts';
import { type Bench, setUp } from '../support/set-up.ts';
import { CLIP, type VideosScript } from '../support/videos-server.ts';

/** Parts of the long clip. */
const PARTS = 3;

/** The AWS SDK reads the environment of the process. */
beforeAll(() => {
  for (const [name, value] of Object.entries(S3_ENV)) vi.stubEnv(name, value);
});

interface Studio extends Bench {
  readonly s3: PlayedS3;
}

async function setUpS3({
  interfere,
  buckets,
  script,
  clock,
}: {
  interfere?: Interference;
  buckets?: readonly string[];
  script?: VideosScript;
  clock?: FakeClock;
} = {}): Promise<Studio> {
  const s3 = playS3({ ...(interfere && { interfere }), ...(buckets && { buckets }) });
  const bench = await setUp(script, { env: S3_ENV, ...(clock && { clock }) });
  const runWith: Bench['runWith'] = (options, ...argv) =>
    bench.runWith(
      { ...options, http: (request) => (request.url.startsWith(S3_ENDPOINT) ? s3.http(request) : nodeHttp(request)) },
      ...argv,
    );
  return { ...bench, s3, runWith, run: (...argv) => runWith({}, ...argv) };
}

const CREATE = ['create', 'a paper boat', '-m', 'sora-2', '-d', '4', '-r', '720p'];
const names = ({ objects }: PlayedS3): string[] => [...objects.keys()].sort();
const spooled = ({ sora }: Bench): string[] => {
  const folder = join(sora.home, 'uploads');
  return existsSync(folder) ? readdirSync(folder) : [];
};

describe('sora create -o s3://', () => {
  it('saves the video with its type and hash, prints the URL, and returns a link that expires', async () => {
    const studio = await setUpS3();
    const made = await studio.run(...CREATE, '-o', 's3://films/2026/boat.mp4');
    expect(made).toMatchObject({ code: 0, stdout: 's3://films/2026/boat.mp4\n' });
    const object = studio.s3.objects.get('films/2026/boat.mp4');
    expect(object?.bytes.equals(CLIP)).toBe(true);
    expect(object?.headers).toMatchObject({
      'content-type': 'video/mp4',
      'x-amz-checksum-crc32': expect.any(String),
      'x-amz-meta-sha256': expect.stringMatching(/^[0-9a-f]{64}$/),
      'if-none-match': '*',
    });
    const again = await studio.run('download', '@last', '-o', 's3://films/2026/boat.mp4', '--json');
    const [file] = again.json<{ files: Record<string, string>[] }>().files;
    expect(file).toMatchObject({ path: 's3://films/2026/boat.mp4', bytes: CLIP.length });
    expect(file?.url).toMatch(
      /^http:\/\/storage\.test:9000\/films\/2026\/boat\.mp4\?.*X-Amz-Expires=86400.*X-Amz-Signature=[0-9a-f]+/,
    );
    expect(Date.parse(file?.url_expires_at ?? '')).toBeGreaterThan(studio.sora.clock.now());
    expect(studio.s3.requests.filter((what) => what.startsWith('PUT')).length).toBe(1); // it was already saved
    expect(spooled(studio)).toEqual([]);
  });

  it('uploads a long file in parts, and leaves no part behind', async () => {
    const { run, s3 } = await setUpS3({ script: longContent });
    expect(await run(...CREATE, '-o', 's3://films/long.mp4')).toMatchObject({ code: 0 });
    expect(s3.objects.get('films/long.mp4')?.bytes.equals(LONG_CLIP)).toBe(true);
    expect(s3.requests.filter((what) => what.includes('partNumber=')).length).toBe(PARTS);
    expect(s3.uploads.size).toBe(0);
  });

  it.each([
    ['s3://films/clips/', /^films\/clips\/a-paper-boat-1\.mp4$/],
    ['s3://films', /^films\/a-paper-boat-1\.mp4$/],
    ['s3://films/{model}/{slug:5}.{ext}', /^films\/sora-2\/a-pap\.mp4$/],
  ])('names the object for %s like a file', async (output, expected) => {
    const { run, s3 } = await setUpS3();
    expect(await run(...CREATE, '-o', output)).toMatchObject({ code: 0 });
    expect(names(s3)).toEqual([expect.stringMatching(expected)]);
  });

  it('remembers the URL for a later download, and saves the sidecar beside the object', async () => {
    const { run, s3 } = await setUpS3();
    await run(...CREATE, '--detach', '-o', 's3://films/boat.mp4', '--sidecar');
    expect(await run('download', '@last')).toMatchObject({ code: 0, stdout: 's3://films/boat.mp4\n' });
    expect(names(s3)).toEqual(['films/boat.mp4', 'films/boat.mp4.json']);
    const sidecar = JSON.parse(s3.objects.get('films/boat.mp4.json')?.bytes.toString() ?? '');
    expect(sidecar.files).toEqual([
      { variant: 'video', name: 'boat.mp4', bytes: CLIP.length, sha256: expect.any(String) },
    ]);
  });
});

afterAll(() => void vi.unstubAllEnvs());

describe('before paying, sora', () => {
  it.each([
    ['an invalid bucket name', 's3://Films_/x.mp4', 2],
    ['a URL without a bucket', 's3:///x.mp4', 2],
    ['another scheme', 'gs://films/x.mp4', 2],
    ['a URL with one slash', 's3:/films/x.mp4', 2],
    ['a key with `..`', 's3://films/../x.mp4', 2],
    ['a key that is too long', `s3://films/${'x'.repeat(1025)}`, 2],
    ['a bucket that does not exist', 's3://nowhere/x.mp4', 1],
  ])('refuses %s', async (_, output, code) => {
    const { run, server } = await setUpS3();
    expect((await run(...CREATE, '-o', output)).code).toBe(code);
    expect(server.posts).toBe(0);
  });

  it('reports missing and rejected credentials', async () => {
    const { run, server } = await setUpS3();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AKIASTRANGER');
    const refused = await run(...CREATE, '-o', 's3://films/x.mp4');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('access denied') });
    vi.stubEnv('AWS_ACCESS_KEY_ID', '');
    const absent = await run(...CREATE, '-o', 's3://films/x.mp4');
    expect(absent).toMatchObject({ code: 1, stderr: expect.stringContaining('no AWS credentials') });
    vi.stubEnv('AWS_ACCESS_KEY_ID', S3_KEYS.id);
    expect(server.posts).toBe(0);
  });

  it('refuses to overwrite an object without --force', async () => {
    const { run, s3, server } = await setUpS3();
    s3.objects.set('films/boat.mp4', { bytes: Buffer.from('other'), headers: {} });
    expect(await run(...CREATE, '-o', 's3://films/boat.mp4')).toMatchObject({ code: 2 });
    expect(server.posts).toBe(0);
    expect(await run(...CREATE, '-o', 's3://films/boat.mp4', '--force')).toMatchObject({ code: 0 });
    expect(s3.objects.get('films/boat.mp4')?.bytes.equals(CLIP)).toBe(true);
  });

  it.each([
    ['Ctrl-C', 130, (_: FakeClock, interrupt: AbortController) => interrupt.abort(new Interrupt('SIGINT'))],
    ['a timeout', 1, (clock: FakeClock) => clock.advance(30_000)],
  ])('stops the check of a silent service on %s', async (_, code, end) => {
    const interrupt = new AbortController();
    const clock = createFakeClock();
    const interfere: Interference = ({ signal }) =>
      new Promise((__, reject) => {
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
        setImmediate(() => end(clock, interrupt));
      });
    const { runWith, server } = await setUpS3({ interfere, clock });
    expect((await runWith({ interrupt: interrupt.signal }, ...CREATE, '-o', 's3://films/x.mp4')).code).toBe(code);
    expect(server.posts).toBe(0);
  });

  it.each([
    ['gallery', '-o', 's3://films/x.html'],
    ['gallery', '-o', 'https://films.test/x.html'],
    ['mcp', '-o', 's3://films/'],
  ])('refuses URLs where only files are possible: %s %s %s', async (...argv) => {
    const { run, sora } = await setUpS3();
    expect((await run(...argv)).code).toBe(2);
    expect(readdirSync(sora.cwd)).toEqual([]);
  });

  it('makes no call with --dry-run', async () => {
    const { run, s3 } = await setUpS3();
    expect(await run(...CREATE, '-o', 's3://films/boat.mp4', '--dry-run')).toMatchObject({ code: 0 });
    expect(s3.requests).toEqual([]);
  });
});

describe('a failed upload', () => {
  it('leaves no object and no part, and the next run saves the video without paying again', async () => {
    let isBroken = true;
    const interfere: Interference = (_, what) =>
      isBroken && what.includes('partNumber=2') ? refusal(403, 'AccessDenied') : null;
    const ranges: (string | undefined)[] = [];
    const content: VideosScript['content'] = (request) => {
      ranges.push(request.headers.range);
      return longContent.content?.(request) ?? null;
    };
    const studio = await setUpS3({ interfere, script: { content } });
    const failed = await studio.run(...CREATE, '-o', 's3://films/long.mp4');
    expect(failed).toMatchObject({ code: 1, stderr: expect.stringContaining('sora download') });
    expect(names(studio.s3)).toEqual([]);
    expect(studio.s3.uploads.size).toBe(0);
    isBroken = false;
    expect(await studio.run(...CREATE, '-o', 's3://films/long.mp4')).toMatchObject({ code: 0 });
    expect(studio.s3.objects.get('films/long.mp4')?.bytes.equals(LONG_CLIP)).toBe(true);
    expect(studio.server.posts).toBe(1);
    expect(ranges.at(-1)).toBe(`bytes=${LONG_CLIP.length - 1}-`); // the file was kept, and only its last byte is checked
    expect(spooled(studio)).toEqual([]);
  });

  it('is aborted by Ctrl-C, and leaves no part behind', async () => {
    const interrupt = new AbortController();
    const interfere: Interference = ({ signal }, what) => {
      if (!what.includes('partNumber=2')) return null;
      interrupt.abort(new Interrupt('SIGINT'));
      return new Promise((_, reject) => {
        if (signal?.aborted) reject(signal.reason);
        signal?.addEventListener('abort', () => reject(signal.reason));
      });
    };
    const studio = await setUpS3({ interfere, script: longContent });
    const ended = await studio.runWith({ interrupt: interrupt.signal }, ...CREATE, '-o', 's3://films/long.mp4');
    expect(ended).toMatchObject({ code: 130, stderr: expect.stringContaining('to resume') });
    expect(studio.s3.uploads.size).toBe(0);
    expect(names(studio.s3)).toEqual([]);
  });

  it('works without conditional writes', async () => {
    const interfere: Interference = ({ headers }) => (headers['if-none-match'] ? refusal(501, 'NotImplemented') : null);
    const { run, s3 } = await setUpS3({ interfere });
    expect(await run(...CREATE, '-o', 's3://films/boat.mp4')).toMatchObject({ code: 0 });
    expect(names(s3)).toEqual(['films/boat.mp4']);
  });

  it('uses the next name if another program has taken the first', async () => {
    const studio = await setUpS3({
      script: {
        retrieve: () => {
          studio.s3.objects.set('films/boat.mp4', { bytes: Buffer.from('theirs'), headers: {} });
          return null;
        },
      },
    });
    expect(await studio.run(...CREATE, '-o', 's3://films/boat.mp4')).toMatchObject({
      stdout: 's3://films/boat-2.mp4\n',
    });
    expect(studio.s3.objects.get('films/boat.mp4')?.bytes.toString()).toBe('theirs');
  });
});

describe('a reply of something that is no object storage', () => {
  const create = [...CREATE, '-o', 's3://films/boat.mp4', '--json'];
  const errorOf = ({ stderr }: { stderr: string }) => JSON.parse(stderr).error;

  it('fails the check before anything is paid', async () => {
    const { run, server } = await setUpS3({
      interfere: ({ method }) => (method === 'POST' ? { status: 200, body: '' } : null),
    });
    expect(errorOf(await run(...create))).toMatchObject({ code: 'cannot_write' });
    expect(server.posts).toBe(0);
  });

  it('does not count as a saved object', async () => {
    const { run } = await setUpS3({ interfere: ({ method }) => (method === 'PUT' ? { status: 200, body: '' } : null) });
    expect(errorOf(await run(...create))).toMatchObject({ caused_by: 'the reply has no ETag' });
  });

  it('cannot keep a run searching for a free name', async () => {
    const { run, s3 } = await setUpS3({
      interfere: ({ method }) => (method === 'PUT' ? refusal(412, 'PreconditionFailed') : null),
    });
    expect(errorOf(await run(...create))).toMatchObject({ message: expect.stringContaining('free name') });
    expect(s3.requests.filter((request) => request.startsWith('PUT')).length).toBe(100);
  });

  it('reveals no session token', async () => {
    vi.stubEnv('AWS_SESSION_TOKEN', 'session/token+0123456789');
    const { run } = await setUpS3({
      interfere: ({ method }) => (method === 'PUT' ? refusal(403, 'Denied: session/token+0123456789') : null),
    });
    const { stderr } = await run(...create);
    vi.stubEnv('AWS_SESSION_TOKEN', undefined);
    expect(stderr).toContain('[redacted]');
    expect(stderr).not.toContain('session/token+0123456789');
  });
});

describe('an object in a bucket', () => {
  it('is opened through a link, counts as saved, and is listed with its URL', async () => {
    const { run, runWith, server } = await setUpS3();
    await run(...CREATE, '-o', 's3://films/boat.mp4');
    const opened: string[] = [];
    const openFile = async (path: string) => void opened.push(path);
    expect(await runWith({ openFile }, 'open', '@last')).toMatchObject({ code: 0, stdout: 's3://films/boat.mp4\n' });
    expect(opened).toEqual([
      expect.stringMatching(/^http:\/\/storage\.test:9000\/films\/boat\.mp4\?.*X-Amz-Signature=/),
    ]);
    expect((await run('status', '@last', '--json')).json()).toMatchObject({ files: [{ path: 's3://films/boat.mp4' }] });
    expect(await run('download', '--all')).toMatchObject({ code: 0, stdout: '' });
    expect(await run(...CREATE, '--reuse', '-o', 's3://films/')).toMatchObject({ code: 0 });
    expect(await run('delete', '@last')).toMatchObject({ code: 0 });
    expect(server.posts).toBe(1);
  });

  it('has a link that expires with temporary credentials', async () => {
    const { run, sora } = await setUpS3();
    const expiry = new Date(sora.clock.now() + 3_600_000).toISOString();
    vi.stubEnv('AWS_SESSION_TOKEN', 'a-token');
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', expiry);
    const made = await run(...CREATE, '-o', 's3://films/boat.mp4', '--json');
    vi.stubEnv('AWS_SESSION_TOKEN', undefined);
    vi.stubEnv('AWS_CREDENTIAL_EXPIRATION', undefined);
    const [file] = made.json<{ files: Record<string, string>[] }>().files;
    expect(file).toMatchObject({ url_expires_at: expiry, url: expect.stringMatching(/X-Amz-Expires=3[56]\d\d&/) });
  });

  it('never reveals the secret key, and its link is not in the ledger', async () => {
    const { run, sora } = await setUpS3();
    const made = await run(...CREATE, '-o', 's3://films/boat.mp4', '--json', '--debug');
    expect(made.stdout + made.stderr).not.toContain(S3_KEYS.secret);
    expect(made.stdout).toContain('X-Amz-Signature');
    expect(readFileSync(join(sora.home, 'ledger.jsonl'), 'utf8')).not.toContain('X-Amz');
  });
});

describe('sora batch -o s3://', () => {
  it('saves every row under the prefix, and finds them done in the next run', async () => {
    const { run, sora, s3, server } = await setUpS3();
    writeFileSync(
      join(sora.cwd, 'm.jsonl'),
      ['a', 'b', 'c'].map((prompt) => JSON.stringify({ prompt, output: `${prompt}/clip.mp4` })).join('\n'),
    );
    const argv = ['batch', 'm.jsonl', '-o', 's3://films/run', '-m', 'sora-2', '-d', '4', '--yes'];
    expect(await run(...argv)).toMatchObject({ code: 0 });
    expect(names(s3)).toEqual(['films/run/a/clip.mp4', 'films/run/b/clip.mp4', 'films/run/c/clip.mp4']);
    expect(await run(...argv)).toMatchObject({ code: 0 });
    expect(server.posts).toBe(3);
  });

  it('checks before paying that it may write every prefix', async () => {
    const interfere: Interference = (_, what) =>
      /^(POST|PUT) .films.run.theirs/.test(what) ? refusal(403, 'AccessDenied') : null;
    const { run, sora, server } = await setUpS3({ interfere });
    const rows = ['ours/a', 'theirs/b'].map((name) => JSON.stringify({ prompt: name, output: `${name}.mp4` }));
    writeFileSync(join(sora.cwd, 'm.jsonl'), rows.join('\n'));
    const refused = await run('batch', 'm.jsonl', '-o', 's3://films/run', '-m', 'sora-2', '-d', '4', '--yes');
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('access denied') });
    expect(server.posts).toBe(0);
  });

  it('stops before the next create when the bucket refuses uploads', async () => {
    const interfere: Interference = (_, what) => (what.startsWith('PUT') ? refusal(403, 'AccessDenied') : null);
    const { run, sora, server } = await setUpS3({ interfere });
    const rows = Array.from({ length: 20 }, (_, at) => JSON.stringify({ prompt: `row ${at}` }));
    writeFileSync(join(sora.cwd, 'm.jsonl'), rows.join('\n'));
    const ended = await run(
      'batch',
      'm.jsonl',
      '-o',
      's3://films/',
      '-m',
      'sora-2',
      '-d',
      '4',
      '--yes',
      '--concurrency',
      '1',
    );
    expect(ended.code).not.toBe(0);
    expect(server.posts).toBeLessThan(5);
  });

  it('refuses rows outside the prefix, existing objects and a missing bucket before paying', async () => {
    const { run, sora, s3, server } = await setUpS3();
    const write = (row: object): void =>
      writeFileSync(join(sora.cwd, 'm.jsonl'), JSON.stringify({ prompt: 'a', ...row }));
    const batch = (bucket: string) =>
      run('batch', 'm.jsonl', '-o', `s3://${bucket}/run/`, '-m', 'sora-2', '-d', '4', '--yes');
    for (const output of ['../x.mp4', '../../other/x.mp4', 's3://films/x.mp4']) {
      write({ output });
      expect(await batch('films')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('must stay in the output folder'),
      });
    }
    s3.objects.set('films/run/taken.mp4', { bytes: Buffer.from('theirs'), headers: {} });
    write({ output: 'taken.mp4' });
    expect(await batch('films')).toMatchObject({ code: 2, stderr: expect.stringContaining('already exists') });
    write({});
    expect((await batch('nowhere')).code).toBe(1);
    expect(server.posts).toBe(0);
  });
});
