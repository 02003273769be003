// docs/servers.md, from the presets. test/servers/servers.test.ts runs its commands.
import { CAPABILITIES } from '../src/domain/capabilities.ts';
import { PRESETS, type Preset } from '../src/domain/presets.ts';
import { settingsOfFormat } from '../src/domain/request-format.ts';
import { inWords } from '../src/domain/wording.ts';
import { markdownTable, readResults } from './servers/results.ts';

export interface DocumentedServer extends Pick<Preset, 'name' | 'title' | 'advice' | 'missing' | 'limits'> {
  /** The three commands that lead to the first video. */
  readonly commands: readonly string[];
}

interface Example {
  /** Further arguments of `config profile add`. */
  readonly add: string;
  /** Arguments of `create`. */
  readonly create?: string;
}

/** The preset for any other server; it comes last. */
const CUSTOM = 'custom';

/** By preset; the others are built in and need no profile. */
const EXAMPLES: Readonly<Record<string, Example>> = {
  azure: { add: '--base-url https://acme.openai.azure.com/openai/v1 -m my-deployment' },
  litellm: { add: '-m my-model', create: '-d 4 --size 1280x720' },
  'vllm-omni': { add: '-m Wan-AI/Wan2.2-T2V-A14B-Diffusers', create: '-d 3 --size 832x480 --param seed=7' },
  sglang: { add: '-m Wan-AI/Wan2.1-T2V-1.3B-Diffusers', create: '-d 4 --size 832x480' },
  'new-api': { add: '-m kling-v2', create: '-d 5 --size 1280x720' },
  openrouter: { add: '-m google/veo-3.1', create: '-d 8 -r 720p -a 4:3' },
  bifrost: { add: '-m openai/sora-2 --set list_query.provider=openai', create: '-d 4' },
  qvac: { add: '-m wan-1.3b', create: '-d 4' },
  custom: { add: '--base-url http://127.0.0.1:8000/v1 -m MODEL' },
};

/** Servers that need no preset, only settings. */
const OTHERS: readonly (Omit<DocumentedServer, 'commands'> & Pick<Preset, 'keyVariable'> & Example)[] = [
  {
    name: 'dynamo',
    title: 'NVIDIA Dynamo',
    keyVariable: null,
    advice: 'it expects `seconds` as a number and an image as a plain URL',
    missing: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'characters'],
    limits: ['reading a job later: the response to a create is the video itself, so `--detach` loses it'],
    add: '--base-url http://127.0.0.1:8000/v1 -m Wan-AI/Wan2.1-T2V-14B --set request.body=json --set request.seconds=number --set request.image=text --set capabilities.list=no',
    create: '-d 4 --size 832x480',
  },
  {
    name: 'aimock',
    title: 'aimock',
    keyVariable: null,
    advice: 'a test double that replies from its fixtures',
    missing: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'characters'],
    limits: ['realistic progress: a job is finished immediately, or never'],
    add: '--base-url http://127.0.0.1:4010/v1 -m sora-2 --set capabilities.list=no',
    create: '-d 4',
  },
  {
    name: 'reseller',
    title: 'A reseller',
    keyVariable: 'RESELLER_API_KEY',
    advice: 'the video is downloaded, without the key, from the URL in its job',
    missing: ['list', 'delete', 'cancel', 'thumbnail'],
    limits: ['other limits vary: run `sora doctor --server` to see them'],
    add: '--base-url https://api.reseller.example/v1 -m sora-2-hd',
    create: '-d 10',
  },
];

export const DOCUMENTED_SERVERS: readonly DocumentedServer[] = [
  ...PRESETS.filter(({ name }) => name !== CUSTOM).map(documented),
  ...OTHERS.map((other) => ({ ...other, commands: commandsFor(other, other) })),
  ...PRESETS.filter(({ name }) => name === CUSTOM).map(documented),
];

function documented(preset: Preset): DocumentedServer {
  return { ...preset, commands: commandsFor(preset, EXAMPLES[preset.name]) };
}

function commandsFor({ name, keyVariable }: Pick<Preset, 'name' | 'keyVariable'>, example: Example | undefined) {
  const isPreset = name !== CUSTOM && PRESETS.some((preset) => preset.name === name);
  const profile = name === CUSTOM ? 'lab' : name;
  const preset = isPreset ? ` --preset ${name}` : '';
  return [
    example === undefined
      ? `sora config profile use ${name}`
      : `sora config profile add ${profile}${preset} ${example.add} --use`,
    keyVariable === null ? 'sora doctor' : `printenv ${keyVariable} | sora config key set`,
    ['sora create "A paper boat"', example?.create].filter(Boolean).join(' '),
  ];
}

const INTRO = `For each known kind of server: the three commands that set it up and create a video, and what is known not to work. \`sora
init\` asks for the same settings. If your base URL differs from that of the preset (below), pass it with \`--base-url\`. The tests
run these commands against doubles that reply as the real servers did.

Missing capabilities are settings of the profile (\`profiles.NAME.capabilities.…\`): a command that needs one ends with
\`not_supported\`, and nothing is sent. When the server can do it, run \`sora config set profiles.NAME.capabilities.list yes\`. For
any other server, \`sora doctor --server\` checks what it can do.`;

export function serversDocument(generated: string): string {
  const table = PRESETS.map(
    ({ name, baseUrl, dialect, shape, auth, format }) =>
      `| ${name} | ${baseUrl ?? '–'} | ${shape ? `${dialect}, shape ${shape}` : dialect} | ${auth} | ${describeFormat(format)} |`,
  );
  return [
    `# Servers\n\n${generated}\n\n${INTRO}\n`,
    '| preset | base URL | dialect | key | creates |\n|---|---|---|---|---|',
    ...table,
    '',
    ...DOCUMENTED_SERVERS.map(section),
    measuredSection(),
  ].join('\n');
}

/** The latest results of `npm run test:servers`. */
function measuredSection(): string {
  const { date, servers, clients } = readResults();
  return [
    '## Measured\n',
    `\`npm run test:servers\` starts these servers from their published packages, on loopback, and runs \`sora\` against them; last on ${date}.`,
    'LiteLLM runs in front of `sora serve`; SGLang and vLLM-Omni are their real routes on an engine that returns a clip; Prism and',
    'Steady reply from OpenAI’s OpenAPI document. `cannot`: refused before paying. `fails`: the server cannot do it, and `sora`',
    'reports that. `skipped`: it could not be tested.\n',
    markdownTable('operation', servers),
    '\nThird-party clients against `sora serve`:\n',
    markdownTable('call', clients),
    '',
  ].join('\n');
}

function describeFormat(format: Preset['format']): string {
  const facts = Object.entries(settingsOfFormat(format)).map(([name, value]) => `\`${name}=${value}\``);
  return facts.length === 0 ? 'default encoding' : facts.join(', ');
}

function section({ title, commands, advice, missing, limits }: DocumentedServer): string {
  const cannot = inWords(missing.map((capability) => CAPABILITIES[capability]));
  const known = [...(cannot === '' ? [] : [`it cannot ${cannot}`]), ...limits].map((limit) => `- ${limit}\n`).join('');
  return [
    `## ${title}\n`,
    `${advice[0]?.toUpperCase()}${advice.slice(1)}.\n`,
    `\`\`\`sh\n${commands.join('\n')}\n\`\`\`\n`,
    ...(known === '' ? [] : [`Known not to work:\n\n${known}`]),
  ].join('\n');
}
