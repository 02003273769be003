import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import type { CallToolResult } from '@modelcontextprotocol/sdk/types.js';
import { describe, expect, it, onTestFinished } from 'vitest';
import { MessageFilter } from '../../src/commands/mcp/message-filter.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { BINARY, type Binary, createBinary } from '../support/binary.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { startVideosServer, type VideosServer } from '../support/videos-server.ts';

/** `MCP_CALLS=1000` for a longer run. */
const CALLS = Number(process.env.MCP_CALLS ?? 150);
const KEY = 'lab-key-0123456789abcdef';

interface Job {
  readonly id: string;
  readonly status: string;
  readonly files: readonly { readonly path: string }[];
}

interface Session {
  /** Calls a tool and returns its result. */
  call(name: string, input?: Readonly<Record<string, unknown>>): Promise<CallToolResult>;
  readonly client: Client;
}

/** The official client, and `sora mcp` as its server. */
async function connect(
  binary: Binary,
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Session> {
  const client = new Client({ name: 'test', version: '1' });
  await client.connect(
    new StdioClientTransport({
      command: process.execPath,
      args: [BINARY, 'mcp', ...argv],
      cwd: binary.cwd,
      env: { ...binary.env, ...env },
      stderr: 'ignore',
    }),
  );
  onTestFinished(() => client.close());
  await client.listTools(); // from now on the client checks results against the schemas of the tools
  return {
    client,
    call: async (name, input = {}) => (await client.callTool({ name, arguments: { ...input } })) as CallToolResult,
  };
}

/** A session with a server where `m` costs $0.10 a second. */
async function connectPaid(
  argv: readonly string[],
): Promise<Session & { readonly server: VideosServer; readonly binary: Binary }> {
  const server = await startVideosServer();
  const binary = createBinary();
  const added = await binary.start(['config', 'profile', 'add', 'lab', '--base-url', server.url]).ended;
  expect(added.code).toBe(0);
  expect(await binary.start(['config', 'set', 'profiles.lab.prices.m', '0.1']).ended).toMatchObject({ code: 0 });
  const session = await connect(binary, ['--profile', 'lab', ...argv], { SORA_API_KEY: KEY });
  return { ...session, server, binary };
}

function jobsOf({ structuredContent }: CallToolResult): readonly Job[] {
  return (structuredContent as { jobs: readonly Job[] }).jobs;
}

function errorOf({ isError, structuredContent }: CallToolResult): { code: string; message: string } {
  expect(isError).toBe(true);
  return (structuredContent as { error: { code: string; message: string } }).error;
}

const SMALL = { model: 'small', size: '64x36', duration: 1 };

describe('sora mcp', () => {
  it('lists its tools, and creates, waits for and saves a video', async () => {
    const binary = createBinary();
    const { call, client } = await connect(binary, ['--simulate', '-o', 'videos']);
    expect((await client.listTools()).tools.map(({ name }) => name)).toEqual([
      'create',
      'remix',
      'edit',
      'extend',
      'cost',
      'status',
      'wait',
      'download',
      'list',
      'cancel',
      'doctor',
    ]);

    const [job] = jobsOf(await call('create', { prompt: '@ noon a boat', ...SMALL }));
    expect(job).toMatchObject({ prompt: '@ noon a boat' });
    expect(jobsOf(await call('wait', { id: job?.id }))).toMatchObject([{ id: job?.id, status: 'completed' }]);
    const saved = await call('download', { id: job?.id });
    expect(saved.content.map(({ type }) => type).sort()).toEqual(['image', 'resource_link', 'text']);
    const link = saved.content.find(({ type }) => type === 'resource_link') as { uri: string };
    expect(readFileSync(fileURLToPath(link.uri)).subarray(4, 8).toString()).toBe('ftyp');
    expect(readdirSync(join(binary.cwd, 'videos'))).toHaveLength(2);
    expect(jobsOf(await call('list'))).toHaveLength(1);

    const frames = {
      image: 'https://example.org/a.png',
      last_frame: 'file-b',
      references: ['https://example.org/c.mp4'],
    };
    const refused = await call('create', { prompt: 'a boat', ...frames });
    expect(JSON.stringify(refused.structuredContent)).toMatch(/no last frame.*no reference video/);
  });

  it('reports a job that is still running at the deadline', async () => {
    const { call } = await connect(createBinary(), ['--simulate'], { SORA_SIMULATOR_SPEED: '0.01' });
    const [job] = jobsOf(await call('create', { prompt: 'a boat' }));
    const waited = await call('wait', { id: job?.id, seconds: 1 });
    expect(waited.structuredContent).toMatchObject({ still_running: true, jobs: [{ id: job?.id }] });
    expect(jobsOf(await call('cancel', { id: '@last' }))).toMatchObject([{ id: job?.id, status: 'cancelled' }]);
  });

  it('spends only what both the call and the session approve', async () => {
    const { call, server } = await connectPaid(['--max-cost', '0.5']);
    const video = { model: 'm', duration: 4 };
    expect(errorOf(await call('create', { prompt: 'one', ...video })).message).toContain('$0.40, which needs approval');
    expect(errorOf(await call('create', { prompt: 'one', ...video, max_cost_usd: 0.39 })).code).toBe(
      'cost_cap_exceeded',
    );
    expect(errorOf(await call('create', { prompt: 'one', model: 'unpriced', max_cost_usd: 9 })).code).toBe(
      'cost_cap_exceeded',
    );
    expect(server.posts).toBe(0);

    const [job] = jobsOf(await call('create', { prompt: 'one', ...video, max_cost_usd: 0.4 }));
    expect(
      jobsOf(await call('create', { prompt: 'one', ...video, max_cost_usd: 0.4 })),
      'is the same job',
    ).toMatchObject([{ id: job?.id }]);
    expect(errorOf(await call('create', { prompt: 'two', ...video, max_cost_usd: 9 })).message).toContain(
      '$0.10 of the session’s $0.50 is left',
    );
    expect(server.posts).toBe(1);
  });

  it('saves a video from a server without thumbnails', async () => {
    const { call } = await connectPaid(['--max-cost', '1']);
    const [job] = jobsOf(await call('create', { prompt: 'one', model: 'm', duration: 4, max_cost_usd: 0.4 }));
    await call('wait', { id: job?.id });
    const saved = await call('download', { id: job?.id });
    expect(saved.isError).toBeUndefined();
    expect(saved.content.map(({ type }) => type)).toEqual(['text', 'resource_link']);
  });

  it('creates videos from existing ones at an approved price', async () => {
    const { call, server } = await connectPaid(['--max-cost', '1']);
    const [source] = jobsOf(await call('create', { prompt: 'one', model: 'm', duration: 4, max_cost_usd: 0.4 }));
    await call('wait', { id: source?.id });
    const input = { id: source?.id, prompt: 'at night' };
    expect(errorOf(await call('remix', input)).message).toContain('$0.40, which needs approval');
    expect(server.posts).toBe(1);
    const [job] = jobsOf(await call('remix', { ...input, max_cost_usd: 0.4 }));
    expect(job).toMatchObject({ remixed_from: source?.id });
    const longer = { video: source?.id, prompt: 'on', duration: 4, max_cost_usd: 9 };
    expect(errorOf(await call('extend', longer)).message).toContain('$0.20 of the session’s $1.00 is left');
    expect(server.posts).toBe(2);
  });

  it('spends nothing when the session has no cap', async () => {
    const { call, server } = await connectPaid([]);
    const refused = await call('create', { prompt: 'one', model: 'm', duration: 4, max_cost_usd: 1 });
    expect(errorOf(refused).message).toContain('may not spend money');
    expect(server.posts).toBe(0);
  });

  it('reads no file outside its folder', async () => {
    const binary = createBinary();
    const { call } = await connect(binary, ['--simulate', '-o', 'videos']);
    const secret = join(binary.home, 'secret.png');
    writeFileSync(secret, 'a secret');
    symlinkSync(secret, join(binary.cwd, 'videos', 'link.png'));
    for (const image of [secret, '../../home/secret.png', 'link.png', 'file:///etc/passwd', 'http://localhost/x'])
      for (const reference of [{ image }, { last_frame: image }, { references: ['https://example.org/a.png', image] }])
        expect(errorOf(await call('create', { prompt: 'a boat', ...reference })).code, image).toBe('usage');
    for (const video of [secret, '../../home/secret.png', 'link.png', '..'])
      expect(errorOf(await call('edit', { prompt: 'in snow', video })).code, video).toBe('usage');
  });

  it('does not tell whether a file outside its folder exists', async () => {
    const binary = createBinary();
    const { call } = await connect(binary, ['--simulate', '-o', 'videos']);
    writeFileSync(join(binary.home, 'there'), 'a secret');
    writeFileSync(join(binary.home, 'there.mp4'), 'a secret');
    symlinkSync(binary.home, join(binary.cwd, 'videos', 'link'));
    const prompt = 'in snow';
    const calls = (name: string): Promise<CallToolResult>[] => [
      ...['remix', 'status', 'wait', 'download', 'cancel'].map((tool) =>
        call(tool, { id: name, ...(tool === 'remix' && { prompt }) }),
      ),
      ...['edit', 'extend'].map((tool) => call(tool, { video: name, prompt })),
      ...[{ image: name }, { last_frame: name }, { references: [name] }].map((more) =>
        call('create', { prompt, ...more }),
      ),
    ];
    const answers = async (name: string): Promise<string[]> =>
      (await Promise.all(calls(name))).map((result) => errorOf(result).message.replace(name, 'NAME'));
    for (const folder of [binary.home, '../../home', 'link'])
      for (const extension of ['', '.mp4'])
        expect(await answers(`${folder}/there${extension}`)).toEqual(await answers(`${folder}/missing${extension}`));
  });

  it('shows no thumbnail that was saved outside its folder', async () => {
    const binary = createBinary();
    const { call } = await connect(binary, ['--simulate', '-o', 'videos']);
    const create = ['create', 'a boat', '--simulate', '-m', 'small', '--size', '64x36', '-d', '1'];
    await binary.start([...create, '--variant', 'thumbnail', '-o', 'secret.webp']).ended;
    const { content } = await call('status', { id: '@last' });
    expect(content.map(({ type }) => type)).toEqual(['text']);
  });

  it(`keeps its cap, folder and key through ${CALLS} hostile calls`, async () => {
    const { call, server, binary } = await connectPaid(['--max-cost', '2', '-o', 'videos']);
    const bytes = createSeededRandom()(64 * CALLS);
    let at = 0;
    const pick = <T>(...values: readonly T[]): T => values[(bytes[at++] ?? 0) % values.length] as T;
    const text = (): string =>
      pick(
        'boat',
        '@/etc/passwd',
        '-',
        '--again',
        '../../x',
        '',
        '\0',
        'x'.repeat(5_000),
        '$(id)',
        `p${pick(1, 2, 3, 4, 5, 6)}`,
      );
    const odd = (): unknown => pick<unknown>(0, -1, 1e99, 0.4, 100, null, true, [], {}, text());
    const input = (): Record<string, unknown> =>
      Object.fromEntries(
        [
          ['prompt', pick<unknown>(text(), text(), odd())],
          ['model', pick<unknown>('m', 'm', 'm', text(), odd())],
          ['duration', pick<unknown>(4, 4, 1, odd())],
          ['count', pick<unknown>(1, 2, 20, odd())],
          ['id', pick<unknown>('@last', 'video_1', '../videos', text(), odd())],
          ['image', pick<unknown>('/etc/passwd', '../../home/keys', text())],
          ['last_frame', pick<unknown>('/etc/passwd', '../../home/keys', text())],
          ['references', pick<unknown>(['/etc/passwd'], [text(), '../../home/keys'], text())],
          ['max_cost_usd', pick<unknown>(100, 100, 0.4, odd())],
          ['output', '/tmp'],
          ['again', true],
        ].filter(() => pick(true, true, false)),
      );
    const names = [
      'create',
      'create',
      'create',
      'create',
      'create',
      'cost',
      'status',
      'wait',
      'download',
      'list',
      'cancel',
      'doctor',
      'delete',
    ];
    const replies: string[] = [];
    const worker = async (): Promise<void> => {
      while (replies.length < CALLS) {
        const name = pick(...names);
        const order = { prompt: `p${pick(1, 2, 3, 4, 5, 6)}`, model: 'm', duration: 4, max_cost_usd: 100 };
        const given = pick(input(), onlyKnown(name, input()), name === 'create' ? order : {});
        replies.push(JSON.stringify(await call(name, given).catch((error: Error) => error.message)));
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    const spentUsd = server.jobs.reduce((sum, { seconds }) => sum + 0.1 * Number(seconds), 0);
    expect(server.posts).toBeGreaterThan(0);
    expect(spentUsd).toBeLessThanOrEqual(2);
    expect(replies.join('')).not.toContain(KEY);
    expect(readdirSync(binary.cwd)).toEqual(['videos']);
  }, 600_000);
});

const INPUTS: Readonly<Record<string, readonly string[]>> = {
  create: ['prompt', 'model', 'duration', 'count', 'max_cost_usd'],
  cost: ['model', 'duration', 'count'],
  status: ['id'],
  wait: ['id'],
  download: ['id'],
  cancel: ['id'],
};

function onlyKnown(tool: string, input: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(input).filter(([name]) => INPUTS[tool]?.includes(name)));
}

it('passes on no text in characters that only an agent sees', async () => {
  const job = {
    id: 'video_1',
    object: 'video',
    status: 'failed',
    prompt: 'a\u{e0041}b',
    error: { message: 'c\u202ed' },
  };
  const server = await startVideosServer({ list: () => ({ body: { data: [job], has_more: false } }) });
  const sora = createCommandLine();
  const message = { jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'list' } };
  const options = { http: nodeHttp, stdin: `${JSON.stringify(message)}\n` };
  const { stdout } = await sora.run(['mcp', '--base-url', server.url], options);
  const { structuredContent } = JSON.parse(stdout).result;
  expect(structuredContent.jobs).toMatchObject([{ prompt: 'ab', error: { message: 'cd' } }]);
  expect(stdout).not.toMatch(/\u202e|\u{e0041}|\\u202e|\\udb40/u);
});

it('answers requests that arrived before its input ended', async () => {
  const messages = [
    {
      id: 1,
      method: 'initialize',
      params: { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'a', version: '1' } },
    },
    { id: 2, method: 'tools/call', params: { name: 'list' } },
    { id: 3, method: 'tools/call', params: { name: 'nothing' } },
  ];
  const stdin = messages.map((message) => `${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`).join('');
  const { code, stdout } = await createCommandLine().run(['mcp', '--simulate'], { stdin });
  const replies = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(replies.map(({ id }) => id).sort()).toEqual([1, 2, 3]);
  expect(replies.find(({ id }) => id === 2).result.structuredContent).toEqual({ jobs: [] });
  expect(replies.find(({ id }) => id === 3).error.message).toContain('no tool is called nothing');
  expect(code).toBe(0);
});

