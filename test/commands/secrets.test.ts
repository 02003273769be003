import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../src/command-table.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, Interrupt, type RunOptions } from '../support/command-line.ts';
import { type ReceivedRequest, type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';
import { CLIP } from '../support/videos-server.ts';

/** Secrets with characters that JSON and URLs escape; each starts with a unique word. */
const SECRETS = {
  environment: 'environment-key/+="\\0123456789',
  stored: 'stored-key/+="\\0123456789',
  header: 'header-token/+="\\0123456789',
  query: 'query-token/+="\\ &0123456789',
} as const;
/** The start of each secret in every encoding; in base64 it depends on the offset. */
const TRACES = Object.values(SECRETS).flatMap((secret) => {
  const word = secret.slice(0, secret.indexOf('/'));
  const bytes = Buffer.from(word);
  const base64 = [0, 1, 2].map((before) => {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    return encoded.slice(before === 0 ? 0 : before + 1, Math.floor((8 * (before + bytes.length)) / 6));
  });
  const escapes = [percentOf(word), unicodeOf(word)].flatMap((text) => [text, text.replaceAll('%', '%25')]);
  return [word, ...base64, bytes.toString('hex'), ...escapes];
});

function percentOf(text: string): string {
  return Buffer.from(text).toString('hex').replace(/../g, '%$&');
}

function unicodeOf(text: string): string {
  return Buffer.from(text).toString('hex').replace(/../g, '\\u00$&');
}

/** A secret in every encoding in which servers may repeat it. */
function spellingsOf(secret: string): string {
  const base64 = ['', 'a', 'ab'].map((before) => Buffer.from(before + secret).toString('base64'));
  const url = Buffer.from(`:${secret}`).toString('base64url');
  const hex = Buffer.from(secret).toString('hex');
  const escapes = [percentOf(secret), percentOf(secret).replaceAll('%', '%25'), unicodeOf(secret)];
  return [secret, encodeURIComponent(secret), JSON.stringify(secret), ...base64, url, hex, ...escapes].join(' ');
}

const SHARED_LEDGER = `postgres://sora:${SECRETS.stored}@127.0.0.1:1/sora`;

/** Every command, with the options that print the most. */
const CALLS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  create: [
    ['create', 'a boat', '--again', '--timeout', '5s', '--force', '-o', 'boat.mp4'],
    ['create', 'a boat', '--again', '--detach', '-i', 'https://videos.example/a.png?sig=0'],
    ['create', 'a boat', '--dry-run'],
  ],
  remix: [
    ['remix', 'video_1', 'at night', '--again', '--timeout', '5s', '--force', '-o', 'night.mp4'],
    ['remix', 'video_1', 'at night', '--dry-run'],
  ],
  edit: [['edit', 'video_1', 'in snow', '--again', '--detach']],
  extend: [['extend', 'video_1', 'on to the sea', '--again', '--detach']],
  'character create': [['character', 'create', 'anna', 'boat.mp4']],
  'character show': [['character', 'show', 'char_1']],
  status: [['status'], ['status', 'video_1'], ['status', 'video_1', '--watch', '--timeout', '5s']],
  list: [['list'], ['list', '--local']],
  gallery: [['gallery', '--force']],
  open: [
    ['open', 'video_1'],
    ['open', '@last'],
  ],
  download: [['download', 'video_1', '--force', '-o', 'boat.mp4']],
  batch: [
    ['batch', 'shots.jsonl', '--timeout', '5s', '--force'],
    ['batch', 'shots.jsonl', '--retry-failed', '--timeout', '5s', '--force'],
  ],
  film: [['film', 'shots.jsonl', '--timeout', '5s', '--force']],
  cost: [['cost'], ['cost', '--spent'], ['cost', '-d', '5', '--compare']],
  models: [['models'], ['models', '--dialect', 'openrouter']],
  cancel: [['cancel', 'video_1']],
  delete: [['delete', 'video_1']],
  completion: [['completion', 'bash']],
  attach: [['attach', 'sub_1', 'video_1']],
  forget: [['forget', 'sub_1']],
  'ledger check': [['ledger', 'check']],
  'ledger copy': [['ledger', 'copy', '--to', SHARED_LEDGER]],
  'ledger caps': [['ledger', 'caps']],
  // Their ledger is unreachable, so they can only print its URL.
  worker: [['worker', '--drain']],
  queue: [['queue']],
  'queue failed': [['queue', 'failed']],
  'queue retry': [['queue', 'retry', '--all']],
  doctor: [
    ['doctor', '--yes'],
    ['doctor', '--server', '--yes'],
    ['doctor', '--curl'],
  ],
  serve: [['serve', '--port', '0']],
  listen: [['listen', '--port', '0', '--secret-env', 'HOOK_SECRET']],
  mcp: [['mcp', '--max-cost', '5', '-o', 'videos']],
  init: [['init']],
  'config profile add': [['config', 'profile', 'add', 'other', '--preset', 'vllm-omni']],
  'config profile use': [['config', 'profile', 'use', 'lab']],
  'config profile list': [['config', 'profile', 'list']],
  'config profile show': [['config', 'profile', 'show', 'lab']],
  'config profile remove': [['config', 'profile', 'remove', 'lab', '--yes']],
  'config list': [['config', 'list']],
  'config get': [
    ['config', 'get', 'api_key'],
    ['config', 'get', 'profiles.lab.headers.X-Lab-Token'],
  ],
  'config set': [['config', 'set', 'profiles.lab.headers.X-Lab-Token', SECRETS.header]],
  'config unset': [['config', 'unset', 'profiles.lab.query.sig']],
  'config path': [['config', 'path']],
  'config key set': [['config', 'key', 'set', '--profile', 'lab']],
  'config key remove': [['config', 'key', 'remove', '--profile', 'lab']],
};

