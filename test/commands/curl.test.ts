import { execFile } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { PRESETS, settingsOfPreset } from '../../src/domain/presets.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { createCommandLine } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { type ReceivedRequest, startScriptedServer } from '../support/scripted-server.ts';

const execute = promisify(execFile);

/** The environment of a pasted command; variables that it must not use hold other secrets. */
const SHELL = {
  OPENAI_API_KEY: 'openai-key-of-the-shell',
  SORA_API_KEY: 'stored-key-of-lab',
  MYKEY: 'my-key-of-lab',
  X_LAB_TOKEN: 'header-secret/of+lab',
  SIG: 'query/secret+of=lab &1',
};
const PROMPT = `it's "a" $HOME \`kite\`\\n;\n of 5€ \u202e <red> & 100% *\u{e0041}`;

interface Case {
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly argv?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly isKeyStored?: boolean;
  /** Bytes of the image `first frame.png`. */
  readonly imageBytes?: number;
  /** The model that a server other than OpenAI needs. */
  readonly model?: string;
}

/** What sora sent and what its printed command sent. */
async function sentByBoth({ settings = {}, argv = [], env = {}, isKeyStored = false, imageBytes = 64 }: Case) {
  const server = await startScriptedServer(() => ({ body: { id: 'video_1', status: 'queued' } }));
  const sora = createCommandLine();
  mkdirSync(sora.home);
  const lab = { ...settings, base_url: server.url };
  writeFileSync(join(sora.home, 'settings.json'), JSON.stringify({ profiles: { lab } }));
  if (isKeyStored) await sora.run(['config', 'key', 'set', '--profile', 'lab'], { stdin: SHELL.SORA_API_KEY });
  const image = Buffer.concat([createPngHeader(1280, 720), Buffer.alloc(imageBytes, 7)]);
  writeFileSync(join(sora.cwd, 'first frame.png'), image);
  const create = ['create', PROMPT, '--profile', 'lab', ...argv];
  const options = { http: nodeHttp, env };
  const made = await sora.run([...create, '--detach', '--again', '--yes'], options);
  const { curl } = (await sora.run([...create, '--dry-run', '--json'], options)).json<{ curl: string }>();
  writeFileSync(join(sora.cwd, 'paste.sh'), curl);
  await execute('bash', ['--norc', 'paste.sh'], { cwd: sora.cwd, env: { PATH: process.env.PATH, ...SHELL } });
  const [bySora, byCurl] = server.requests.filter(({ method }) => method === 'POST');
  if (bySora === undefined || byCurl === undefined) throw new Error(`${made.stderr}\n${curl}`);
  const shown = (await sora.run([...create, '--dry-run'], options)).stdout;
  return { bySora: await comparable(bySora), byCurl: await comparable(byCurl), curl, shown };
}

/** Headers that differ by client or request. */
const OWN = [
  'user-agent',
  'accept',
  'accept-encoding',
  'idempotency-key',
  'connection',
  'host',
  'content-length',
  'content-type',
  'expect',
];

async function comparable({ method, path, headers, body }: ReceivedRequest) {
  const { pathname, searchParams } = new URL(path, 'http://localhost');
  const type = headers['content-type'] ?? '';
  const form = type.startsWith('multipart')
    ? await new Response(Uint8Array.from(body), { headers: { 'content-type': type } }).formData()
    : null;
  const fields = form && [...form].map(async ([name, value]) => [name, await partOf(value)] as const);
  return {
    method,
    pathname,
    query: Object.fromEntries(searchParams),
    headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !OWN.includes(name))),
    type: type.split(';')[0],
    body: fields === null ? JSON.parse(body.toString()) : await Promise.all(fields),
  };
}

async function partOf(value: string | File): Promise<unknown> {
  if (typeof value === 'string') return value.replaceAll('\r\n', '\n'); // forms use CRLF; curl does not convert
  return { name: value.name, type: value.type, bytes: Buffer.from(await value.arrayBuffer()).toString('base64') };
}

const SECRETS = {
  headers: { 'X-Lab-Token': SHELL.X_LAB_TOKEN, 'X-Note': 'a "b" $c' },
  query: { sig: SHELL.SIG, v: '1 2' },
};

describe('the printed curl command sends what sora sends', () => {
  it.each<[string, Case]>([
    ['without a key', {}],
    ['with a stored key', { isKeyStored: true }],
    ['with the key of a variable', { settings: { key_from_env: 'MYKEY' }, env: { MYKEY: SHELL.MYKEY } }],
    ['with a key in another header', { settings: { auth: 'api-key' }, isKeyStored: true }],
    ['with secret headers and queries', { settings: SECRETS, isKeyStored: true }],
    ['with a renamed model', { settings: { models: { 'sora-2': 'my-deployment' } }, argv: ['-m', 'sora-2'] }],
    ['with parameters', { argv: ['--param', 'seed=7', '--param', 'note=@me;type=x', '--param', 'o={"a":[1]}'] }],
    [
      'with names from Object.prototype',
      {
        settings: { headers: { constructor: 'a' }, query: { toString: 'b' }, models: { constructor: 'c' } },
        argv: ['-m', 'constructor', '--param', '__proto__=1', '--param', 'constructor={"__proto__":2}'],
      },
    ],
    ['with an image as a form', { argv: ['-i', 'first frame.png'] }],
    [
      'with an image in plain JSON',
      {
        settings: { request: { body: 'json', seconds: 'number', image: 'text' } },
        argv: ['-i', 'first frame.png'],
      },
    ],
    [
      'with a large image in JSON',
      { settings: { request: { body: 'json' } }, argv: ['-i', 'first frame.png'], imageBytes: 300_000 },
    ],
    ['with the URL of an image', { argv: ['-i', 'https://videos.example/a.png?sig=1'] }],
    ['with an upload', { argv: ['-i', 'file_abc123'] }],
    [
      'with all fields as a form',
      { settings: { request: { body: 'multipart' } }, argv: ['--character', 'char_1', '-d', '8'] },
    ],
    ...PRESETS.filter(({ name }) => name !== 'simulator').map((preset): [string, Case] => [
      `as the preset ${preset.name}`,
      {
        settings: nested(settingsOfPreset(preset)),
        argv: ['-m', 'mine', '-d', '4'],
        isKeyStored: preset.keyVariable !== null,
      },
    ]),
  ])('%s', async (_, given) => {
    const { bySora, byCurl, shown } = await sentByBoth(given);
    expect(byCurl).toEqual(bySora);
    expect(shown).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u{e0041}]/u);
  });

  it('names only the variable of the key it sends', async () => {
    expect((await sentByBoth({})).curl).not.toContain('KEY');
    expect((await sentByBoth({ isKeyStored: true })).curl).toContain('"Authorization: Bearer $SORA_API_KEY"');
    const named = await sentByBoth({ settings: { key_from_env: 'MYKEY' }, env: { MYKEY: SHELL.MYKEY } });
    expect(named.curl).toContain('"Authorization: Bearer $MYKEY"');
  });
});

function nested(settings: Readonly<Record<string, string>>): Record<string, unknown> {
  const { base_url: _, ...others } = settings;
  const result: Record<string, Record<string, string> | string> = {};
  for (const [name, value] of Object.entries(others)) {
    const [group = '', key] = name.split('.');
    const known = result[group];
    result[group] = key === undefined ? value : { ...(typeof known === 'object' ? known : {}), [key]: value };
  }
  return result;
}
