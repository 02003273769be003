import type { Capability } from './capabilities.ts';
import { type RequestFormat, settingsOfFormat } from './request-format.ts';

/** A kind of server: the initial settings of its profiles, and what is known about it. */
export interface Preset {
  readonly name: string;
  /** The product's name. */
  readonly title: string;
  /** The usual base URL, with RESOURCE as a placeholder; null if there is none. */
  readonly baseUrl: string | null;
  readonly dialect: 'videos' | 'generations' | 'openrouter';
  /** The shape of a create in dialect `generations`. */
  readonly shape?: 'guide' | 'new-api';
  readonly auth: 'bearer' | 'api-key' | 'none';
  /** The environment variable that usually holds the key; null if it usually needs none. */
  readonly keyVariable: string | null;
  /** Its format of creates, if not the usual one. */
  readonly format: Partial<RequestFormat>;
  /** The default model; null if the server's model names are unknown. */
  readonly model: string | null;
  /** Query parameters that its list requires. */
  readonly listQuery?: Readonly<Record<string, string>>;
  /** The owner that it reports for its models, if that identifies it. */
  readonly owner?: string;
  /** Whether such a server is often the user’s own, and free. */
  readonly isOwn: boolean;
  readonly missing: readonly Capability[];
  /** Other known limitations. */
  readonly limits: readonly string[];
  /** What to know first: a phrase in lower case without a full stop. */
  readonly advice: string;
}

const USUAL = {
  baseUrl: null,
  dialect: 'videos',
  auth: 'bearer',
  keyVariable: null,
  format: {},
  model: null,
  isOwn: true,
  missing: [],
  limits: [],
} as const;

