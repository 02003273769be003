import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CheckStatus } from '../../src/domain/check.ts';
import { type Http, nodeHttp } from '../../src/platform/http.ts';
import { FAULT_NAMES } from '../../src/simulator/faults.ts';
import { type CommandLine, createCommandLine, Interrupt, type RunOptions } from '../support/command-line.ts';
import { ODD_BODIES, REFUSALS } from '../support/refusals.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { SELF_SIGNED } from '../support/self-signed.ts';
import { startVideosServer } from '../support/videos-server.ts';

const INVALID_URL = { status: 404, body: { error: { message: 'Invalid URL (GET /x)' } } };
const PAGE = { body: '<!doctype html><title>The web interface</title>' };

interface Diagnosis {
  readonly ok: boolean;
  readonly profile: string;
  readonly curl: string;
  readonly cost: object;
  readonly notes?: readonly string[];
  readonly checks: readonly { id: string; status: CheckStatus; detail: string; remedy: string[]; ms: number }[];
}

/** Runs `doctor --json` and returns its findings and the failed checks. */
async function examine(sora: CommandLine, argv: readonly string[], options: RunOptions = {}) {
  const run = await sora.run(['doctor', '--json', ...argv], { http: nodeHttp, ...options });
  const diagnosis = run.json<Diagnosis>();
  const failed = diagnosis.checks.filter(({ status }) => status === 'fail');
  const statusOf = (id: string): CheckStatus | undefined => diagnosis.checks.find((check) => check.id === id)?.status;
  return { ...run, ...diagnosis, failed, statusOf, words: failed.map(({ detail }) => detail).join('\n') };
}

describe('sora doctor with the simulator', () => {
  it('passes, and deletes the job of the access check at once', async () => {
    const sora = createCommandLine();
    const { code, ok, profile, checks, statusOf } = await examine(sora, ['--simulate']);
    expect({ code, ok, profile, access: statusOf('access') }).toEqual({
      code: 0,
      ok: true,
      profile: 'simulator',
      access: 'pass',
    });
    expect(checks.find(({ id }) => id === 'access')?.detail).toMatch(
      /^created \w{6} \(queued; price: free\); deleted at once$/,
    );
    const list = await sora.run(['list', '--simulate', '--json']);
    expect(list.json<{ jobs: { status: string }[] }>().jobs.map(({ status }) => status)).toEqual(['cancelled']);
  });

  /** Not an access problem: it affects running jobs or their files. */
  const ELSEWHERE = [
    0,
    null,
    /^no check triggers the fault .* run `sora create 'a boat' --simulate --fault \S+`/,
  ] as const;
  // Fault → exit code, failing check, and words that name the cause.
  const faults: Readonly<Record<string, readonly [code: number, check: string | null, words: RegExp]>> = {
    invalid_value: [1, 'access', /Supported values are: '4'/],
    reference_size_mismatch: [1, 'access', /reference image has the wrong size/],
    unknown_parameter: [1, 'access', /Unknown parameter/],
    moderation_blocked_input: [1, 'access', /blocked by moderation/],
    billing_hard_limit_reached: [7, 'access', /billing limit/],
    invalid_api_key: [4, 'authentication', /key was rejected/],
    organization_not_verified: [4, 'access', /organisation is not verified/],
    model_not_found: [4, 'model', /does not exist or you do not have access/],
    model_deprecated: [4, 'model', /has been deprecated/],
    invalid_url: [1, 'videos', /no such endpoint/],
    rate_limit_exceeded: [1, 'access', /rate limit exceeded/],
    insufficient_quota: [7, 'access', /out of quota/],
    server_error: [1, 'authentication', /the server returned an error/],
    service_unavailable: [1, 'authentication', /HTTP 503/],
    moderation_blocked: ELSEWHERE,
    processing_error: ELSEWHERE,
    stuck: ELSEWHERE,
    slow: ELSEWHERE,
    'create-dropped-after-accept': [
      0,
      null,
      /the response was lost \(the connection was dropped\), and the job was found in the list; deleted at once/,
    ],
    'reset-before-accept': [1, 'access', /did not arrive at the server/],
    'poll-drop': ELSEWHERE,
    'cut-download': ELSEWHERE,
    'html-instead-of-json': [1, 'authentication', /an HTML page: Sign in/],
    'json-as-mp4': ELSEWHERE,
  };

  it('is tested with every simulated fault', () => {
    expect(Object.keys(faults).sort()).toEqual([...FAULT_NAMES].sort());
  });

  it.each(Object.entries(faults))('names the cause of %s', async (fault, [exitCode, check, words]) => {
    const { code, failed, checks, notes = [] } = await examine(createCommandLine(), ['--simulate', '--fault', fault]);
    expect({ code, check: failed[0]?.id ?? null }).toEqual({ code: exitCode, check });
    const reported = checks.filter(({ status }) => status === 'fail' || status === 'warn').map(({ detail }) => detail);
    expect([...reported, ...notes].join('\n')).toMatch(words);
    expect(failed.every(({ remedy }) => remedy.length > 0)).toBe(true);
    expect(failed.flatMap(({ remedy }) => remedy).join()).not.toMatch(/--again|sora doctor/);
  });
});