/** Messages of an agent to `sora mcp`, one a line. */
const AGENT = [
  ['initialize', { protocolVersion: '2025-06-18', capabilities: {}, clientInfo: { name: 'agent', version: '1' } }],
  ...Object.entries({
    create: { prompt: 'a boat', max_cost_usd: 1 },
    remix: { id: 'video_1', prompt: 'at night', max_cost_usd: 1 },
    edit: { video: 'video_1', prompt: 'in snow', max_cost_usd: 1 },
    extend: { video: 'video_1', prompt: 'on', max_cost_usd: 1 },
    status: { id: 'video_1' },
    list: {},
    cost: { prompt: 'a boat' },
    download: { id: 'video_1' },
    cancel: { id: 'video_1' },
    doctor: {},
    nothing: {},
  }).map(([name, input]) => ['tools/call', { name, arguments: input }]),
].map(([method, params], id) => `${JSON.stringify({ jsonrpc: '2.0', id, method, params })}\n`);

/** Whether a command makes no calls. */
const isLocal = (name: string): boolean =>
  name.startsWith('config ') || ['cost', 'init', 'serve', 'forget', 'ledger check', 'completion'].includes(name);

type Server = (request: ReceivedRequest, secrets: readonly string[]) => ScriptedReply;

/** The secrets in every encoding, and the request as it arrived. */
function echo({ path, headers }: ReceivedRequest, secrets: readonly string[]): string {
  return `${secrets.map(spellingsOf).join(' ')} ${path} ${JSON.stringify(headers)}`;
}

function echoHeaders(secrets: readonly string[]): Record<string, string> {
  const names = ['x-request-id', 'sunset', 'deprecation', 'location', 'etag', 'retry-after', 'content-disposition'];
  return Object.fromEntries(names.map((name) => [name, secrets.map(spellingsOf).join(' ')]));
}

function refuse(status: number): Server {
  return (request, secrets) => {
    const said = echo(request, secrets);
    const error = { message: said, code: said, type: said, param: said };
    return { status, headers: echoHeaders(secrets), body: { error } };
  };
}

function answer(status: string): Server {
  return (request, secrets) => {
    const headers = echoHeaders(secrets);
    const { pathname } = new URL(request.path, 'http://localhost');
    if (pathname.endsWith('/content')) return { headers, body: CLIP };
    const said = echo(request, secrets);
    const error = { code: said, message: said };
    const job = { id: said, status, model: said, prompt: said, size: said, error, url: `http://x.invalid/?${said}` };
    const isList = request.method === 'GET' && pathname.endsWith('/videos');
    return { headers, body: isList ? { data: [job, { ...job, id: 'video_1' }] } : job };
  };
}