export const PRESETS: readonly Preset[] = [
  {
    ...USUAL,
    name: 'openai',
    title: 'OpenAI',
    baseUrl: 'https://api.openai.com/v1',
    keyVariable: 'OPENAI_API_KEY',
    isOwn: false,
    model: 'sora-2',
    limits: ['the whole service was shut down on 2026-09-24', 'deleting a running job may not stop it'],
    advice: 'OpenAI shut down its Videos API on 2026-09-24; the other servers here offer the same API',
  },
  {
    ...USUAL,
    name: 'azure',
    title: 'Azure',
    baseUrl: 'https://RESOURCE.openai.azure.com/openai/v1',
    auth: 'api-key',
    keyVariable: 'AZURE_OPENAI_API_KEY',
    isOwn: false,
    missing: ['characters', 'edit', 'extend'],
    limits: [
      'Azure retired the two versions of sora-2 on 2026-07-15 and 2026-09-15',
      'only 720p, lengths of 4, 8 and 12 s, and 2 creates per minute',
    ],
    advice: 'the model is the name of your deployment',
  },
  {
    ...USUAL,
    name: 'litellm',
    title: 'LiteLLM proxy',
    baseUrl: 'http://127.0.0.1:4000/v1',
    keyVariable: 'LITELLM_API_KEY',
    listQuery: { custom_llm_provider: 'openai' },
    missing: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'image_url'],
    limits: [
      'the proxy lists the videos of one provider (`list_query.custom_llm_provider`) at the provider’s own URL, never at the `api_base` of a model; `sora list` shows the local ledger',
      'it creates characters at the provider’s own URL, too; a create passes on the ids of existing ones',
      'the URL of an image is not passed on to provider `openai`: give the file, or allow it with `capabilities.image_url` for another provider',
    ],
    advice: 'the model is a model name from the proxy’s configuration',
  },
  {
    ...USUAL,
    name: 'vllm-omni',
    title: 'vLLM-Omni',
    baseUrl: 'http://127.0.0.1:8000/v1',
    format: {
      body: 'multipart',
      image: 'json',
      imageField: 'image_reference',
      referenceField: 'input_references',
      videoField: 'video_reference',
      audioField: 'audio_reference',
    },
    missing: ['thumbnail', 'spritesheet', 'characters', 'remix', 'edit', 'extend'],
    limits: ['it does not accept JSON creates; its preset sends multipart forms'],
    advice: 'any size and length; `--param` also sets num_inference_steps, seed, guidance_scale and negative_prompt',
  },
  {
    ...USUAL,
    name: 'sglang',
    title: 'SGLang Diffusion',
    owner: 'sglang',
    baseUrl: 'http://127.0.0.1:30000/v1',
    format: { image: 'text', imageField: 'reference_url', videoField: 'video_reference' },
    missing: ['cancel', 'thumbnail', 'spritesheet', 'characters', 'remix', 'edit', 'extend'],
    limits: ['deleting a running job only forgets it: the rendering continues'],
    advice: 'a server has one model: the one it was started with',
  },
  {
    ...USUAL,
    name: 'new-api',
    title: 'New API',
    baseUrl: 'http://127.0.0.1:3000/v1',
    dialect: 'generations',
    shape: 'new-api',
    format: { extras: 'metadata' },
    keyVariable: 'NEW_API_KEY',
    missing: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'characters'],
    advice:
      '`sora list` shows the local ledger; the server also offers /v1/videos: run `sora config set profiles.NAME.dialect videos` to use it',
  },
  {
    ...USUAL,
    name: 'openrouter',
    title: 'OpenRouter',
    baseUrl: 'https://openrouter.ai/api/v1',
    dialect: 'openrouter',
    keyVariable: 'OPENROUTER_API_KEY',
    isOwn: false,
    missing: ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'characters'],
    advice:
      '`sora models` shows its models with lengths, sizes and prices, which estimates and caps use; `sora list` shows the local ledger',
  },
  {
    ...USUAL,
    name: 'bifrost',
    title: 'Bifrost',
    baseUrl: 'http://127.0.0.1:8080/v1',
    format: { body: 'json', image: 'text', videoField: 'video_uri' },
    missing: ['characters', 'extend'],
    limits: ['`list` needs `list_query.provider`, the provider whose videos to list'],
    advice: 'the model is `provider/model`, such as openai/sora-2',
  },
  {
    ...USUAL,
    name: 'qvac',
    title: 'QVAC',
    baseUrl: 'http://127.0.0.1:11434/v1',
    missing: ['thumbnail'],
    limits: [
      'interrupted downloads restart from the beginning',
      'some models return AVI instead of MP4; the file gets the right extension',
    ],
    advice: 'a model is required: an alias from the server’s configuration',
  },
  {
    ...USUAL,
    name: 'simulator',
    title: 'The simulator',
    format: { callbackField: 'callback_url' },
    auth: 'none',
    model: 'sora-2',
    advice: 'built in, free and offline; set a base URL only to use one that `sora serve` runs',
  },
  {
    ...USUAL,
    name: 'custom',
    title: 'Any other server',
    advice: 'run `sora doctor --server` to see what it supports',
  },
];

export const PRESET_NAMES = PRESETS.map(({ name }) => name);

/** The preset of a server that reports this owner of its models. */
export function presetOfOwner(owner: string | null): Preset | undefined {
  return owner === null ? undefined : PRESETS.find((preset) => preset.owner === owner);
}

export function findPreset(name: string): Preset | undefined {
  return PRESETS.find((preset) => preset.name === name);
}

/** The settings of a preset, by the last parts of their names; defaults are left out. */
export function settingsOfPreset({
  dialect,
  shape,
  auth,
  format,
  model,
  listQuery = {},
  missing,
}: Preset): Record<string, string> {
  return {
    ...(dialect === 'videos' ? {} : { dialect }),
    ...(shape === undefined ? {} : { shape }),
    ...(auth === 'bearer' ? {} : { auth }),
    ...settingsOfFormat(format),
    ...(model === null ? {} : { model }),
    ...Object.fromEntries(Object.entries(listQuery).map(([name, value]) => [`list_query.${name}`, value])),
    ...Object.fromEntries(missing.map((capability) => [`capabilities.${capability}`, 'no'])),
  };
}

/** Whether a base URL still contains the preset's placeholder. */
export function isUnfilled(baseUrl: string): boolean {
  return baseUrl.includes('RESOURCE');
}
