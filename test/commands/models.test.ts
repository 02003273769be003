import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunOptions } from '../support/command-line.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { startVideosServer } from '../support/videos-server.ts';

const LIST = [
  {
    id: 'google/veo-3.1',
    name: 'Google: Veo 3.1',
    supported_durations: [8, 4, 6],
    supported_resolutions: ['720p', '1080p', '4K'],
    supported_aspect_ratios: ['16:9', '9:16'],
    supported_sizes: ['1280x720', '720x1280', '1920x1080'],
    supported_frame_images: ['first_frame'],
    generate_audio: true,
    pricing_skus: {
      duration_seconds_with_audio: '0.40',
      duration_seconds_without_audio: '0.20',
      duration_seconds_with_audio_4k: '0.60',
    },
  },
  { id: 'acme/fees', pricing_skus: { setup_fee: '1', duration_seconds: '0.1' } },
  { id: 'acme/flat', supported_durations: [5, 6, 7, 8, 10], pricing_skus: { cents_per_second_output: '12' } },
  { name: 'no id' },
  null,
];

interface Bench {
  readonly sora: CommandLine;
  run(argv: readonly string[], options?: RunOptions): ReturnType<CommandLine['run']>;
  /** Requests so far, such as `GET /api/v1/videos/models`. */
  requests(): string[];
}

/** A server like OpenRouter's, and a profile for it. */
async function startBench(models: () => ScriptedReply = () => ({ body: { data: LIST } })): Promise<Bench> {
  const server = await startScriptedServer(({ method, path }) => {
    if (path === '/api/v1/videos/models') return models();
    if (method === 'POST') return { status: 202, body: { id: 'gen-1', status: 'pending' } };
    return { status: 404, body: { error: { code: 404, message: 'Not Found' } } };
  });
  const sora = createCommandLine();
  await sora.run(['config', 'set', 'profiles.lab.base_url', `${server.origin}/api/v1`]);
  await sora.run(['config', 'set', 'profiles.lab.dialect', 'openrouter']);
  return {
    sora,
    run: (argv, options = {}) =>
      sora.run([...argv, '--profile', 'lab'], { http: nodeHttp, ...options, env: { NO_COLOR: '1', ...options.env } }),
    requests: () => server.requests.map(({ method, path }) => `${method} ${path}`),
  };
}

const ASK = 'GET /api/v1/videos/models';
const VEO = ['create', 'a boat', '-m', 'google/veo-3.1', '--detach'];
const errorOf = ({ stderr }: { stderr: string }) => JSON.parse(stderr.trim().split('\n').at(-1) ?? '').error;

