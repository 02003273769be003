import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { dynamo } from '../support/servers/dynamo.ts';
import { openrouter } from '../support/servers/openrouter.ts';
import { KEY } from '../support/servers/played-server.ts';

const GENERATIONS = ['--dialect', 'generations'];
const PROMPT = 'A paper boat';

const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;

/** Seconds of an MP4, from its movie header. */
function durationOf(path: string): number {
  const mp4 = readFileSync(path);
  const at = mp4.indexOf('mvhd');
  return mp4.readUInt32BE(at + 20) / mp4.readUInt32BE(at + 16);
}

describe.each([
  ['as the guide describes it', 'guide'],
  ['as New API implements it', 'new-api'],
])('dialect `generations`, %s', (_, shape) => {
  async function setUp(): Promise<CommandLine> {
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.simulator.shape', shape]);
    return sora;
  }

  it('creates a video of exactly the requested length', async () => {
    const sora = await setUp();
    const { code, stdout, stderr } = await sora.run(['create', PROMPT, '--simulate', ...GENERATIONS, '-d', '5']);
    expect({ code, stderr: stderr.split('\n')[0] }).toEqual({
      code: 0,
      stderr: 'cost: free (simulated; normally $0.50)',
    });
    expect(durationOf(join(sora.cwd, stdout.trim()))).toBe(5);
  });

  it('is remembered with a job, so that later commands need only its id', async () => {
    const sora = await setUp();
    await sora.run(['create', PROMPT, '--simulate', ...GENERATIONS, '-d', '5', '--detach']);
    const watched = await sora.run(['status', '@last', '--watch', '--json']);
    expect(watched.json()).toMatchObject({ status: 'completed', seconds: 5, prompt: PROMPT });
    const { stdout } = await sora.run(['download', '@last']);
    expect(existsSync(join(sora.cwd, stdout.trim()))).toBe(true);
    expect(readFileSync(join(sora.home, 'ledger.jsonl'), 'utf8')).toContain('"dialect":"generations"');
  });

  it('lists jobs from the ledger', async () => {
    const sora = await setUp();
    await sora.run(['create', PROMPT, '--simulate', ...GENERATIONS, '--detach']);
    const { code, stdout, stderr } = await sora.run(['list', '--simulate', ...GENERATIONS]);
    expect({ code, rows: stdout.trim().split('\n').length }).toEqual({ code: 0, rows: 1 });
    expect(stderr).toMatch(
      /^note: only the local ledger is shown: the dialect `generations`.* has no list of videos\n$/,
    );
  });

  it('refuses variants that it cannot download, before anything is sent', async () => {
    const sora = await setUp();
    const run = await sora.run(['create', PROMPT, '--simulate', ...GENERATIONS, '--variant', 'thumbnail', '--json']);
    expect({ code: run.code, violations: errorOf(run).violations }).toEqual({
      code: 2,
      violations: [expect.stringMatching(/^the dialect `generations`.* has no thumbnail$/)],
    });
    expect(existsSync(join(sora.home, 'ledger.jsonl'))).toBe(false);
    await sora.run(['create', PROMPT, '--simulate', ...GENERATIONS]);
    const download = await sora.run(['download', '@last', '--variant', 'spritesheet', '--json']);
    expect(errorOf(download)).toMatchObject({ code: 'not_supported', status: null });
  });

  it('reports moderation of a job', async () => {
    const sora = await setUp();
    const argv = ['create', PROMPT, '--simulate', ...GENERATIONS, '--fault', 'moderation_blocked', '--json'];
    const run = await sora.run(argv);
    expect({ code: run.code, error: errorOf(run).code }).toEqual({ code: 5, error: 'moderation_blocked' });
  });

  it('passes `doctor`', async () => {
    const sora = await setUp();
    const { code, stdout } = await sora.run(['doctor', '--simulate', ...GENERATIONS, '--json']);
    const checks: { id: string; status: string }[] = JSON.parse(stdout).checks;
    // New API cannot delete the job of the access check.
    expect({ code, route: checks.find(({ id }) => id === 'videos'), access: checks.at(-1) }).toMatchObject({
      code: 0,
      route: { status: 'pass' },
      access: { status: shape === 'guide' ? 'pass' : 'warn' },
    });
  });
});

