import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { startVideosServer } from '../support/videos-server.ts';

const KEY = 'sk-lab-0123456789abcdefghij';
const BOAT = ['create', 'a boat', '--simulate', '-o', 'boat.mp4', '--sidecar'];

describe('--sidecar', () => {
  it('describes the video in a file beside it', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'first.png'), createPngHeader(1280, 720));
    await sora.run([...BOAT, '-i', 'first.png', '--variant', 'video', '--variant', 'thumbnail']);
    expect(readdirSync(sora.cwd).sort()).toEqual(['boat.mp4', 'boat.mp4.json', 'boat.webp', 'first.png']);
    const sidecar = sora.plain(readFileSync(join(sora.cwd, 'boat.mp4.json'), 'utf8'));
    expect(
      sidecar.replace(/"([0-9a-f]{64})"/g, '"HASH"').replace(/"bytes": \d+/g, '"bytes": 1'),
    ).toMatchInlineSnapshot(`
      "{
        "sora": "0.0.0-test",
        "profile": "simulator",
        "base_url": "http://simulator.invalid/v1",
        "request": {
          "prompt": "a boat",
          "model": "sora-2",
          "seconds": 4,
          "size": "1280x720",
          "quality": null,
          "characters": [],
          "params": {},
          "image": "sha256:2f4c3f8df5bebf344793423669db51f3dfaaaee3669b5de4028caeb5dfacf5f7"
        },
        "id": "video_ID",
        "status": "completed",
        "server_status": "completed",
        "progress": 100,
        "model": "sora-2",
        "prompt": "a boat",
        "seconds": 4,
        "size": "1280x720",
        "created_at": "2026-09-21T14:13:20.000Z",
        "completed_at": "2026-09-21T14:13:22.000Z",
        "expires_at": "2026-09-21T15:13:22.000Z",
        "remixed_from": null,
        "error": null,
        "cost": {
          "estimated_usd": 0.4,
          "actual_usd": null,
          "price_list": "openai-2026-03-12"
        },
        "request_id": "req_ID",
        "submission": "sub_ID",
        "files": [
          {
            "variant": "video",
            "bytes": 1,
            "sha256": "HASH",
            "name": "boat.mp4"
          },
          {
            "variant": "thumbnail",
            "bytes": 1,
            "sha256": "HASH",
            "name": "boat.webp"
          }
        ]
      }
      "
    `);
  });

  it('works for `download` and for jobs made elsewhere, and never contains a key', async () => {
    const sora = createCommandLine();
    const server = await startVideosServer({
      retrieve: (job) => ({
        body: { ...job, prompt: `${job.prompt}, with ${KEY}\u202e`, remixed_from_video_id: 'video_0' },
      }),
    });
    await sora.run(['config', 'profile', 'add', 'lab', '--base-url', server.url, '--use']);
    await sora.run(['config', 'key', 'set'], { stdin: KEY });
    const image = 'https://images.example/a.png?sig=0123456789';
    await sora.run(['create', 'a boat', '--detach', '-i', image], { http: nodeHttp });
    server.jobs.push({ id: 'elsewhere', status: 'completed', prompt: 'made elsewhere' });
    for (const id of ['video_1', 'elsewhere']) {
      const { code, stderr } = await sora.run(['download', id, '--sidecar', '-o', `${id}.mp4`], { http: nodeHttp });
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    }
    const read = (id: string) => readFileSync(join(sora.cwd, `${id}.mp4.json`), 'utf8');
    expect(JSON.parse(read('video_1'))).toMatchObject({
      profile: 'lab',
      base_url: server.url,
      request: { prompt: 'a boat', image: 'url:https://images.example/a.png?sig=redacted' },
      id: 'video_1',
      remixed_from: 'video_0',
    });
    expect(JSON.parse(read('elsewhere'))).toMatchObject({ request: null, id: 'elsewhere', submission: null });
    for (const id of ['video_1', 'elsewhere']) {
      expect(read(id)).not.toContain(KEY);
      expect(read(id)).not.toContain('\u202e');
    }
  });

  it('can be set as the default, which `-o -` ignores', async () => {
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'sidecar', 'yes']);
    await sora.run(['create', 'a boat', '--simulate', '-o', 'boat.mp4']);
    expect(existsSync(join(sora.cwd, 'boat.mp4.json'))).toBe(true);
    expect((await sora.run(['create', 'a kite', '--simulate', '-o', '-'])).code).toBe(0);
    const { code, stderr } = await sora.run(['create', 'a kite', '--simulate', '-o', '-', '--sidecar']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('which `-o -` does not write') });
  });

  it('is written for a reused video too', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a boat', '--simulate']);
    await sora.run([...BOAT, '--reuse']);
    expect(JSON.parse(readFileSync(join(sora.cwd, 'boat.mp4.json'), 'utf8')).files).toMatchObject([
      { name: 'boat.mp4' },
    ]);
  });
});