const SERVERS: Readonly<Record<string, Server>> = {
  'refuses with 401': refuse(401),
  'fails with 500': refuse(500),
  'answers with finished jobs': answer('completed'),
  'answers with failed jobs': answer('failed'),
  'answers with text in place of videos': (request, secrets) => {
    const { pathname } = new URL(request.path, 'http://localhost');
    if (!pathname.endsWith('/content')) return answer('completed')(request, secrets);
    return { headers: echoHeaders(secrets), body: echo(request, secrets) };
  },
  'answers with an HTML page': (request, secrets) => ({
    headers: echoHeaders(secrets),
    body: `<html><title>${echo(request, secrets)}</title>`,
  }),
};

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    statSync(join(folder, name)).isFile(),
  );
}

/** The names and contents of files, except what the user stored there. */
function written({ home, cwd }: CommandLine): string[] {
  return [home, cwd].flatMap((folder) =>
    filesBelow(folder).flatMap((name) => {
      if (folder === home && name === 'keys.json') return [name];
      const text = readFileSync(join(folder, name), 'utf8');
      if (folder !== home || name !== 'settings.json') return [name, text];
      const { headers: _, query: __, ...rest } = JSON.parse(text).profiles?.lab ?? {};
      return [name, JSON.stringify(rest)];
    }),
  );
}

async function createLab(url: string): Promise<CommandLine> {
  const sora = createCommandLine();
  const settings = { base_url: url, 'headers.X-Lab-Token': SECRETS.header, 'query.sig': SECRETS.query };
  for (const [name, value] of Object.entries(settings))
    await sora.run(['config', 'set', `profiles.lab.${name}`, value]);
  await sora.run(['config', 'key', 'set', '--profile', 'lab'], { stdin: SECRETS.stored });
  writeFileSync(join(sora.cwd, 'shots.jsonl'), '{"prompt":"a boat"}\n');
  return sora;
}

/** Runs a command with all its options in these forms, and returns all it printed and wrote. */
async function say(
  name: string,
  sora: CommandLine,
  target: readonly string[],
  forms: readonly (readonly string[])[],
  env: RunOptions['env'] = {},
) {
  const said: string[] = [];
  for (const call of CALLS[name] ?? []) {
    for (const form of forms) {
      const ended = ['serve', 'listen'].includes(name) ? { interrupt: AbortSignal.abort(new Interrupt('SIGINT')) } : {};
      const stdin = name === 'mcp' ? AGENT.join('') : SECRETS.stored;
      const shared = /^(queue|worker)/.test(name) ? { SORA_LEDGER: SHARED_LEDGER } : {};
      const options = { http: nodeHttp, env: { HOOK_SECRET: SECRETS.stored, ...shared, ...env }, stdin, ...ended };
      const { stdout, stderr } = await sora.run([...call, ...target, ...form, '--debug'], options);
      said.push(stdout, stderr);
    }
  }
  return [...said, ...written(sora)];
}

function leaksIn(texts: readonly string[]): string[] {
  return texts.flatMap((text) =>
    TRACES.filter((trace) => text.includes(trace)).map((trace) => {
      const at = text.indexOf(trace);
      return text.slice(Math.max(0, at - 200), at + 100);
    }),
  );
}

describe('a secret', () => {
  it('is searched for in the output of every command', () => {
    expect(Object.keys(CALLS).sort()).toEqual(COMMANDS.map(({ name }) => name).sort());
  });

  /** The secrets of a profile and the environment that a command leaks when servers repeat them. */
  async function leaksOf(name: string, reply: Server): Promise<string[]> {
    const { environment, stored, header, query } = SECRETS;
    const lab = await startScriptedServer((request) => reply(request, [stored, header, query]));
    const sora = await createLab(lab.url);
    const ofProfile = await say(name, sora, ['--profile', 'lab'], [[], ['--json']]);
    const other = await startScriptedServer((request) => reply(request, [environment]));
    const ofEnvironment = await say(name, sora, ['--base-url', other.url], [[]], { SORA_API_KEY: environment });
    return leaksIn([...ofProfile, ...ofEnvironment]);
  }

  it.each(Object.keys(CALLS).filter(isLocal))('is not revealed by `sora %s --debug`', async (name) => {
    expect(await leaksOf(name, answer('completed'))).toEqual([]);
  });

  describe.each(Object.entries(SERVERS))('repeated by a server that %s', (_, reply) => {
    it.each(Object.keys(CALLS).filter((name) => !isLocal(name)))(
      'is not revealed by `sora %s --debug`',
      async (name) => {
        expect(await leaksOf(name, reply)).toEqual([]);
      },
    );
  });
});
