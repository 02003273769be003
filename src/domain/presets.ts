import type { Capability } from './capabilities.ts';

/** A kind of server: what a profile for it begins with, and what is known of it. */
export interface Preset {
  readonly name: string;
  /** As its makers write it. */
  readonly title: string;
  /** Where it usually is, with RESOURCE in the place of a name of the user's; null where nobody can say. */
  readonly baseUrl: string | null;
  readonly dialect: 'videos' | 'generations' | 'openrouter';
  /** How dialect `generations` words a create. */
  readonly shape?: 'guide' | 'new-api';
  readonly auth: 'bearer' | 'api-key' | 'none';
  /** The variable that usually holds its key; null where it usually needs none. */
  readonly keyVariable: string | null;
  readonly encoding: 'auto' | 'json' | 'multipart';
  /** Taken when nobody names one; null where the server’s own names are not known. */
  readonly model: string | null;
  readonly lacks: readonly Capability[];
  /** What else is known not to work, or to be otherwise. */
  readonly limits: readonly string[];
  /** What one has to know first. */
  readonly advice: string;
}

const USUAL = { dialect: 'videos', auth: 'bearer', encoding: 'auto', model: null, lacks: [], limits: [] } as const;

export const PRESETS: readonly Preset[] = [
  {
    ...USUAL,
    name: 'openai',
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
    model: 'sora-2',
    limits: ['the whole service: it ended on 2026-09-24', 'a running job may not be stopped by deleting it'],
    advice: 'OpenAI shut its Videos API down on 2026-09-24; any other server here speaks the same format',
  },
  {
    ...USUAL,
    name: 'azure',
    title: 'Azure',
    baseUrl: 'https://RESOURCE.openai.azure.com/openai/v1',
    auth: 'api-key',
    keyVariable: 'AZURE_OPENAI_API_KEY',
    lacks: ['characters'],
    limits: [
      'sora-2: Azure retired it on 2026-07-15 and 2026-09-15',
      'other sizes than 720p, other lengths than 4, 8 and 12 s, and more than 2 creates a minute',
    ],
    advice: 'the model is the name of your deployment',
  },
  {
    ...USUAL,
    name: 'litellm',
    title: 'LiteLLM proxy',
    baseUrl: 'http://127.0.0.1:4000/v1',
    keyVariable: 'LITELLM_API_KEY',
    lacks: ['delete', 'cancel'],
    limits: ['`list` without `query.custom_llm_provider`, which names the provider whose videos are listed'],
    advice: 'the model is a name of the proxy’s own configuration',
  },
  {
    ...USUAL,
    name: 'vllm-omni',
    title: 'vLLM-Omni',
    baseUrl: 'http://127.0.0.1:8000/v1',
    keyVariable: null,
    encoding: 'multipart',
    limits: ['creates as JSON: it reads forms only, and gets them'],
    advice:
      'takes any size and length, and more with `--param`: num_inference_steps, seed, guidance_scale, negative_prompt',
  },
  {
    ...USUAL,
    name: 'sglang',
    title: 'SGLang Diffusion',
    baseUrl: 'http://127.0.0.1:30000/v1',
    keyVariable: null,
    lacks: ['cancel'],
    limits: ['deleting a running job: it is forgotten, and the work goes on'],
    advice: 'one model a server: the one that it was started with',
  },
  {
    ...USUAL,
    name: 'new-api',
    title: 'New API',
    baseUrl: 'http://127.0.0.1:3000/v1',
    dialect: 'generations',
    shape: 'new-api',
    keyVariable: 'NEW_API_KEY',
    lacks: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'characters'],
    advice:
      'its list is the local ledger; it also answers below /v1/videos: run `sora config set profiles.NAME.dialect videos` for that',
  },
  {
    ...USUAL,
    name: 'openrouter',
    title: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    dialect: 'openrouter',
    keyVariable: 'OPENROUTER_API_KEY',
    lacks: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'characters'],
    advice: 'its list is the local ledger; it tells the real price of each job',
  },
  {
    ...USUAL,
    name: 'qvac',
    title: 'QVAC',
    baseUrl: 'http://127.0.0.1:11434/v1',
    keyVariable: null,
    lacks: ['thumbnail'],
    limits: [
      'resuming a cut download: it starts anew',
      'MP4, with some models: the file may be an AVI, and is named so',
    ],
    advice: 'a model is mandatory: an alias of its own configuration',
  },
  {
    ...USUAL,
    name: 'simulator',
    title: 'The simulator',
    baseUrl: null,
    auth: 'none',
    keyVariable: null,
    model: 'sora-2',
    advice: 'built in, free and offline; a base URL is only for one that `sora serve` runs',
  },
  {
    ...USUAL,
    name: 'custom',
    title: 'Any other server',
    baseUrl: null,
    keyVariable: null,
    advice: 'run `sora doctor --server` to see what it can do',
  },
];

export const PRESET_NAMES = PRESETS.map(({ name }) => name);

export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}

/** The settings of a profile for such a server, by the last part of their names; what is the default anyway is left out. */
export function settingsOfPreset(preset: Preset): Record<string, string> {
  const { baseUrl, dialect, shape, auth, encoding, model, lacks } = preset;
  return {
    ...(baseUrl === null ? {} : { base_url: baseUrl }),
    ...(dialect === 'videos' ? {} : { dialect }),
    ...(shape === undefined ? {} : { shape }),
    ...(auth === 'bearer' ? {} : { auth }),
    ...(encoding === 'auto' ? {} : { encoding }),
    ...(model === null ? {} : { model }),
    ...Object.fromEntries(lacks.map((capability) => [`capabilities.${capability}`, 'no'])),
  };
}

/** Whether an address still has the word of its template in the place of a name. */
export function isUnfilled(baseUrl: string): boolean {
  return baseUrl.includes('RESOURCE');
}