describe('what a client sends that is no message', () => {
  const ping = (id: number): string => JSON.stringify({ jsonrpc: '2.0', id, method: 'ping' });
  const answersTo = async (stdin: string): Promise<Record<string, unknown>[]> => {
    const { code, stdout } = await createCommandLine().run(['mcp', '--simulate'], { stdin });
    expect(code).toBe(0);
    return stdout.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line)));
  };

  it.each([
    ['not JSON', '{"jsonrpc":', { code: -32700 }, null],
    ['a batch', `[${ping(5)}]`, { code: -32600, message: 'batches are not supported' }, null],
    ['another version', '{"jsonrpc":"1.0","id":5,"method":"ping"}', { code: -32600 }, 5],
    ['a text', '"ping"', { code: -32600 }, null],
    [
      'a call with a list of arguments',
      '{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"list","arguments":[]}}',
      { code: -32602, message: 'invalid parameters of tools/call' },
      5,
    ],
    ['null', 'null', { code: -32600 }, null],
    ['a line of 9 MB', 'x'.repeat(9 << 20), { code: -32600, message: expect.stringContaining('4194304 bytes') }, null],
  ])('%s is answered, and the session goes on', async (_, line, error, id) => {
    const answers = await answersTo(`${ping(1)}\n\n${line}\r\n${ping(2)}`);
    expect(answers.filter((answer) => 'error' in answer)).toMatchObject([{ id, error }]);
    expect(answers.filter((answer) => 'result' in answer)).toMatchObject([{ id: 1 }, { id: 2 }]);
  });

  it('is answered as soon as it is too long, while its line has not ended', async () => {
    const stdin = new PassThrough();
    const onOutput = (): void => void stdin.end();
    const session = createCommandLine().run(['mcp', '--simulate'], { stdin, onOutput });
    stdin.write('x'.repeat(5 << 20));
    expect(JSON.parse((await session).stdout)).toMatchObject({ id: null, error: { code: -32600 } });
  });
});

it('reads no further while its replies are not read', async () => {
  const replies = new PassThrough({ highWaterMark: 1 });
  replies.write('a reply');
  const messages = new MessageFilter(replies);
  let passed = 0;
  messages.on('data', () => passed++);
  const line = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`;
  for (let i = 0; i < 3; i++) messages.write(line);
  await setImmediate();
  expect(passed).toBe(1);
  replies.resume();
  messages.end();
  await once(messages, 'end');
  expect(passed).toBe(3);
});

it('ends when nothing reads its replies any longer, although its input is open', async ({ signal }) => {
  const { cwd, env } = createBinary();
  const child = spawn(process.execPath, [BINARY, 'mcp', '--simulate'], { cwd, env, signal });
  const ended = once(child, 'exit');
  const line = `${JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'ping' })}\n`;
  child.stdin.on('error', () => {}).write(line);
  await once(child.stdout, 'data');
  child.stdout.destroy();
  // One more reply is not enough: a program that another thread is just starting holds a copy of the pipe.
  while (child.stdin.writable) {
    child.stdin.write(line);
    await setImmediate();
  }
  expect(await ended).toEqual([0, null]);
});