describe('sora doctor on a server', () => {
  const env = { SORA_API_KEY: 'sk-doctor-0123456789', SORA_MODEL: 'sora-2' };

  it('never pays without confirmation, and prints the curl with its price', async () => {
    const server = await startVideosServer();
    const { code, statusOf, checks, curl, cost } = await examine(createCommandLine(), ['--base-url', server.url], {
      env,
    });
    expect(cost).toMatchObject({ estimated_usd: 0.4, actual_usd: null });
    const access = checks.find(({ id }) => id === 'access');
    expect({ code, access: statusOf('access'), posts: server.posts }).toEqual({ code: 0, access: 'skip', posts: 0 });
    expect(access?.detail).toContain('$0.40');
    expect(access?.remedy).toEqual(['add `--yes` to send it']);
    expect(curl).toContain('Authorization: Bearer $SORA_API_KEY');
  });

  it('creates one job with --yes and deletes it', async () => {
    const server = await startVideosServer();
    const { code, statusOf } = await examine(createCommandLine(), ['--yes', '--base-url', server.url], { env });
    expect({ code, access: statusOf('access'), posts: server.posts, left: server.jobs.length }).toEqual({
      code: 0,
      access: 'pass',
      posts: 1,
      left: 0,
    });
  });

  it('deletes its job even after Ctrl-C', async () => {
    const interrupt = new AbortController();
    const server = await startVideosServer({
      create: (accept) => {
        interrupt.abort(new Interrupt('SIGINT'));
        return accept();
      },
    });
    const { checks } = await examine(createCommandLine(), ['--yes', '--base-url', server.url], {
      env,
      interrupt: interrupt.signal,
    });
    expect({ posts: server.posts, left: server.jobs }).toEqual({ posts: 1, left: [] });
    expect(checks.find(({ id }) => id === 'access')?.detail).toContain('deleted at once');
  });

  it('enforces the cap of the settings despite --yes', async () => {
    const server = await startVideosServer();
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'max_cost', '0.10']);
    const { code, failed } = await examine(sora, ['--yes', '--base-url', server.url], { env });
    expect({ code, posts: server.posts }).toEqual({ code: 7, posts: 0 });
    expect(failed[0]?.remedy[0]).toBe('run `sora config set max_cost AMOUNT` to raise the cap');
  });

  it('does not suggest a higher cap when the price is unknown', async () => {
    const server = await startVideosServer();
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'max_cost', '5']);
    const { code, failed } = await examine(sora, ['--yes', '--base-url', server.url], { env: { OPENAI_API_KEY: 'x' } });
    expect({ code, posts: server.posts }).toEqual({ code: 7, posts: 0 });
    expect(failed[0]?.remedy[0]).toBe('run `sora config list` to see where the cap is set');
  });

  it('uses short timeouts for free calls, but not for the paid create', async () => {
    const server = await startVideosServer();
    const patience = new Map<string, number | undefined>();
    const http: Http = (request) => {
      if (!patience.has(request.method)) patience.set(request.method, request.idleTimeoutMs);
      return nodeHttp(request);
    };
    await examine(createCommandLine(), ['--yes', '--base-url', server.url], { env, http });
    expect(Object.fromEntries(patience)).toMatchObject({ POST: 120_000, DELETE: 120_000 });
    expect(patience.get('GET')).toBeLessThan(10_000);
  });

  it('calls the server with the headers and query of the profile', async () => {
    const server = await startVideosServer();
    const sora = createCommandLine();
    const settings = { base_url: server.url, 'headers.X-Lab-Token': 'hush', 'query.api-version': 'preview' };
    for (const [name, value] of Object.entries(settings)) {
      await sora.run(['config', 'set', `profiles.lab.${name}`, value]);
    }
    await examine(sora, ['--yes', '--profile', 'lab'], { env });
    expect(server.requests.length).toBeGreaterThan(4);
    for (const { path, headers } of server.requests) {
      expect({ path, token: headers['x-lab-token'] }).toEqual({
        path: expect.stringContaining('api-version=preview'),
        token: 'hush',
      });
    }
  });

  it('searches nearby URLs with the query of the profile', async () => {
    const server = await startScriptedServer([INVALID_URL]);
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', `${server.origin}/lab`]);
    await sora.run(['config', 'set', 'profiles.lab.query.api-version', 'preview']);
    await examine(sora, ['--profile', 'lab'], { env });
    const others = server.requests.filter(({ path }) => !path.startsWith('/lab'));
    expect(others.length).toBeGreaterThan(4);
    expect(others.filter(({ path }) => !path.includes('api-version=preview'))).toEqual([]);
  });

  it.each([
    ['without `/v1`', '/lab/v1', '/lab'],
    ['with an extra `/v1`', '/lab', '/lab/v1'],
  ])('suggests the right base URL for one %s', async (_, right, wrong) => {
    const server = await startScriptedServer(({ path }) =>
      path.startsWith(`${right}/videos?`) ? { body: { data: [] } } : { status: 404, body: '' },
    );
    const { failed } = await examine(createCommandLine(), ['--base-url', `${server.origin}${wrong}`], { env });
    expect(failed[0]?.remedy).toEqual([`add \`--base-url ${server.origin}${right}\``]);
  });

  it.each([
    [0, 'pass', 'this clock agrees with the server’s'],
    [400, 'pass', 'this clock agrees with the server’s'],
    [90_000, 'pass', 'this clock is 90 s ahead of the server'],
    [-301_000, 'warn', 'this clock is 301 s behind the server'],
  ])('compares the clock with the server’s: %d ms off', async (offMs, status, detail) => {
    const sora = createCommandLine();
    const date = new Date(sora.clock.now() - offMs).toUTCString();
    const { origin } = await startScriptedServer([{ headers: { date }, body: { data: [] } }]);
    const { checks } = await examine(sora, ['--base-url', `${origin}/v1`], { env });
    expect(checks.find(({ id }) => id === 'clock')).toMatchObject({ status, detail });
  });

  it('suggests a nearby base URL, and how to set it where the wrong one was set', async () => {
    const server = await startVideosServer();
    const wrong = server.url.replace('/v1', '/openai/v1');
    const named = await examine(createCommandLine(), ['--base-url', wrong], { env });
    expect(named.failed.map(({ id, remedy }) => ({ id, remedy }))).toEqual([
      { id: 'videos', remedy: [`add \`--base-url ${server.url}\``] },
    ]);
    const fromEnv = await examine(createCommandLine(), [], { env: { ...env, OPENAI_BASE_URL: wrong } });
    expect(fromEnv.failed[0]?.remedy).toEqual([`set \`OPENAI_BASE_URL=${server.url}\``]);
  });

  /** Speaks one dialect below one path; anything else is a 404 or an HTML page. */
  async function startAt(path: string, dialect: 'videos' | 'generations', rest: ScriptedReply = INVALID_URL) {
    return startScriptedServer((request) => {
      if (dialect === 'videos' && request.path.startsWith(`${path}/videos?`)) return { body: { data: [] } };
      if (dialect === 'videos' && request.path.startsWith(`${path}/videos/`))
        return { status: 404, body: { detail: 'Video not found' } };
      return dialect === 'generations' && request.path.startsWith(`${path}/video/generations/`)
        ? { status: 400, body: { code: 'task_not_exist', message: 'task_not_exist', data: null } }
        : rest;
    });
  }

  // Dialect, actual path, given path, and the suggested options without the origin.
  it.each<['videos' | 'generations', string, string, string, ScriptedReply?]>([
    ['videos', '/v1', '', '--base-url /v1'],
    ['videos', '/v1', '/', '--base-url /v1'],
    ['videos', '/v1', '/v1/v1/', '--base-url /v1'],
    ['videos', '/v1', '/openai', '--base-url /v1'],
    ['videos', '/v1', '', '--base-url /v1', PAGE],
    ['videos', '', '/v1', '--base-url '],
    ['videos', '/team/v1', '/team', '--base-url /team/v1'],
    ['videos', '/team/openai/v1', '/team/v1', '--base-url /team/openai/v1'],
    ['generations', '/v1', '/v1', '--dialect generations'],
    ['generations', '/v1', '', '--base-url /v1 --dialect generations'],
    ['generations', '/v1', '/v1/v1', '--base-url /v1 --dialect generations', PAGE],
  ])('finds %s at %j when the base URL ends in %j', async (dialect, path, given, remedy, rest) => {
    const server = await startAt(path, dialect, rest);
    const { failed, code } = await examine(createCommandLine(), ['--base-url', `${server.origin}${given}`], { env });
    const videos = failed.find(({ id }) => id === 'videos');
    expect({ code, remedy: videos?.remedy }).toEqual({
      code: 1,
      remedy: [`add \`${remedy.replace('--base-url ', `--base-url ${server.origin}`)}\``],
    });
  });

  it('checks the URL of a server without a list too', async () => {
    const server = await startAt('/v1', 'videos');
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.capabilities.list', 'no']);
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    expect((await examine(sora, ['--profile', 'lab'], { env })).statusOf('videos')).toBe('pass');
    await sora.run(['config', 'set', 'profiles.lab.base_url', `${server.url}/v1`]);
    const { failed } = await examine(sora, ['--profile', 'lab'], { env });
    expect(failed[0]?.remedy).toEqual([`run \`sora config set profiles.lab.base_url ${server.url}\``]);
  });

  it('does not mistake a server without a list for a wrong URL', async () => {
    const server = await startScriptedServer(({ path }) =>
      path.startsWith('/v1/videos/')
        ? { status: 404, body: { error: { message: 'Video not found' } } }
        : { status: 404, body: { error: { message: `Not found: GET ${path}` } } },
    );
    const { code, checks } = await examine(createCommandLine(), ['--base-url', server.url], { env });
    expect({ code, videos: checks.find(({ id }) => id === 'videos') }).toMatchObject({
      code: 0,
      videos: { status: 'warn', detail: expect.stringContaining('the server has no list of videos') },
    });
  });

  it('suggests profile settings for the right URL and dialect', async () => {
    const server = await startAt('/v1', 'generations');
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.origin]);
    const { failed } = await examine(sora, ['--profile', 'lab'], { env });
    expect(failed[0]?.remedy).toEqual([
      `run \`sora config set profiles.lab.base_url ${server.url} && sora config set profiles.lab.dialect generations\``,
    ]);
  });

  it('does not suggest running doctor again when nothing answers nearby', async () => {
    const server = await startScriptedServer([INVALID_URL]);
    const { failed } = await examine(createCommandLine(), ['--base-url', server.url], { env });
    expect(failed[0]?.detail).toContain('no such endpoint');
    expect(failed[0]?.remedy.join()).not.toContain('doctor');
  });

  it('explains a redirect, which a create does not follow', async () => {
    const server = await startScriptedServer([{ status: 301, headers: { location: 'https://lab.invalid/v1/videos' } }]);
    const { stderr } = await createCommandLine().run(['create', 'a boat', '--base-url', server.url], {
      http: nodeHttp,
    });
    expect(stderr).toContain('caused by: HTTP 301: redirected to https://lab.invalid/v1/videos');
    expect(stderr).toContain('hint: set the base URL to the redirect target');
  });

  it('recognises a port that requires TLS', async () => {
    const server = await startScriptedServer([
      { status: 400, body: 'Client sent an HTTP request to an HTTPS server.' },
    ]);
    const { code, failed } = await examine(createCommandLine(), ['--base-url', server.url], { env });
    expect({ code, remedy: failed[0]?.remedy }).toEqual({
      code: 1,
      remedy: ['use `https://` in the base URL: this port requires TLS'],
    });
  });

  it('passes a key that may list videos but not models', async () => {
    const missing = { error: { message: 'Missing scopes: api.model.read', code: 'missing_scope' } };
    const server = await startScriptedServer(({ path }) =>
      path.startsWith('/v1/videos') ? { body: { data: [] } } : { status: 403, body: missing },
    );
    const { code, statusOf } = await examine(createCommandLine(), ['--base-url', server.url], { env });
    expect({ code, authentication: statusOf('authentication'), videos: statusOf('videos') }).toEqual({
      code: 0,
      authentication: 'warn',
      videos: 'pass',
    });
  });

  it.each([
    ['wan-2.2', 'wan-2.2'],
    ["wan'; rm -rf ~ #", `"wan'; rm -rf ~ #"`],
    ["wan'; echo $HOME", `'wan'\\''; echo $HOME'`],
  ])('suggests the models that a server lists instead of a missing one: %s', async (listed, word) => {
    const server = await startScriptedServer(({ path }) =>
      path === '/v1/models'
        ? { body: { data: [{ id: listed }] } }
        : path === '/v1/videos?limit=1'
          ? { body: { data: [] } }
          : INVALID_URL,
    );
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    const { checks } = await examine(sora, ['--profile', 'lab'], { env });
    expect(checks.find(({ id }) => id === 'model')).toMatchObject({
      status: 'warn',
      detail: `sora-2 is not available: the server lists ${listed}`,
      remedy: [`run \`sora config set profiles.lab.model ${word}\``],
    });
  });

  it('suggests how a profile can use a key from the environment', async () => {
    const server = await startScriptedServer([{ status: 401, body: { error: 'who are you' } }]);
    const sora = createCommandLine();
    await sora.run(['config', 'set', 'profiles.lab.base_url', server.url]);
    const { code, failed } = await examine(sora, ['--profile', 'lab'], { env: { OPENAI_API_KEY: 'sk-others-012345' } });
    expect({ code, remedy: failed[0]?.remedy.slice(0, 2) }).toEqual({
      code: 4,
      remedy: [
        'run `sora config key set --profile lab` to store one',
        'run `sora config set profiles.lab.key_from_env OPENAI_API_KEY` to use that variable’s key',
      ],
    });
  });

  it.each(ODD_BODIES)('quotes a refusal with %s', async (_, status, body, exitCode, words) => {
    const server = await startScriptedServer([{ status, body }]);
    const { code, words: reported } = await examine(createCommandLine(), ['--base-url', server.url], { env });
    expect(code).toBe(exitCode);
    expect(reported).toMatch(words);
  });

  it.each(REFUSALS)('names the cause of a create refused with %d %j', async (status, error, code, cause, remedy) => {
    const server = await startVideosServer({ create: () => ({ status, body: { error } }) });
    const found = await examine(createCommandLine(), ['--yes', '--base-url', server.url], { env });
    expect({ code: found.code, failed: found.failed.map(({ id }) => id) }).toEqual({ code, failed: ['access'] });
    expect(found.words).toContain(cause);
    expect(found.words).toContain(Object.assign({ message: '' }, error).message);
    expect(found.failed[0]?.remedy.join('\n')).toMatch(remedy);
  });

  it('names the cause of a job that failed at once, and deletes it', async () => {
    const message = 'Your request was blocked by our moderation system.';
    const server = await startVideosServer({
      create: () => ({ body: { id: 'video_1', status: 'failed', error: { code: 'moderation_blocked', message } } }),
    });
    server.jobs.push({ id: 'video_1', status: 'failed' });
    const { code, words } = await examine(createCommandLine(), ['--yes', '--base-url', server.url], { env });
    expect({ code, left: server.jobs }).toEqual({ code: 1, left: [] });
    expect(words).toBe(
      `created video_1 (failed; price: $0.40); deleted at once; blocked by moderation; moderation_blocked: ${message}`,
    );
  });

  it('only warns when a server cannot list videos without parameters', async () => {
    const server = await startVideosServer({
      list: () => ({ status: 400, body: { error: { message: 'custom_llm_provider is required', code: '400' } } }),
    });
    const { code, checks } = await examine(createCommandLine(), ['--yes', '--base-url', server.url], { env });
    expect({ code, posts: server.posts }).toEqual({ code: 0, posts: 1 });
    expect(checks.find(({ id }) => id === 'videos')).toMatchObject({
      status: 'warn',
      detail: expect.stringContaining('custom_llm_provider is required'),
    });
  });

  it('prints one line per check in a pipe, with the fix at its end', async () => {
    const server = await startScriptedServer([{ status: 500, body: { message: 'out\tof\nmemory\x1b[31m' } }]);
    const sora = createCommandLine();
    const { code, stdout } = await sora.run(['doctor', '--base-url', server.url], { env, http: nodeHttp });
    expect(code).toBe(1);
    const [table = '', command] = stdout.split('\n\n');
    expect(command).toMatch(/^the access check as a command \(price: \$0\.40\):\ncurl /);
    const rows = table.split('\n').map((line) => line.split('\t'));
    expect(new Set(rows.map((row) => row.length))).toEqual(new Set([5]));
    expect(rows.find(([status]) => status === 'fail')).toEqual([
      'fail',
      'authentication',
      'the server returned an error; HTTP 500: out of memory',
      '0',
      expect.stringContaining('try again in a few minutes'),
    ]);
  });

  it('recognises a captive portal', async () => {
    const portal = await startScriptedServer([
      { headers: { 'content-type': 'text/html' }, body: '<html><title>Wi-Fi login</title>' },
    ]);
    const { code, words } = await examine(createCommandLine(), ['--base-url', portal.url], { env });
    expect(code).toBe(1);
    expect(words).toMatch(/could not parse.*Wi-Fi login/);
  });

  it.each<[string, string, string, RegExp]>([
    ['a closed port', 'http://127.0.0.1:9/v1', 'tcp', /^could not connect to the server; .*ECONNREFUSED/],
    [
      'an unknown host name',
      'http://no-such-host.invalid/v1',
      'dns',
      /could not resolve the server’s host name; .*(ENOTFOUND|EAI_AGAIN)/,
    ],
  ])('distinguishes %s', async (_, baseUrl, check, words) => {
    const { code, failed } = await examine(createCommandLine(), ['--base-url', baseUrl], { env });
    expect({ code, failed: failed.map(({ id }) => id) }).toEqual({ code: 1, failed: [check] });
    expect(failed[0]?.detail).toMatch(words);
  });

  it('reports a port that accepts the connection and never replies', async () => {
    const hole = await startScriptedServer(['hang']);
    const patience: (number | undefined)[] = [];
    const http: Http = (request) => {
      patience.push(request.idleTimeoutMs);
      return nodeHttp({ ...request, idleTimeoutMs: 50 });
    };
    const { code, failed, statusOf } = await examine(createCommandLine(), ['--base-url', hole.url], { env, http });
    expect({ code, failed: failed.map(({ id }) => id), model: statusOf('model') }).toEqual({
      code: 1,
      failed: ['authentication'],
      model: 'skip', // it would time out too
    });
    expect(failed[0]?.detail).toMatch(/^the request timed out; no answer for/);
    expect(failed[0]?.remedy[0]).toBe(`check the host and port in the base URL ${hole.url}`);
    expect(Math.max(...patience.map((ms) => ms ?? Number.POSITIVE_INFINITY))).toBeLessThan(10_000);
  });

  it('reports a certificate from an unknown authority', async () => {
    const server = createTlsServer(SELF_SIGNED, (_, reply) => reply.end('{}'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as AddressInfo; // a server on TCP has no other kind of address
    for (const host of ['localhost', '127.0.0.1']) {
      const { code, failed, stderr } = await examine(
        createCommandLine(),
        ['--base-url', `https://${host}:${port}/v1`],
        {
          env,
        },
      );
      expect({ code, stderr, failed: failed.map(({ id }) => id) }).toEqual({ code: 1, stderr: '', failed: ['tls'] });
      expect(failed[0]?.detail).toMatch(/^could not establish a secure connection; self-signed certificate/);
      expect(failed[0]?.remedy.join()).toContain('NODE_EXTRA_CA_CERTS');
    }
  });
});

