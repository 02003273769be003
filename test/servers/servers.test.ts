import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DOCUMENTED_SERVERS } from '../../scripts/servers-document.ts';
import type { Capability } from '../../src/domain/capabilities.ts';
import { sniffMedia } from '../../src/domain/media.ts';
import { nodeHttp } from '../../src/platform/http.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { createPngHeader } from '../support/image-headers.ts';
import { aimock, aimockOpenRouter } from '../support/servers/aimock.ts';
import { azure } from '../support/servers/azure.ts';
import { bifrost } from '../support/servers/bifrost.ts';
import { dynamo } from '../support/servers/dynamo.ts';
import { litellm } from '../support/servers/litellm.ts';
import { newApiGenerations, newApiVideos } from '../support/servers/new-api.ts';
import { openai } from '../support/servers/openai.ts';
import { openrouter } from '../support/servers/openrouter.ts';
import {
  type Abilities,
  ENDLESS_PROMPT,
  FAILING_PROMPT,
  KEY,
  type PlayedServer,
  REFUSED_PROMPT,
  type RunningServer,
} from '../support/servers/played-server.ts';
import { qvac } from '../support/servers/qvac.ts';
import { reseller } from '../support/servers/reseller.ts';
import { sglang } from '../support/servers/sglang.ts';
import { vllmOmni } from '../support/servers/vllm-omni.ts';

const SERVERS: readonly PlayedServer[] = [
  ...[openai, azure, litellm, vllmOmni, sglang, dynamo, newApiVideos, newApiGenerations],
  ...[qvac, openrouter, bifrost, aimock, aimockOpenRouter, reseller],
];

const PROMPT = 'a red kite over the sea';

interface Bench {
  readonly sora: CommandLine;
  readonly server: RunningServer;
  /** Runs a command with the server’s profile. */
  run(...argv: readonly string[]): Promise<RunResult>;
  create(prompt: string, ...argv: readonly string[]): Promise<RunResult>;
}

/** A profile for the server, as a user would write it, and its key. */
async function setUp({ start, settings, options }: PlayedServer): Promise<Bench> {
  const sora = createCommandLine();
  const server = await start();
  const all = { base_url: server.baseUrl, key_from_env: 'LAB_KEY', ...settings };
  for (const [name, value] of Object.entries(all)) await sora.run(['config', 'set', `profiles.lab.${name}`, value]);
  const run = (...argv: readonly string[]) =>
    sora.run([...argv, '--profile', 'lab'], { http: nodeHttp, env: { LAB_KEY: KEY } });
  return { sora, server, run, create: (prompt, ...argv) => run('create', prompt, ...options, ...argv) };
}

const errorOf = ({ stderr }: RunResult) => JSON.parse(stderr).error;

/** The error of a run, with the server’s own words for it. */
function reportedBy(run: RunResult): [code: string, words: string] {
  const { code, caused_by: causedBy, message } = errorOf(run);
  return [code, causedBy ?? message];
}