describe('prices listed by a server', () => {
  it('are shown with their date, and cached for a day', async () => {
    const { sora, run, requests } = await startBench();
    const first = await run([...VEO, '-d', '8', '-r', '1080p', '-a', '16:9', '--yes', '--again']);
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/cost: \$3\.20 \(127\.0\.0\.1:\d+-\d{4}-/) });
    await run([...VEO, '-d', '4', '-r', '720p', '--yes', '--again']);
    expect(requests().filter((request) => request === ASK)).toHaveLength(1);
    await sora.clock.sleep(24 * 60 * 60_000);
    await run([...VEO, '-d', '4', '-r', '720p', '--yes', '--again']);
    expect(requests().filter((request) => request === ASK)).toHaveLength(2);
  });

  it('are checked against a cap before paying', async () => {
    const { run, requests } = await startBench();
    const over = await run([...VEO, '-d', '8', '-r', '1080p', '--max-cost', '3', '--json']);
    expect([over.code, errorOf(over).code]).toEqual([7, 'cost_cap_exceeded']);
    const unknown = await run(['create', 'a boat', '-m', 'acme/fees', '-d', '5', '--max-cost', '3', '--json']);
    expect([unknown.code, errorOf(unknown).message]).toEqual([7, expect.stringContaining('the price is unknown')]);
    expect(requests()).toEqual([ASK]);
  });

  it('are used by a dry run when cached, without the network', async () => {
    const { sora, run } = await startBench();
    const preview = async () => {
      const argv = [...VEO.slice(0, -1), '-d', '8', '-r', '1080p', '--dry-run', '--json', '--profile', 'lab'];
      return (await sora.run(argv)).json<{ cost: object }>().cost; // without a network
    };
    expect(await preview()).toMatchObject({ estimated_usd: null, price_list: null });
    await run(['models']);
    expect(await preview()).toMatchObject({ estimated_usd: 3.2, price_list: expect.stringMatching(/^127.*-\d\d$/) });
  });

  it('are used in an estimate, a batch and a comparison', async () => {
    const { sora, run } = await startBench();
    const cost = await run(['cost', '-m', 'acme/flat', '-d', '6', '--count', '2', '--json']);
    expect(cost.json()).toMatchObject({ cost: { estimated_usd: 1.44 } });
    writeFileSync(
      join(sora.cwd, 'm.jsonl'),
      '{"prompt":"a","model":"acme/flat"}\n{"prompt":"b","model":"acme/fees"}\n',
    );
    const batch = await run(['cost', '--batch', 'm.jsonl', '-d', '5', '--json']);
    expect(batch.json()).toMatchObject({ cost: { estimated_usd: 0.6 }, videos_of_unknown_price: 1 });
    const { stderr } = await run(['cost', '-m', 'google/veo-3.1', '-d', '4']);
    expect(stderr).toContain('the price of google/veo-3.1 depends on what is asked for');
    expect((await run(['cost', '-m', 'acme/fees', '-d', '5'])).stderr).toContain('in a way that is not known here');
  });

  it('apply only to the day they were listed', async () => {
    const { run } = await startBench();
    for (const day of ['2020-01-01', '2999-01-01']) {
      const cost = await run(['cost', '-m', 'acme/flat', '-d', '6', '--as-of', day, '--json']);
      expect(cost.json()).toMatchObject({ cost: { estimated_usd: null } });
    }
  });

  it('are overridden by a price of the profile, and follow its model names', async () => {
    const { sora, run } = await startBench();
    await sora.run(['config', 'set', 'profiles.lab.prices.acme/fees', '0.5']);
    await sora.run(['config', 'set', 'profiles.lab.models.flat', 'acme/flat']);
    expect((await run(['cost', '-m', 'acme/fees', '-d', '2', '--json'])).json()).toMatchObject({
      cost: { estimated_usd: 1, price_list: 'profile lab' },
    });
    expect((await run(['cost', '-m', 'flat', '-d', '5', '--json'])).json()).toMatchObject({
      cost: { estimated_usd: 0.6 },
    });
  });

  it('are cached without a key that the server repeats', async () => {
    const key = 'sk-models-0123456789';
    const { sora, run } = await startBench(() => ({ body: { data: [{ id: `acme/${key}` }, ...LIST] } }));
    await run(['models'], { env: { SORA_API_KEY: key } });
    const folder = join(sora.home, 'models');
    const kept = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    expect(kept).toEqual([expect.stringContaining('google/veo-3.1')]);
    expect(kept.join('')).not.toContain(key);
  });

  it('are unknown when the server lists none, which is not an error', async () => {
    const { run, requests } = await startBench(() => ({ status: 404, body: { error: { message: 'Not Found' } } }));
    const { code, stderr } = await run([...VEO, '-d', '8', '--yes']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('note: could not') });
    expect(stderr).toContain('cost: unknown');
    expect(requests()).toEqual([ASK, 'POST /api/v1/videos']);
  });

  it.each<[string, (text: string) => string]>([
    ['cut in the middle', (text) => text.slice(0, 300)],
    ['of another server', (text) => text.replace(/"source":"[^"]*"/, '"source":"http://other.example/videos/models"')],
    ['from the future', (text) => text.replace(/"listed_at":"\d{4}/, '"listed_at":"2999')],
    ['without a date', (text) => text.replace(/"listed_at":"[^"]*"/, '"listed_at":0')],
    ['with prices of zero', (text) => text.replaceAll('0.40', '0').replaceAll('0.20', '0')],
    ['with negative prices', (text) => text.replaceAll('0.40', '-9').replaceAll('0.20', '-9')],
    ['with prices that are not numbers', (text) => text.replaceAll('"0.40"', '{}').replaceAll('0.20', '1e999')],
    ['with models that are not objects', (text) => text.replace(/"list":.*$/, '"list":{"data":[[],7,"x"]}}')],
  ])('are not read from a cached list %s', async (_, damage) => {
    const { sora, run } = await startBench();
    await run(['models']);
    const folder = join(sora.home, 'models');
    const [name = ''] = readdirSync(folder);
    writeFileSync(join(folder, name), damage(readFileSync(join(folder, name), 'utf8')));
    const argv = [...VEO.slice(0, -1), '-d', '8', '-r', '1080p', '--dry-run', '--json', '--profile', 'lab'];
    expect((await sora.run(argv)).json<{ cost: object }>().cost).toMatchObject({ estimated_usd: null });
  });
});

describe('the limits of a model listed by a server', () => {
  it.each([
    [['-r', '480p'], 'google/veo-3.1 does not render 480p; its resolutions are 720p, 1080p or 4k'],
    [['--size', '640x480'], 'google/veo-3.1 does not render 640x480; its sizes are 1280x720, 720x1280 or 1920x1080'],
    [['-a', '4:3'], 'google/veo-3.1 does not render 4:3; its aspect ratios are 16:9 or 9:16'],
    [['-d', '5', '--exact'], 'google/veo-3.1 renders 4, 6 or 8 seconds, not 5, and `--exact` forbids rounding'],
    [['-d', '20'], 'google/veo-3.1 renders 4, 6 or 8 seconds, and 20 is far more'],
    [['--last-frame', 'https://example.com/a.png'], 'google/veo-3.1 accepts no last frame'],
  ])('are checked before paying: %j', async (options, words) => {
    const { run, requests } = await startBench();
    const refused = await run([...VEO, ...options, '--json']);
    expect([refused.code, errorOf(refused).violations]).toEqual([2, [expect.stringContaining(words)]]);
    expect(requests()).toEqual([ASK]);
  });

  it('round the requested length', async () => {
    const { run } = await startBench();
    const { stderr } = await run([...VEO, '-d', '5', '-r', '720p', '--yes']);
    expect(stderr).toContain('using 4 instead of 5');
    expect(stderr).toContain('cost: $1.60');
  });
});

describe('sora models', () => {
  it('prints everything in a pipe and with --json', async () => {
    const { run } = await startBench();
    expect((await run(['models'])).stdout).toBe(
      [
        'google/veo-3.1\t4,6,8\t720p,1080p,4k\t1280x720,720x1280,1920x1080\t0.20\t0.60',
        'acme/fees\t\t\t\tunknown\tunknown',
        'acme/flat\t5,6,7,8,10\t\t\t0.12\t0.12',
        '',
      ].join('\n'),
    );
    const { source, models } = (await run(['models', '--json'])).json<{ source: string; models: object[] }>();
    expect(source).toMatch(/\/api\/v1\/videos\/models$/);
    expect(models[2]).toEqual({
      id: 'acme/flat',
      name: null,
      seconds: [5, 6, 7, 8, 10],
      sizes: null,
      resolutions: null,
      aspect_ratios: null,
      frames: null,
      sound: false,
      prices: [{ resolution: null, sizes: null, sound: null, usd_per_second: 0.12 }],
    });
  });

  it.each([50, 80, 120])('fits %d columns, and shows source and date', async (columns) => {
    const { sora, run } = await startBench();
    const { stdout } = await run(['models'], { stdoutIsTerminal: true, columns });
    const [table = ''] = stdout.split('\n\n');
    expect(Math.max(...table.split('\n').map((line) => line.length))).toBeLessThanOrEqual(columns);
    const plain = sora.plain(stdout).replace(/\d{4}-\d\d-\d\d \d\d:\d\d/, 'TODAY');
    expect(plain).toContain('source: http://127.0.0.1:PORT/api/v1/videos/models\nread:   TODAY UTC\n');
    expect(plain).toMatch(/google\/veo-3\.1 .*\$0\.20–0\.60\/s/);
    if (columns === 80)
      expect(plain.split('\n').slice(0, 4).join('\n')).toMatchInlineSnapshot(`
      "MODEL           LENGTH     SIZE             PRICE
      google/veo-3.1  4, 6, 8 s  720p, 1080p, 4k  $0.20–0.60/s
      acme/fees                                   unknown
      acme/flat       5–8, 10 s                   $0.12/s"
    `);
  });

  it('combines the models of a server with the prices of its profile', async () => {
    const { url } = await startVideosServer({ models: ['wan-2.2', 'gpt-oss'] });
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.own.base_url', url]);
    await sora.run(['config', 'set', 'profiles.own.prices.wan-2.2', 'free']);
    const { stdout } = await sora.run(['models', '--profile', 'own'], { http: nodeHttp });
    expect(stdout).toBe('wan-2.2\t\t\t\t0.00\t0.00\ngpt-oss\t\t\t\tunknown\tunknown\n');
  });

  it.each(['videos', 'generations'])('shows what the simulator renders in dialect %s', async (dialect) => {
    const { stdout } = await createCommandLine().run(['models', '--simulate', '--dialect', dialect]);
    expect(stdout.split('\n')[0]).toBe('sora-2\t4,8,12,16,20\t\t1280x720,720x1280\t0.10\t0.10');
  });

  it.each<[string, ScriptedReply, number, string]>([
    ['rejects the key', { status: 401, body: { error: { message: 'No auth' } } }, 4, 'no_api_key'],
    ['has no list', { status: 404, body: { error: { message: 'Not Found' } } }, 1, 'endpoint_not_found'],
    ['replies with an HTML page', { body: '<html><title>Log in</title>' }, 1, 'unreadable_response'],
    ['replies with other JSON', { body: { object: 'video' } }, 1, 'unreadable_response'],
  ])('fails when the server %s', async (_, reply, exitCode, code) => {
    const { run } = await startBench(() => reply);
    const failed = await run(['models', '--json']);
    expect([failed.code, errorOf(failed).code]).toEqual([exitCode, code]);
  });
});