describe('sora doctor behind a proxy', () => {
  const far = 'http://videos.invalid:8000/v1';
  const env = { SORA_API_KEY: 'sk-doctor-0123456789', SORA_BASE_URL: far };

  it('reports the proxy without its password, and skips DNS and TCP checks', async () => {
    const proxy = await startVideosServer();
    const address = proxy.origin.replace('http://', 'http://user:pass-of-the-proxy@');
    const sora = createCommandLine();
    const { code, checks, statusOf, stdout } = await examine(sora, [], { env: { ...env, HTTP_PROXY: address } });
    expect(checks.find(({ id }) => id === 'proxy')?.detail).toBe(`calls go through ${proxy.origin}/`);
    expect({ code, dns: statusOf('dns'), tcp: statusOf('tcp'), videos: statusOf('videos') }).toEqual({
      code: 0,
      dns: 'skip',
      tcp: 'skip',
      videos: 'pass',
    });
    expect(stdout).not.toContain('pass-of-the-proxy');
    expect(proxy.requests.map(({ path }) => path)).toContain(`${far}/videos?limit=1`);
  });

  it.each([{ NO_PROXY: 'videos.invalid' }, { no_proxy: '*' }])('honours %j', async (noProxy) => {
    const proxy = await startVideosServer();
    const { failed, checks } = await examine(createCommandLine(), [], {
      env: { ...env, HTTP_PROXY: proxy.origin, ...noProxy },
    });
    expect(checks.find(({ id }) => id === 'proxy')?.detail).toBe('none');
    expect(failed.map(({ id }) => id)).toEqual(['dns']);
    expect(proxy.requests).toEqual([]);
  });

  it.each<[string, string, string, RegExp]>([
    ['not running', 'http://127.0.0.1:9', 'authentication', /^could not connect through the proxy; .*127/],
    [
      'with an invalid address',
      'http://u:pass-of@a b',
      'proxy',
      /^could not connect through the proxy; its address does not start/,
    ],
  ])('blames the proxy: %s', async (_, address, check, words) => {
    const { code, failed } = await examine(createCommandLine(), [], { env: { ...env, HTTP_PROXY: address } });
    expect({ code, first: failed[0]?.id }).toEqual({ code: 1, first: check });
    expect(failed[0]?.detail).toMatch(words);
  });

  it('is used by `create` too', async () => {
    const proxy = await startVideosServer();
    const run = await createCommandLine().run(['create', 'a boat', '-o', 'boat.mp4', '-y'], {
      http: nodeHttp,
      env: { ...env, HTTP_PROXY: proxy.origin },
    });
    expect(run).toMatchObject({ code: 0, stdout: expect.stringContaining('boat.mp4') });
    expect(proxy.requests[0]).toMatchObject({ method: 'POST', path: `${far}/videos` });
  });
});