describe.each(SERVERS.map((server) => [server.name, server] as const))('%s', (_, played) => {
  const { abilities, extension, posts, refusal, failure, unknownId } = played;

  it('creates a video, which is waited for and saved with the right extension', async () => {
    const { sora, server, create } = await setUp(played);
    const { code, stdout, stderr } = await create(PROMPT);
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.not.stringContaining('error') });
    const path = stdout.trim();
    expect(extname(path)).toBe(`.${extension}`);
    expect(path).toMatch(/^a-red-kite-over-the-sea-[A-Za-z0-9]{1,8}\.\w+$/);
    expect(sniffMedia(readFileSync(join(sora.cwd, path)))).toBe(extension);
    expect(server.requests.filter(({ method }) => method === 'POST')).toHaveLength(posts);
  });

  it(`${abilities.image === 'yes' ? 'accepts a' : 'accepts no'} reference image`, async () => {
    const { sora, create } = await setUp(played);
    writeFileSync(join(sora.cwd, 'first.png'), createPngHeader(1280, 720));
    const run = await create(PROMPT, '--image', 'first.png', '--json');
    if (abilities.image === 'yes') expect(run.json()).toMatchObject({ status: 'completed' });
    else expect(errorOf(run).code).toBe(abilities.image);
  });

  it(`lists its jobs ${abilities.list === 'server' ? 'itself' : 'in the ledger, with a note'}`, async () => {
    const { create, run } = await setUp(played);
    await create(ENDLESS_PROMPT, '--detach');
    const { code, stdout, stderr } = await run('list');
    expect({ code, rows: stdout.trim().split('\n').length, prompt: stdout }).toEqual({
      code: 0,
      rows: 1,
      prompt: expect.stringContaining(ENDLESS_PROMPT),
    });
    const note = /^note: only the local ledger is shown/;
    if (abilities.list === 'server') expect(stderr).not.toMatch(note);
    else expect(stderr).toMatch(note);
  });

  it(`${abilities.look === 'yes' ? 'reports' : 'does not report'} a job by its id`, async () => {
    const { create, run } = await setUp(played);
    const id = (await create(ENDLESS_PROMPT, '--detach')).stdout.trim();
    const status = await run('status', id, '--json');
    if (abilities.look === 'yes') expect(status.json()).toMatchObject({ id, prompt: ENDLESS_PROMPT });
    else expect(errorOf(status).code).toBe(abilities.look);
    expect(reportedBy(await run('status', 'video_nope', '--json'))).toEqual([
      unknownId[0],
      expect.stringContaining(unknownId[1]),
    ]);
  });

  it(`replies to a cancellation with ${abilities.cancel}`, async () => {
    const { create, run } = await setUp(played);
    const id = (await create(ENDLESS_PROMPT, '--detach')).stdout.trim();
    const cancelled = await run('cancel', id, '--json');
    if (cancelled.code === 0) expect(cancelled.json()).toMatchObject({ id, outcome: abilities.cancel });
    else expect(errorOf(cancelled).code).toBe(abilities.cancel);
  });

  it(`${abilities.remove === 'yes' ? 'deletes' : 'does not delete'} a finished video`, async () => {
    const { create, run } = await setUp(played);
    const id = (await create(PROMPT, '--no-download')).stdout.trim();
    const removed = await run('delete', id, '--yes', '--json');
    if (abilities.remove === 'yes') expect(removed.json()).toEqual({ deleted: [id] });
    else expect(errorOf(removed).code).toBe(abilities.remove);
  });

  it(`${abilities.thumbnail === 'yes' ? 'has' : 'has no'} thumbnail`, async () => {
    const { create, run } = await setUp(played);
    const id = (await create(PROMPT, '--no-download')).stdout.trim();
    const saved = await run('download', id, '--variant', 'thumbnail', '--json');
    if (abilities.thumbnail === 'yes') expect(saved.json()).toMatchObject({ files: [{ variant: 'thumbnail' }] });
    else expect(errorOf(saved).code).toBe(abilities.thumbnail);
  });

  it('is quoted when it refuses, and when a job fails', async () => {
    const { create } = await setUp(played);
    expect(reportedBy(await create(REFUSED_PROMPT, '--json'))).toEqual([
      refusal[0],
      expect.stringContaining(refusal[1]),
    ]);
    expect(reportedBy(await create(FAILING_PROMPT, '--json'))).toEqual([
      failure[0],
      expect.stringContaining(failure[1]),
    ]);
  });

  it.skipIf(played.section === null)(
    'works with the three commands in docs/servers.md, and lacks what they list as missing',
    async () => {
      const sora = createCommandLine();
      const server = await played.start();
      const documented = DOCUMENTED_SERVERS.find(({ name }) => name === played.section);
      await sora.run(['config', 'set', 'profiles.openai.base_url', server.baseUrl]);
      for (const line of documented?.commands ?? []) {
        const { argv, stdin } = readShell(line);
        const address = argv[2] === 'add' ? ['--base-url', server.baseUrl] : [];
        const { code, stderr } = await sora.run([...argv, ...address], { ...stdin, http: nodeHttp });
        expect({ line, code, stderr }).toEqual({ line, code: 0, stderr: expect.not.stringContaining('error') });
      }
      const posts = server.requests.filter(({ method }) => method === 'POST').length;
      expect({ posts, saved: readdirSync(sora.cwd).map((name) => extname(name)) }).toEqual({
        posts: 1,
        saved: [`.${extension}`],
      });
      expect(documented?.missing.filter((name) => PROOFS[name]?.(abilities))).toEqual([]);
    },
  );
});

/** The evidence that a server can do something. */
const PROOFS: Partial<Record<Capability, (abilities: Abilities) => boolean>> = {
  list: ({ list }) => list === 'server',
  delete: ({ remove }) => remove === 'yes',
  cancel: ({ cancel }) => cancel === 'aborted',
  thumbnail: ({ thumbnail }) => thumbnail === 'yes',
};

/** A command from the document; a key is piped into it. */
function readShell(line: string): { readonly argv: readonly string[]; readonly stdin: { stdin?: string } } {
  const [left = '', right] = line.split(' | ');
  const words = [...(right ?? left).matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');
  return { argv: words.slice(1), stdin: right === undefined ? {} : { stdin: KEY } };
}