describe('a file in place of the sidecar', () => {
  it.each([
    ['a folder', (path: string) => mkdirSync(path)],
    ['a loop of links', (path: string) => symlinkSync(path, path)],
    ['a device', (path: string) => symlinkSync('/dev/null', path)],
  ])('that is %s is refused before the video is paid for', async (_, make) => {
    const sora = createCommandLine();
    make(join(sora.cwd, 'boat.mp4.json'));
    const { code, stderr } = await sora.run([...BOAT, '--force', '--json']);
    expect({ code, error: JSON.parse(stderr).error.code }).toEqual({ code: 1, error: 'cannot_write' });
    expect(readdirSync(sora.cwd)).toEqual(['boat.mp4.json']);
  });

  it('is detected before paying, and overwritten only with --force', async () => {
    const sora = createCommandLine();
    writeFileSync(join(sora.cwd, 'boat.mp4.json'), 'mine');
    const { code, stderr } = await sora.run(BOAT);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('boat.mp4.json') });
    expect(existsSync(join(sora.home, 'ledger.jsonl'))).toBe(false);
    await sora.run([...BOAT, '--force']);
    expect(JSON.parse(readFileSync(join(sora.cwd, 'boat.mp4.json'), 'utf8'))).toMatchObject({ prompt: 'a boat' });
    const again = await sora.run(['download', '@last', '--sidecar', '-o', 'boat.mp4']);
    expect({ code: again.code, stderr: again.stderr }).toEqual({
      code: 0,
      stderr: expect.stringContaining('already saved'),
    });
  });

  it('that could not be foreseen prevents the sidecar, not the video', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a boat', '--simulate', '--detach']);
    await sora.run(['status', '@last', '--watch']);
    const { stdout } = await sora.run(['download', '@last']);
    const name = stdout.trim();
    mkdirSync(join(sora.cwd, `${name}.json`));
    const {
      code,
      stdout: printed,
      stderr,
    } = await sora.run(['create', 'a boat', '--simulate', '--reuse', '--sidecar']);
    expect({ code, printed }).toEqual({ code: 1, printed: `${name}\n` });
    expect(stderr).toMatch(/^error: the video is saved, but .*\.mp4\.json could not be written\n/);
    expect(readdirSync(sora.cwd).filter((entry) => entry.includes('tmp'))).toEqual([]);
  });

  it('is kept if it describes the same video', async () => {
    const sora = createCommandLine();
    await sora.run([...BOAT.slice(0, 3), '--sidecar']);
    const [name = ''] = readdirSync(sora.cwd).filter((entry) => entry.endsWith('.json'));
    const before = readFileSync(join(sora.cwd, name), 'utf8');
    const { code, stderr } = await sora.run([...BOAT.slice(0, 3), '--sidecar', '--reuse']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(readFileSync(join(sora.cwd, name), 'utf8')).toBe(before);
  });
});