describe('sora doctor on this machine', () => {
  it('names the broken settings file and line, and skips dependent checks', async () => {
    const sora = createCommandLine();
    mkdirSync(sora.home, { recursive: true });
    writeFileSync(join(sora.home, 'settings.json'), '{\n  "max_cost": "lots"\n}\n');
    const { code, failed, statusOf } = await examine(sora, []);
    expect({ code, failed: failed.map(({ id }) => id), videos: statusOf('videos') }).toEqual({
      code: 1,
      failed: ['settings'],
      videos: 'skip',
    });
    expect(failed[0]?.detail).toContain('line 2');
    expect(readFileSync(join(sora.home, 'settings.json'), 'utf8')).toContain('lots');
  });

  it('names an unreadable ledger line, and continues', async () => {
    const sora = createCommandLine();
    await sora.run(['create', 'a kite', '--simulate', '--detach']);
    const ledger = join(sora.home, 'ledger.jsonl');
    writeFileSync(ledger, `not json\n${readFileSync(ledger, 'utf8')}`);
    const { code, statusOf, checks } = await examine(sora, ['--simulate']);
    expect({ code, state: statusOf('state') }).toEqual({ code: 0, state: 'warn' });
    expect(checks.find(({ id }) => id === 'state')?.detail).toContain('line 1');
  });

  it('limits the reported lines of a file that is not a ledger', async () => {
    const sora = createCommandLine();
    mkdirSync(sora.home, { recursive: true });
    writeFileSync(join(sora.home, 'ledger.jsonl'), 'no ledger\n'.repeat(500));
    const { checks } = await examine(sora, ['--simulate']);
    expect(checks.find(({ id }) => id === 'state')?.detail).toMatch(/line 1: .*; line 3: .*; and 497 more lines$/);
  });

  it.each([
    [
      ['--base-url', 'videos.example/v1'],
      /`videos\.example\/v1` \(option --base-url\) is not valid; it is not a URL/,
      'use `--base-url https://videos.example/v1`',
    ],
    [['--base-url', 'localhost:8000/v1'], /is not valid/, 'use `--base-url http://localhost:8000/v1`'],
    [
      ['--base-url', 'http://u:pass-of-mine@videos.example/v1'],
      /it contains a user or password/,
      'use `--base-url http://videos.example/v1`',
    ],
    [
      ['--profile', 'nope'],
      /there is no profile `nope`/,
      'run `sora config profile add nope --base-url http://HOST:PORT/v1` to create it',
    ],
  ])('reports an invalid choice of server once: %j', async (argv, words, remedy) => {
    const { code, failed, statusOf, stdout } = await examine(createCommandLine(), argv);
    expect({ code, failed: failed.map(({ id }) => id), key: statusOf('key') }).toEqual({
      code: 1,
      failed: ['base_url'],
      key: 'skip',
    });
    expect(failed[0]?.detail).toMatch(words);
    expect(failed[0]?.remedy[0]).toBe(remedy);
    expect(stdout).not.toContain('pass-of-mine');
  });

  it('reports the missing key, and that OpenAI’s service has ended', async () => {
    const sora = createCommandLine();
    sora.clock.advance(30 * 86_400_000);
    const { code, failed, checks } = await examine(sora, [], {
      http: async () => Promise.reject(new Error('no network')),
    });
    expect({ code, first: failed[0]?.id }).toEqual({ code: 4, first: 'key' });
    expect(failed[0]?.remedy[0]).toMatch(/^run `sora init`/);
    expect(checks.find(({ id }) => id === 'service')?.detail).toContain('2026-09-24');
  });

  it('prints only the curl with --curl', async () => {
    const { stdout } = await createCommandLine().run(['doctor', '--curl']);
    expect(stdout).toMatchInlineSnapshot(`
      "curl https://api.openai.com/v1/videos \\
        -H "Authorization: Bearer $OPENAI_API_KEY" \\
        -H "Content-Type: application/json" \\
        -d '{"model":"sora-2","prompt":"Test video","seconds":"4","size":"1280x720"}'
      "
    `);
  });

  it('prints everything a profile sends in the curl, except secrets', async () => {
    const sora = createCommandLine();
    const settings = {
      base_url: 'http://lab.example/v1',
      auth: 'api-key',
      'request.body': 'multipart',
      model: 'sora-2',
      organization: 'org-1',
      'headers.X-Tenant': 'north wing',
      'headers.X-Lab-Token': 'sekrit-0123456789',
      'query.api-version': 'preview',
      'query.sig': 'sekrit-9876543210',
    };
    for (const [name, value] of Object.entries(settings)) {
      await sora.run(['config', 'set', `profiles.lab.${name}`, value]);
    }
    const { stdout } = await sora.run(['doctor', '--curl', '--profile', 'lab'], {
      env: { OPENAI_PROJECT_ID: 'proj-1' },
    });
    expect(stdout).toMatchInlineSnapshot(`
      "curl "http://lab.example/v1/videos?api-version=preview&sig=$SIG" \\
        -H "openai-organization: org-1" \\
        -H "X-Tenant: north wing" \\
        -H "X-Lab-Token: $X_LAB_TOKEN" \\
        --form-string model=sora-2 \\
        --form-string "prompt=Test video" \\
        --form-string seconds=4 \\
        --form-string size=1280x720
      "
    `);
  });
});
