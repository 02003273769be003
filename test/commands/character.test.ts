import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunOptions, type RunResult } from '../support/command-line.ts';
import { type ScriptedReply, type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';
import { CLIP } from '../support/videos-server.ts';

const CHARACTER = { id: 'char_1', name: 'Mossy', created_at: 1_790_000_000 };

const errorOf = ({ stderr }: RunResult): { code: string; violations?: string[]; hints: string[]; submission: string } =>
  JSON.parse(stderr).error;

interface Bench {
  readonly sora: CommandLine;
  readonly server: ScriptedServer;
  run(...argv: readonly string[]): Promise<RunResult>;
}

/** A paid server that follows the script, and a video `mossy.mp4`. */
async function setUp(script: (call: number) => ScriptedReply, options: RunOptions = {}): Promise<Bench> {
  const sora = createCommandLine();
  writeFileSync(join(sora.cwd, 'mossy.mp4'), CLIP);
  let calls = 0;
  const server = await startScriptedServer(() => script(++calls));
  const env = { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab', ...options.env };
  return { sora, server, run: (...argv) => sora.run(argv, { http: nodeHttp, ...options, env }) };
}

const creates = ({ server }: Bench): number => server.requests.filter(({ method }) => method === 'POST').length;

describe('a character', () => {
  it('is created from a video, shown, and used in a video', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'moss', '--simulate', '-o', 'mossy.mp4']);
    const { code, stdout } = await sora.run(['character', 'create', 'Mossy', 'mossy.mp4', '--simulate']);
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^char_\w+\n$/) });
    const id = stdout.trim();
    for (const name of [id, id.slice(-6), '@last']) {
      const shown = await sora.run(['character', 'show', name, '--simulate', '--json']);
      expect(shown.json()).toMatchObject({ id, name: 'Mossy', profile: 'simulator' });
      const { stdout } = await sora.run(['character', 'show', name, '--simulate']);
      expect(stdout).toBe(`${id}\tMossy\t${shown.json().created_at}\n`);
    }
    const made = await sora.run(['create', 'Mossy dances', '--character', id, '--simulate', '--detach']);
    expect(made.code).toBe(0);
  });

  it('is not a video: lists, downloads and @last omit it, but spending counts it', async () => {
    const bench = await setUp(() => ({ body: CHARACTER }));
    expect((await bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes')).code).toBe(0);
    expect((await bench.run('list', '--local', '--json')).json()).toMatchObject({ jobs: [] });
    expect((await bench.run('download', '--all')).code).toBe(0);
    expect(errorOf(await bench.run('status', '@last', '--json')).code).toBe('video_not_found');
    expect((await bench.run('cost', '--spent', '--json')).json()).toMatchObject({ total: { jobs: 1 } });
    expect(creates(bench)).toBe(1);
  });

  it('is sent as a form with a name and a file, and shown by a dry run', async () => {
    const bench = await setUp(() => ({ body: CHARACTER }));
    const dry = await bench.run('character', 'create', 'Mossy', './mossy.mp4', '--dry-run', '--json');
    expect(dry.json()).toMatchObject({
      operation: 'character',
      request: { name: 'Mossy', video: './mossy.mp4' },
      cost: { estimated_usd: null },
    });
    expect(dry.json().curl).toContain('--form-string name=Mossy');
    expect(dry.json().curl).toContain(`${bench.server.url}/videos/characters`);
    expect(bench.server.requests).toEqual([]);
    const made = await bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes', '--json');
    expect(made.json()).toMatchObject({ id: 'char_1', name: 'Mossy', cost: { estimated_usd: null } });
    const [post] = bench.server.requests;
    expect(post?.path).toBe('/v1/videos/characters');
    expect(post?.headers['content-type']).toMatch(/^multipart\/form-data/);
    expect(post?.body.toString('latin1')).toMatch(
      /name="name"\r\n\r\nMossy\r\n[\s\S]*name="video"; filename="mossy.mp4"/,
    );
  });
});