describe('dialect `generations`', () => {
  it('cancels with DELETE, or reports that New API cannot cancel', async () => {
    const sora = createCommandLine();
    const create = ['create', PROMPT, '--simulate', ...GENERATIONS, '--detach', '--again'];
    await sora.run(create);
    expect((await sora.run(['cancel', '@last'])).stdout).toMatch(/\tdeleted\n$/);
    await sora.run(['config', 'set', 'profiles.simulator.shape', 'new-api']);
    await sora.run(create);
    const { code, stderr } = await sora.run(['cancel', '@last']);
    expect(code).toBe(1);
    expect(sora.plain(stderr)).toMatchInlineSnapshot(`
      "error: could not cancel the job; it is still running
        caused by: the dialect \`generations\` in the shape \`new-api\` has no call to cancel or delete a video

      hint: run \`sora status video_ID --simulate --watch\` to wait for its end
      "
    `);
    await sora.run(['status', '@last', '--watch']);
    expect(errorOf(await sora.run(['delete', '@last', '--yes', '--json']))).toMatchObject({ code: 'not_supported' });
  });

  it('is used by the printed curl and by the access check', async () => {
    const sora = createCommandLine();
    const argv = [...GENERATIONS, '-d', '10', '-r', '1080p', '-a', '16:9', '--quality', 'standard', '--dry-run'];
    const { stdout } = await sora.run(['create', PROMPT, ...argv]);
    expect(stdout).toContain('curl https://api.openai.com/v1/video/generations \\\n');
    expect(stdout).toContain(
      `-d '{"model":"sora-2","prompt":"A paper boat","duration":10,"resolution":"1080p","orientation":"landscape","quality":"standard"}'`,
    );
    expect((await sora.run(['doctor', '--curl', ...GENERATIONS])).stdout).toMatchInlineSnapshot(`
      "curl https://api.openai.com/v1/video/generations \\
        -H "Authorization: Bearer $OPENAI_API_KEY" \\
        -H "Content-Type: application/json" \\
        -d '{"model":"sora-2","prompt":"Test video","duration":5}'
      "
    `);
  });

  it('is suggested by `doctor` when the server speaks it instead of `videos`, and vice versa', async () => {
    const speaking = (route: string) =>
      startScriptedServer(({ path }) => {
        if (path === '/v1/videos?limit=1' && route === '/videos') return { body: { object: 'list', data: [] } };
        if (path.startsWith('/v1/video/generations/') && route !== '/videos')
          return { status: 400, body: { code: 'task_not_exist', message: 'task_not_exist', data: null } };
        return { status: 404, body: { error: { message: `Invalid URL (GET ${path})` } } };
      });
    for (const [route, dialect, remedy] of [
      ['/videos', 'generations', 'add `--dialect videos`'],
      ['/video/generations', 'videos', 'add `--dialect generations`'],
    ] as const) {
      const { url } = await speaking(route);
      const argv = ['doctor', '--base-url', url, '--dialect', dialect, '--json'];
      const { stdout } = await createCommandLine().run(argv, { http: nodeHttp });
      const check = JSON.parse(stdout).checks.find(({ id }: { id: string }) => id === 'videos');
      expect(check).toMatchObject({ status: 'fail', remedy: [remedy] });
    }
  });

  it('cannot resolve a lost reply, since there is no list', async () => {
    const sora = createCommandLine();
    const argv = ['create', PROMPT, '--simulate', ...GENERATIONS, '--fault', 'create-dropped-after-accept', '--json'];
    expect(errorOf(await sora.run(argv))).toMatchObject({ code: 'outcome_unknown' });
    // A rerun attaches to the possible job and sends nothing.
    expect(errorOf(await sora.run(argv.slice(0, -3).concat('--json')))).toMatchObject({ code: 'outcome_unknown' });
  });
});

describe('dialect `openrouter`', () => {
  it('polls the URL that the server gives, and reports the actual cost', async () => {
    const { baseUrl, requests } = await openrouter.start();
    const sora = createCommandLine();
    const argv = ['create', PROMPT, '--base-url', baseUrl, '--dialect', 'openrouter', ...openrouter.options, '--json'];
    const run = await sora.run(argv, { http: nodeHttp, env: { SORA_API_KEY: KEY } });
    expect(run.json()).toMatchObject({ status: 'completed', cost: { estimated_usd: 0.64, actual_usd: 0.25 } });
    expect(requests.map(({ path }) => path)).toEqual([
      '/api/v1/videos/models',
      '/api/v1/videos',
      ...Array.from({ length: 2 }, () => '/api/v1/videos/gen-vid-0?poll=1'),
      '/api/v1/videos/gen-vid-0/content',
    ]);
  });

  it('is refused by the simulator', async () => {
    const run = await createCommandLine().run(['create', PROMPT, '--simulate', '--dialect', 'openrouter', '--json']);
    expect({ code: run.code, error: errorOf(run).code }).toEqual({ code: 1, error: 'not_supported' });
  });
});

it('a video inside the create response is reported when it is not saved', async () => {
  const { baseUrl } = await dynamo.start();
  const argv = ['create', PROMPT, '--base-url', baseUrl, '-m', 'wan', '--detach'];
  const { stdout, stderr } = await createCommandLine().run(argv, { http: nodeHttp });
  expect(stdout).toBe('cmpl-0\n');
  expect(stderr).toContain('note: the video came with the response and was not saved');
});
