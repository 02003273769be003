import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { PassThrough, type Readable, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { VideosClient } from '../../src/client/port.ts';
import type { SavedFile } from '../../src/domain/record.ts';
import type { ContentOrder } from '../../src/jobs/content-stream.ts';
import { type DownloadOrder, download } from '../../src/jobs/download.ts';
import { downloadInto, downloadTo } from '../../src/jobs/download-stream.ts';
import { Interrupt } from '../../src/platform/host.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type ReceivedRequest, type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { CLIP, clipReply as replyWithRange } from '../support/videos-server.ts';

/** Longer than any buffer in transit, so that a cut loses only the second half. */
const LONG_CLIP = Buffer.concat([CLIP, Buffer.alloc(1_200_000, 'abcdefg')]);
const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const SHA256 = hash(LONG_CLIP);
const HALF = LONG_CLIP.length / 2;
const REST = `bytes ${HALF}-${LONG_CLIP.length - 1}/${LONG_CLIP.length}`;
const PART = expect.stringMatching(/^\.sora-[0-9a-f]{16}-\d+-[0-9a-f]{16}\.part$/);

const clipReply = (request: ReceivedRequest): ScriptedReply => replyWithRange(request, LONG_CLIP);

const whole: ScriptedReply = {
  headers: { etag: '"clip-1"', 'content-length': String(LONG_CLIP.length) },
  body: LONG_CLIP,
};
/** Announces the whole file and sends half of it. */
const cut: ScriptedReply = { ...whole, body: LONG_CLIP.subarray(0, HALF), afterwards: 'drop' };

interface Setup {
  readonly folder: string;
  readonly path: string;
  /** The `Range` headers of all calls, in order. */
  ranges(): (string | undefined)[];
  download(changes?: Partial<DownloadOrder>, signal?: AbortSignal): Promise<SavedFile>;
  downloadTo(output: Writable, changes?: Partial<ContentOrder>): Promise<unknown>;
  downloadInto(path: string, signal?: AbortSignal): Promise<void>;
}

type Script = readonly [ScriptedReply, ...ScriptedReply[]] | ((request: ReceivedRequest) => ScriptedReply);

/** A server that answers downloads by a script, and an empty folder. */
async function setUp(script: Script, wrap = (client: VideosClient): VideosClient => client): Promise<Setup> {
  const server = await startScriptedServer(script);
  const folder = createTemporaryFolder();
  const path = join(folder, 'clip.mp4');
  const client = wrap(createVideosClient(server.url).client);
  const clock = createFakeClock();
  const order: DownloadOrder = {
    source: { id: 'video_1', content: null },
    variant: 'video',
    isCompleted: true,
    path,
    isDefaultName: false,
    submission: 'sub_1',
    force: false,
  };
  return {
    folder,
    path,
    ranges: () => server.requests.map(({ headers }) => headers.range),
    download: (changes, signal) => download({ client, clock, signal }, { ...order, ...changes }),
    downloadInto: (target, signal) => downloadInto(target, { client, clock, signal }, order),
    downloadTo: (output, changes) => downloadTo({ client, clock }, { ...order, ...changes }, output),
  };
}

describe('a download', () => {
  it('is saved under its name when complete, and leaves nothing else', async () => {
    const { folder, path, download: run } = await setUp([whole]);
    expect(await run()).toEqual({ variant: 'video', path, bytes: LONG_CLIP.length, sha256: SHA256 });
    expect(hash(readFileSync(path))).toBe(SHA256);
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it('reports its progress', async () => {
    const { download: run } = await setUp([whole]);
    const seen: unknown[] = [];
    await run({ onProgress: (done, total) => seen.push([done, total]) });
    expect(seen.at(-1)).toEqual([LONG_CLIP.length, LONG_CLIP.length]);
  });

  it('resumes after an interruption', async () => {
    let calls = 0;
    const { download: run, ranges, folder } = await setUp((request) => (calls++ === 0 ? cut : clipReply(request)));
    expect(await run()).toMatchObject({ bytes: LONG_CLIP.length, sha256: SHA256 });
    expect(ranges()).toEqual([undefined, `bytes=${HALF}-`]);
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it('resumes in a later run', async () => {
    const script: [ScriptedReply, ...ScriptedReply[]] = [cut, ...Array<ScriptedReply>(5).fill({ status: 503 })];
    const { download: run, ranges, folder } = await setUp((request) => script.shift() ?? clipReply(request));
    await expect(run()).rejects.toMatchObject({ code: 'server_error' });
    expect(readdirSync(folder)).toEqual([PART]);
    expect(await run()).toMatchObject({ bytes: LONG_CLIP.length, sha256: SHA256 });
    expect(ranges().slice(-2)).toEqual([undefined, `bytes=${HALF}-`]);
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it('keeps the partial file on Ctrl-C', async () => {
    const { download: run, folder } = await setUp([{ ...cut, afterwards: 'hang' }]);
    const controller = new AbortController();
    const onProgress = (): void => controller.abort(new Interrupt('SIGINT'));
    await expect(run({ onProgress }, controller.signal)).rejects.toThrow(Interrupt);
    expect(readdirSync(folder)).toEqual([PART]);
  });

  it.each<[string, ScriptedReply]>([
    ['ignores ranges', whole],
    [
      'has another file by now',
      { ...whole, headers: { etag: '"clip-2"', 'content-length': String(LONG_CLIP.length) } },
    ],
  ])('starts over when the server %s', async (_, second) => {
    const { download: run, folder } = await setUp([cut, second]);
    expect(await run()).toMatchObject({ bytes: LONG_CLIP.length, sha256: SHA256 });
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it('starts over when the server sends the wrong range', async () => {
    const headers = { etag: '"clip-1"', 'content-range': `bytes 0-9/${LONG_CLIP.length}` };
    let cuts = 0;
    const { download: run } = await setUp(({ headers: { range } }) => {
      if (range !== undefined) return { status: 206, headers, body: LONG_CLIP };
      return cuts++ === 0 ? cut : whole;
    });
    expect(await run()).toMatchObject({ bytes: LONG_CLIP.length, sha256: SHA256 });
  });

  it.each<[string, ScriptedReply]>([
    ['of another file', { status: 206, headers: { etag: '"clip-2"', 'content-range': REST }, body: 'other bytes' }],
    ['of another length', { status: 206, headers: { 'content-range': `bytes ${HALF}-99/100` }, body: 'other bytes' }],
    [
      'of more bytes than announced',
      { status: 206, headers: { etag: '"clip-1"', 'content-range': REST }, body: LONG_CLIP },
    ],
    ['beyond its end', { status: 416, headers: { 'content-range': 'bytes */100' } }],
  ])('starts over when the server replies with a part %s', async (_, part) => {
    let cuts = 0;
    const { path, download: run } = await setUp(({ headers }) => {
      if (headers.range !== undefined) return part;
      return cuts++ === 0 ? cut : whole;
    });
    await run();
    expect(hash(readFileSync(path))).toBe(SHA256);
  });

  it('starts over without a validator, and keeps no end of a longer file', async () => {
    const shorter = CLIP;
    const {
      path,
      download: run,
      ranges,
    } = await setUp([
      { headers: { 'content-length': '9999999' }, body: LONG_CLIP, afterwards: 'drop' },
      { headers: { 'content-length': String(shorter.length) }, body: shorter },
    ]);
    await run();
    expect(readFileSync(path)).toEqual(shorter);
    expect(ranges()).toEqual([undefined, undefined]);
  });

  it('gives up when the connection keeps breaking without new bytes', async () => {
    const { download: run, folder, ranges } = await setUp([{ status: 200, body: '', afterwards: 'drop' }]);
    await expect(run()).rejects.toMatchObject({ code: 'download_corrupt', jobId: 'video_1' });
    expect(ranges()).toHaveLength(5);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('does not give up while each attempt receives something', async () => {
    const { download: run, ranges } = await setUp((request) => {
      const reply = clipReply(request);

      if (typeof reply === 'string' || !(reply.body instanceof Uint8Array)) return reply;
      return {
        ...reply,
        body: reply.body.subarray(0, 150_000),
        afterwards: reply.body.length > 150_000 ? 'drop' : 'finish',
      };
    });
    expect(await run()).toMatchObject({ sha256: SHA256 });
    expect(ranges().length).toBeGreaterThan(7);
  });
});

describe('a file that its container says is incomplete', () => {
  const half = CLIP.subarray(0, CLIP.length / 2);
  const wholeReply = (request: ReceivedRequest): ScriptedReply => replyWithRange(request, CLIP);

  it('is downloaded again when the length is unknown', async () => {
    const { path, download: run, ranges } = await setUp([{ body: half }, { body: half }, { body: CLIP }]);
    await run();
    expect(readFileSync(path)).toEqual(CLIP);
    expect(ranges()).toEqual([undefined, undefined, undefined]);
  });

  it('is resumed if the server can', async () => {
    let calls = 0;
    const cutReply: ScriptedReply = { headers: { etag: '"clip-1"' }, body: half };
    const { path, download: run, ranges } = await setUp((request) => (calls++ === 0 ? cutReply : wholeReply(request)));
    await run();
    expect(readFileSync(path)).toEqual(CLIP);
    expect(ranges()).toEqual([undefined, `bytes=${half.length}-`]);
  });

  it('is downloaded from the start when the server calls it complete, as it may still be writing it', async () => {
    const shortReply = { headers: { etag: '"clip-0"', 'content-length': String(half.length) }, body: half };
    const { path, download: run, ranges } = await setUp([shortReply, { body: CLIP }]);
    await run();
    expect(readFileSync(path)).toEqual(CLIP);
    expect(ranges()).toEqual([undefined, undefined]);
  });

  it.each([true, false])('is never saved (length announced: %s)', async (isAnnounced) => {
    const headers: Record<string, string> = isAnnounced ? { 'content-length': String(half.length) } : {};
    const { folder, download: run, ranges } = await setUp([{ headers, body: half }]);
    await expect(run()).rejects.toMatchObject({
      code: 'download_corrupt',
      message: 'the download is incomplete',
      causedBy: 'the mp4 file is missing the end of its mdat box',
      jobId: 'video_1',
    });
    expect(ranges()).toHaveLength(isAnnounced ? 5 : 6);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a temporary file of an earlier run', () => {
  /** Fails in the first run, and succeeds in later ones. */
  async function setUpCut(): Promise<Setup & { readonly part: string }> {
    const script: ScriptedReply[] = [cut, ...Array<ScriptedReply>(5).fill({ status: 503 })];
    const setup = await setUp((request) => script.shift() ?? clipReply(request));
    await expect(setup.download()).rejects.toMatchObject({ code: 'server_error' });
    return { ...setup, part: join(setup.folder, readdirSync(setup.folder)[0] ?? '') };
  }

  it('is readable only by its owner, unlike the result', async () => {
    const { part, path, download: run } = await setUpCut();
    expect(statSync(part).mode & 0o777).toBe(0o600);
    await run();
    expect(statSync(path).mode & 0o777).toBe(0o666 & ~process.umask());
  });

  it.each<[string, (part: string, victim: string) => void]>([
    ['a link', (part, victim) => symlinkSync(victim, part)],
    ['a hard link to another file', (part, victim) => linkSync(victim, part)],
    [
      'a file that others can write',
      (part) => {
        writeFileSync(part, Buffer.from(LONG_CLIP.subarray(0, HALF)).fill('poison', HALF / 2));
        chmodSync(part, 0o666);
      },
    ],
  ])('is not used when it is %s', async (_, plant) => {
    const { part, folder, path, download: run, ranges } = await setUpCut();
    const victim = join(createTemporaryFolder(), 'victim');
    writeFileSync(victim, 'precious', { mode: 0o600 });
    rmSync(part);
    plant(part, victim);
    await run();
    expect(hash(readFileSync(path))).toBe(SHA256);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
    expect(ranges().at(-1)).toBeUndefined();
    const isLink = lstatSync(part, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    expect(readdirSync(folder).sort()).toEqual([...(isLink ? [basename(part)] : []), 'clip.mp4']);
  });

  it.each<[string, (part: string, path: string) => void]>([
    ['before it got its name', (part) => chmodSync(part, 0o644)],
    ['while it got its name', (part, path) => linkSync(part, path)],
  ])('of a process that was killed %s is not left over', async (_, kill) => {
    const { part, folder, path, download: run } = await setUpCut();
    writeFileSync(part, LONG_CLIP);
    kill(part, path);
    await run();
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
    expect(hash(readFileSync(path))).toBe(SHA256);
  });

  it('is removed when the file on the server has changed', async () => {
    const other = LONG_CLIP.subarray(0, -1);
    const script: ScriptedReply[] = [cut, ...Array<ScriptedReply>(5).fill({ status: 503 })];
    const { folder, path, download: run } = await setUp((request) => script.shift() ?? replyWithRange(request, other));
    await expect(run()).rejects.toMatchObject({ code: 'server_error' });
    await run();
    expect(hash(readFileSync(path))).toBe(hash(other));
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it.each<[string, (part: string) => void, Partial<DownloadOrder>]>([
    ['it is longer than the file', (part) => truncateSync(part, 2 * LONG_CLIP.length), {}],
    ['it is not the beginning of a video', (part) => writeFileSync(part, Buffer.alloc(HALF, 'garbage')), {}],
    ['an earlier job had the same id', () => {}, { submission: 'sub_2' }],
  ])('is removed when %s', async (_, damage, changes) => {
    const { part, folder, path, download: run } = await setUpCut();
    damage(part);
    await run(changes);
    expect(hash(readFileSync(path))).toBe(SHA256);
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it('is removed when it is too small to resume', async () => {
    const headers = { etag: '"clip-1"', 'content-length': String(CLIP.length) };
    const script: ScriptedReply[] = [cut, ...Array<ScriptedReply>(5).fill({ status: 503 })];
    const { folder, download: run } = await setUp(() => script.shift() ?? { headers, body: CLIP });
    await expect(run()).rejects.toMatchObject({ code: 'server_error' });
    const [part = ''] = readdirSync(folder);
    renameSync(join(folder, part), join(folder, part.replace(/-\d+-/, '-999999999-'))); // as if left by a killed process
    await run();
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
  });

  it('is not used while a living process writes to it', async () => {
    const { part, folder, download: run, ranges } = await setUpCut();
    const theirs = part.replace(/-\d+-/, `-${process.ppid}-`);
    renameSync(part, theirs);
    await run();
    expect(ranges().at(-1)).toBeUndefined();
    expect(readdirSync(folder).sort()).toEqual([basename(theirs), 'clip.mp4']);
  });
});

describe('a destination that is not a regular file', () => {
  it.each([true, false])('stays a link to the new file (target exists: %s)', async (isThere) => {
    const { folder, path, download: run } = await setUp([whole]);
    mkdirSync(join(folder, 'store'));
    const target = join(folder, 'store', 'real.mp4');
    if (isThere) writeFileSync(target, 'old');
    symlinkSync('store/real.mp4', path);
    expect((await run({ force: isThere })).path).toBe(path);
    expect(lstatSync(path).isSymbolicLink()).toBe(true);
    expect(hash(readFileSync(target))).toBe(SHA256);
    expect(readdirSync(join(folder, 'store'))).toEqual(['real.mp4']);
  });

  it('is not replaced without `force`', async () => {
    const { folder, path, download: run } = await setUp([whole]);
    writeFileSync(join(folder, 'real.mp4'), 'precious');
    symlinkSync('real.mp4', path);
    expect((await run()).path).toBe(join(folder, 'clip-2.mp4'));
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('is written through when it is a pipe with a reader', async () => {
    let calls = 0;
    const { folder, downloadInto: run } = await setUp((request) => (calls++ === 0 ? cut : clipReply(request)));
    const pipe = join(folder, 'pipe.mp4');
    execFileSync('mkfifo', [pipe]);
    const [bytes] = await Promise.all([readFile(pipe), run(pipe)]);
    expect(hash(bytes)).toBe(SHA256);
    expect(lstatSync(pipe).isFIFO()).toBe(true);
  });

  it('waits for a reader when it is a pipe, until Ctrl-C', async () => {
    const { folder, downloadInto: run } = await setUp([whole]);
    const pipe = join(folder, 'pipe.mp4');
    execFileSync('mkfifo', [pipe]);
    const controller = new AbortController();
    const running = run(pipe, controller.signal);
    controller.abort(new Interrupt('SIGINT'));
    await expect(running).rejects.toThrow(Interrupt);
  });

  it.skipIf(!existsSync('/dev/full'))('is an error when it is a full device', async () => {
    const { downloadInto: run } = await setUp([whole]);
    await expect(run('/dev/full')).rejects.toMatchObject({
      code: 'cannot_write',
      message: 'could not write /dev/full',
    });
  });
});

describe('a download without a video', () => {
  it.each<[string, ScriptedReply, object]>([
    ['JSON', { headers: { 'content-type': 'video/mp4' }, body: '{"error":"gone"}' }, { causedBy: 'HTTP 200: gone' }],
    ['an HTML page', { body: '<html>sign in</html>' }, { causedBy: 'HTTP 200: an HTML page' }],
    ['an image', { body: '\x89PNG\r\n\x1a\n'.padEnd(64) }, { message: expect.stringContaining('a png file') }],
  ])('%s is refused with its reason, and not retried', async (_, reply, words) => {
    const body = typeof reply === 'string' ? '' : reply.body;
    const bytes = typeof body === 'string' ? Buffer.from(body, 'latin1') : '';
    const {
      download: run,
      folder,
      ranges,
    } = await setUp([{ ...(typeof reply === 'string' ? {} : reply), body: bytes }]);
    await expect(run()).rejects.toMatchObject({ code: 'download_corrupt', jobId: 'video_1', ...words });
    expect(ranges()).toHaveLength(1);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('an image is accepted as a thumbnail', async () => {
    const png = Buffer.from('\x89PNG\r\n\x1a\n'.padEnd(64), 'latin1');
    const { folder, download: run } = await setUp([{ body: png }]);
    const order = { variant: 'thumbnail', path: join(folder, 'clip.webp'), isDefaultName: true } as const;
    expect((await run(order)).path).toBe(join(folder, 'clip.png'));
  });
});

describe('the name of a saved file', () => {
  const avi = Buffer.from('RIFF\0\0\0\0AVI LIST'.padEnd(64), 'latin1');

  it.each([
    ['follows the format of the file when it is a default name', true, 'clip.avi'],
    ['is the requested one', false, 'clip.mp4'],
  ])('%s', async (_, isDefaultName, name) => {
    const { folder, download: run } = await setUp([{ body: avi }]);
    expect((await run({ isDefaultName })).path).toBe(join(folder, name));
  });

  it('gets a number when another file has taken it', async () => {
    const { path, folder, download: run } = await setUp([whole]);
    writeFileSync(path, 'precious');
    writeFileSync(join(folder, 'clip-2.mp4'), 'precious too');
    expect((await run()).path).toBe(join(folder, 'clip-3.mp4'));
    expect(readFileSync(path, 'utf8')).toBe('precious');
  });

  it('is kept when an identical file exists', async () => {
    const { folder, path, download: run } = await setUp([whole]);
    const saved = await Promise.all([run(), run(), run()]);
    expect(new Set(saved.map((file) => file.path))).toEqual(new Set([path]));
    expect(readdirSync(folder)).toEqual(['clip.mp4']);
    expect(hash(readFileSync(path))).toBe(SHA256);
  });

  it('may be as long as the file system allows', async () => {
    const { folder, download: run } = await setUp([whole]);
    const path = join(folder, `${'x'.repeat(251)}.mp4`);
    expect((await run({ path })).path).toBe(path);
  });

  it('with the wrong extension is reported', async () => {
    const { path, download: run } = await setUp([{ body: avi }]);
    const notes: string[] = [];
    await run({ onNote: (note) => notes.push(note) });
    expect(notes).toEqual([`${path} holds avi data, whatever its name says`]);
  });

  it('never replaces a file saved in the same run, even with `force`', async () => {
    const { path, folder, download: run } = await setUp([whole]);
    writeFileSync(path, 'the other one');
    expect((await run({ force: true, keep: [path] })).path).toBe(join(folder, 'clip-2.mp4'));
    expect(readFileSync(path, 'utf8')).toBe('the other one');
  });

  it('replaces another file with `force`', async () => {
    const { path, download: run } = await setUp([whole]);
    writeFileSync(path, 'old');
    await run({ force: true });
    expect(hash(readFileSync(path))).toBe(SHA256);
  });
});

describe('a file system error', () => {
  it('is `cannot_write` with the path, and leaves no connection open', async () => {
    const bodies: Readable[] = [];
    const {
      folder,
      download: run,
      ranges,
    } = await setUp([{ ...cut, afterwards: 'hang' }], (client) =>
      Object.assign(Object.create(client), {
        content: async (...call: Parameters<VideosClient['content']>) => {
          const reply = await client.content(...call);
          bodies.push(reply.body);
          return reply;
        },
      }),
    );
    const path = join(folder, 'no-such-folder', 'clip.mp4');
    await expect(run({ path })).rejects.toMatchObject({
      code: 'cannot_write',
      message: expect.stringContaining(path),
      causedBy: expect.stringContaining('ENOENT'),
    });
    expect(ranges()).toHaveLength(1);
    expect(bodies.map((body) => body.destroyed)).toEqual([true]);
  });

  it('is `cannot_write` when the name is a folder', async () => {
    const { path, download: run } = await setUp([whole]);
    mkdirSync(path);
    await expect(run({ force: true })).rejects.toMatchObject({ code: 'cannot_write' });
  });
});

describe('a file that is not available yet', () => {
  it.each([400, 404, 409, 425])('is waited for when the job is completed (%i)', async (status) => {
    const { download: run, ranges } = await setUp([
      { status, body: { error: { message: 'not yet' } } },
      { status, body: '' },
      whole,
    ]);
    expect(await run()).toMatchObject({ sha256: SHA256 });
    expect(ranges()).toHaveLength(3);
  });

  it('is waited for when the server sends an empty file', async () => {
    const { download: run, ranges } = await setUp([{ body: '' }, { headers: { 'content-length': '0' } }, whole]);
    expect(await run()).toMatchObject({ sha256: SHA256 });
    expect(ranges()).toHaveLength(3);
  });

  it('is not waited for when the job is unfinished', async () => {
    const { download: run, ranges } = await setUp([{ status: 409, body: '' }, whole]);
    await expect(run({ isCompleted: false })).rejects.toMatchObject({ code: 'content_not_ready' });
    expect(ranges()).toHaveLength(1);
  });

  it('is not waited for forever', async () => {
    const { download: run } = await setUp([{ status: 404, body: '' }]);
    await expect(run()).rejects.toMatchObject({ code: 'content_not_ready' });
  });

  it('is distinguished from an expired one', async () => {
    const { download: run, ranges } = await setUp([{ status: 410, body: { error: { message: 'expired' } } }]);
    await expect(run()).rejects.toMatchObject({ code: 'content_expired' });
    expect(ranges()).toHaveLength(1);
  });
});

describe('a download to a stream', () => {
  function collect(): { output: Writable; bytes: () => Buffer } {
    const chunks: Buffer[] = [];
    const output = new PassThrough();
    output.on('data', (chunk: Buffer) => chunks.push(chunk));
    return { output, bytes: () => Buffer.concat(chunks) };
  }

  it('resumes after an interruption', async () => {
    let calls = 0;
    const { downloadTo: run, ranges } = await setUp((request) => (calls++ === 0 ? cut : clipReply(request)));
    const { output, bytes } = collect();
    await run(output);
    expect(hash(bytes())).toBe(SHA256);
    expect(ranges()).toEqual([undefined, `bytes=${HALF}-`]);
  });

  it('passes small pieces to a slow reader, so that a wait for it is not mistaken for a silent server', async () => {
    const film = Buffer.concat([CLIP, Buffer.alloc(8 << 20, 'abcdefg')]);
    const { downloadTo: run } = await setUp([{ headers: { 'content-length': String(film.length) }, body: film }]);
    const sizes: number[] = [];
    const slow = new Writable({
      highWaterMark: 1,
      write: (chunk: Buffer, _encoding, done) => {
        sizes.push(chunk.length);
        setImmediate(() => setImmediate(done));
      },
    });
    await run(slow);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(film.length);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(256 << 10);
  });

  it('cannot start over once bytes are written', async () => {
    const { downloadTo: run } = await setUp([cut, whole]);
    await expect(run(collect().output)).rejects.toMatchObject({ code: 'download_corrupt' });
  });

  it('writes nothing when the download is not a video', async () => {
    const { downloadTo: run } = await setUp([{ body: '{"error":"gone"}' }]);
    const { output, bytes } = collect();
    await expect(run(output)).rejects.toMatchObject({ code: 'download_corrupt' });
    expect(bytes()).toHaveLength(0);
  });

  it.each([
    ['ends quietly when its reader closes the pipe', 'EPIPE', undefined],
    ['is `cannot_write` when writing fails', 'ENOSPC', { code: 'cannot_write' }],
  ])('%s', async (_, code, failure) => {
    const { downloadTo: run, ranges } = await setUp([whole]);
    const output = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => done(Object.assign(new Error(code), { code })),
    });
    const outcome = await run(output).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (failure === undefined) expect(outcome).toBeUndefined();
    else expect(outcome).toMatchObject(failure);
    expect(ranges()).toHaveLength(1);
  });
});