describe('payment for a character', () => {
  it('needs approval, since its price is unknown, and cannot be capped', async () => {
    const bench = await setUp(() => ({ body: CHARACTER }), { env: { SORA_BASE_URL: 'https://videos.example/v1' } });
    for (const options of [[], ['--max-cost', '5']]) {
      const refused = await bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--json', ...options);
      expect(refused.code).toBe(7);
      expect(errorOf(refused).code).toBe('cost_cap_exceeded');
    }
    expect(creates(bench)).toBe(0);
  });

  it('happens once for the same name and video, and again with --again', async () => {
    const bench = await setUp((call) => ({ body: { ...CHARACTER, id: `char_${call}` } }));
    const create = (...options: string[]) =>
      bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes', ...options);
    expect((await create()).stdout).toBe('char_1\n');
    expect(await create()).toMatchObject({ stdout: 'char_1\n', stderr: expect.stringContaining('exists already') });
    expect((await create('--again')).stdout).toBe('char_2\n');
    expect((await bench.run('character', 'create', 'Other', 'mossy.mp4', '--yes')).stdout).toBe('char_3\n');
    expect(creates(bench)).toBe(3);
  });

  it('is never repeated when the reply is lost, until `attach` resolves it', async () => {
    const bench = await setUp((call) => (call === 1 ? 'drop' : { body: CHARACTER }));
    const create = (): Promise<RunResult> => bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes', '--json');
    const { code, submission, hints } = errorOf(await create());
    expect({ code, hints }).toMatchObject({
      code: 'outcome_unknown',
      hints: expect.arrayContaining([expect.stringContaining('sora attach')]),
    });
    expect(errorOf(await create()).submission).toBe(submission);
    expect(creates(bench)).toBe(1);
    expect((await bench.run('attach', submission, 'char_1', '--json')).json()).toMatchObject({ id: 'char_1' });
    expect((await create()).json()).toMatchObject({ id: 'char_1', submission });
    expect(creates(bench)).toBe(1);
  });

  it('is not repeated when the server returns the character with an error status', async () => {
    const bench = await setUp(() => ({ status: 500, body: { ...CHARACTER, object: 'character' } }));
    const { code, stdout } = await bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes');
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'char_1\n' });
  });

  it('may be repeated when the server could not create it', async () => {
    const bench = await setUp(() => ({ body: { ...CHARACTER, status: 'failed', error: { message: 'no face' } } }));
    for (const payments of [1, 2]) {
      const run = await bench.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes', '--json');
      expect(run.code).toBe(5);
      expect(errorOf(run)).toMatchObject({ code: 'job_failed', caused_by: 'no face', job_id: 'char_1' });
      expect(creates(bench)).toBe(payments);
    }
  });

  it('may be repeated after `forget` or a refusal', async () => {
    const lost = await setUp((call) => (call === 1 ? 'drop' : { body: CHARACTER }));
    const { submission } = errorOf(await lost.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes', '--json'));
    await lost.run('forget', submission);
    expect((await lost.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes')).stdout).toBe('char_1\n');
    expect(creates(lost)).toBe(2);

    const refusal = { status: 400, body: { error: { message: 'too short', code: 'invalid_video_file' } } };
    const refused = await setUp((call) => (call === 1 ? refusal : { body: CHARACTER }));
    expect((await refused.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes')).code).not.toBe(0);
    expect((await refused.run('character', 'create', 'Mossy', 'mossy.mp4', '--yes')).code).toBe(0);
  });
});

describe('an invalid character', () => {
  it.each<[string, readonly string[], string]>([
    ['without a name', ['', 'mossy.mp4'], 'the name is empty'],
    ['with a name that is too long', ['x'.repeat(81), 'mossy.mp4'], 'the name has 81 characters; the limit is 80'],
    ['from a missing file', ['Mossy', 'nope.mp4'], 'could not read the video'],
    ['from a file that is not a video', ['Mossy', 'notes.txt'], 'notes.txt is not a video file'],
  ])('is refused before anything is sent: %s', async (_, argv, violation) => {
    const bench = await setUp(() => ({ body: CHARACTER }));
    writeFileSync(join(bench.sora.cwd, 'notes.txt'), 'no video');
    const refused = await bench.run('character', 'create', ...argv, '--yes', '--json');
    expect(refused.code).toBe(2);
    expect(errorOf(refused).violations).toEqual([expect.stringContaining(violation)]);
    expect(bench.server.requests).toEqual([]);
  });

  it('is refused on a server without characters', async () => {
    const bench = await setUp(() => ({ body: CHARACTER }));
    const create = ['character', 'create', 'Mossy', 'mossy.mp4', '--yes', '--json'];
    for (const argv of [create, ['character', 'show', 'char_1', '--json']]) {
      const refused = await bench.run(...argv, '--dialect', 'generations');
      expect(JSON.stringify(errorOf(refused))).toContain('has no characters');
    }
    expect(bench.server.requests).toEqual([]);
    const missing = { status: 404, body: { error: { message: 'Invalid URL (POST /v1/videos/characters)' } } };
    const other = await setUp(() => missing);
    expect(errorOf(await other.run(...create))).toMatchObject({ code: 'not_supported' });
    expect(errorOf(await other.run('character', 'show', 'char_1', '--json'))).toMatchObject({ code: 'not_supported' });
  });

  it('is reported as unknown after the server is asked', async () => {
    const message = "Character with id 'char_9' not found";
    const bench = await setUp(() => ({ status: 404, body: { error: { message, code: 'not_found' } } }));
    const unknown = await bench.run('character', 'show', 'char_9');
    expect(unknown).toMatchObject({ code: 1, stderr: expect.stringContaining('the server has no character char_9') });
    expect(errorOf(await bench.run('character', 'show', '', '--json')).code).toBe('usage');
  });
});
