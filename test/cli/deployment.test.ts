import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { createBinary } from '../support/binary.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { startServe } from '../support/serve.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

interface Commands {
  readonly service: readonly string[];
  readonly worker: readonly string[];
  /** The names of the variables that both get. */
  readonly variables: readonly string[];
}

const fileOf = (name: string): string =>
  readFileSync(resolve(import.meta.dirname, `../../deploy/${name}.yaml`), 'utf8');

function composed(): Commands {
  const { services } = parse(fileOf('compose'), { merge: true });
  const { service, worker } = services;
  return { service: service.command, worker: worker.command, variables: Object.keys(worker.environment) };
}

function orchestrated(): Commands {
  const containers = parseAllDocuments(fileOf('kubernetes'))
    .map((document) => document.toJS())
    .flatMap(({ kind, spec }) => (kind === 'Deployment' ? spec.template.spec.containers : []));
  const [worker, service] = ['worker', 'service'].map((name) => containers.find((each) => each.name === name));
  return {
    service: service.args,
    worker: worker.args,
    variables: worker.env.map((variable: { name: string }) => variable.name),
  };
}

describe.skipIf(POSTGRES_BIN === undefined)(`the deployments${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  it.each([
    ['compose', composed],
    ['kubernetes', orchestrated],
  ])(
    'make a video with the commands of deploy/%s.yaml',
    async (_name, commandsOf) => {
      const { service, worker, variables } = commandsOf();
      const upstream = await startServe(createBinary(), ['--api-key-env', 'UPSTREAM_KEY'], {
        UPSTREAM_KEY: 'key-of-the-lab',
      });
      const videos = join(createTemporaryFolder(), 'videos');
      mkdirSync(videos);
      const values: Readonly<Record<string, string>> = {
        SORA_BASE_URL: `${upstream.url}/v1`,
        SORA_API_KEY: 'key-of-the-lab',
        SORA_LEDGER: postgres.createDatabase(),
        SORA_USER: 'team',
        SORA_SERVE_KEY: 'key-of-the-service',
      };
      const env = Object.fromEntries([...variables, 'SORA_SERVE_KEY'].map((name) => [name, values[name] ?? '']));
      const here: Readonly<Record<string, string>> = {
        '/videos': videos,
        '0.0.0.0': '127.0.0.1',
        '8080': '0',
        '9100': '0',
      };
      const argvOf = (command: readonly string[]): string[] =>
        command.map((word) => here[word] ?? word.replace(/\$[({](\w+)[^)}]*[)}]/, (_, name) => values[name] ?? ''));
      const replica = await startServe(createBinary(), argvOf(service).slice(1), env);
      await createBinary()
        .start(argvOf(worker), env)
        .says(/taking rows/);

      const headers = { 'x-api-key': 'key-of-the-service', 'content-type': 'application/json' };
      const ordered = await replica.call('/api/v1/videos', {
        ...{ method: 'POST', headers },
        body: JSON.stringify({ prompt: 'a boat', duration: 4 }),
      });
      const { id } = (await ordered.json()) as { id: string };
      const videoUrl = await vi.waitFor(
        async () => {
          const job = await (await replica.call(`/api/v1/videos/${id}`, { headers })).json();
          expect(job).toMatchObject({ status: 'completed' });
          return (job as { videoUrl: string }).videoUrl;
        },
        { timeout: 30_000, interval: 100 },
      );
      const clip = Buffer.from(await (await fetch(videoUrl)).arrayBuffer());
      expect(clip.subarray(4, 8).toString()).toBe('ftyp');
      expect(readdirSync(videos)).toContain(`${id}.mp4`);
    },
    60_000,
  );
});
