import { isJsonObject, type JsonValue } from './json.ts';

/** How the fields of `--param` change a price. */
export interface ParamCharge {
  /** The maximum number of videos from one create; null if unknown. */
  readonly videos: number | null;
  /** The fields that request more than one video. */
  readonly multipliers: readonly string[];
  /** Fields that change the length or the size. */
  readonly lengths: readonly string[];
  /** Fields that change the model. */
  readonly models: readonly string[];
  /** Fields that may change the price in another way, or whose number may be a factor. */
  readonly others: readonly string[];
}

const MULTIPLIERS = namesOf(`n num nums count samples outputs variants variations results repeat repeats quantity
  batch batch_size num_outputs num_videos num_images num_samples num_variants num_variations num_generations num_results
  num_videos_per_prompt num_images_per_prompt num_outputs_per_prompt number_of_videos number_of_outputs
  number_of_samples number_results n_variants n_samples n_videos sample_count video_count output_count`);
/** Lists that may request a video for each item. */
const LISTS = namesOf('prompts requests videos shots scenes');
const LENGTHS = namesOf(`seconds duration duration_seconds length video_length video_duration n_seconds num_seconds
  frames num_frames n_frames frame_count number_of_frames
  size width height resolution video_size output_size dimensions`);
const MODELS = namesOf('model model_name model_id model_version');
const SURCHARGES = namesOf(`fps frame_rate framerate frames_per_second output_fps service_tier tier priority speed mode
  audio with_audio generate_audio enable_audio sound upscale upscale_factor hd high_quality`);
/** Numbers that change how a video looks, not what it costs. */
const HARMLESS = namesOf(`seed random_seed noise_seed steps num_inference_steps inference_steps sample_steps
  guidance guidance_scale guidance_scale_2 cfg cfg_scale shift flow_shift sample_shift strength denoising_strength motion motion_strength
  motion_bucket_id temperature top_k top_p clip_skip max_sequence_length user user_id`);

/** No server reads fields nested deeper than this. */
const MAX_DEPTH = 8;
const MAX_VIDEOS = 1_000_000;

function namesOf(words: string): ReadonlySet<string> {
  return new Set(words.split(/\s+/).map(plainName));
}

/** `numOutputs` and `num-outputs` as `num_outputs`: some servers accept either. */
function plainName(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '');
}

/** Finds these fields at any depth: some servers read them from `metadata` or `extra_body`. */
export function chargeOfParams(params: Readonly<Record<string, JsonValue>>): ParamCharge {
  let videos: number | null = 1;
  const multipliers: string[] = [];
  const lengths: string[] = [];
  const models: string[] = [];
  const others: string[] = [];
  for (const [name, value] of fieldsWithin(params, MAX_DEPTH)) {
    const plain = plainName(name);
    if (LENGTHS.has(plain)) lengths.push(name);
    if (MODELS.has(plain)) models.push(name);
    const items = LISTS.has(plain) && Array.isArray(value) ? Math.max(value.length, 1) : null;
    if (items === null && !MULTIPLIERS.has(plain)) {
      const isKnown = [LENGTHS, MODELS, HARMLESS].some((names) => names.has(plain));
      if (SURCHARGES.has(plain) ? value !== false : !isKnown && mayBeFactor(value)) others.push(name);
      continue;
    }
    const count = items ?? countOf(value);
    if (count !== 1) multipliers.push(name);
    // A server may read only one of several such fields; their product is the maximum.
    videos = videos === null || count === null || videos * count > MAX_VIDEOS ? null : videos * count;
  }
  return { videos, multipliers, lengths, models, others };
}

function* fieldsWithin(value: JsonValue, depth: number): Generator<[name: string, value: JsonValue]> {
  if (depth === 0 || typeof value !== 'object' || value === null) return;
  if (isJsonObject(value)) yield* Object.entries(value);
  for (const inner of Object.values(value)) yield* fieldsWithin(inner, depth - 1);
}

/** A count, as a number or text; null for anything else. */
function countOf(value: JsonValue): number | null {
  const count = typeof value === 'string' && /^\d{1,7}$/.test(value.trim()) ? Number(value) : value;
  return typeof count === 'number' && Number.isInteger(count) && count >= 1 ? count : null;
}

/** An unknown field with a whole number above 1 may request that many videos. */
function mayBeFactor(value: JsonValue): boolean {
  const isNumber = typeof value === 'number' || typeof value === 'string';
  return isNumber && (countOf(value) ?? 1) > 1;
}

/** Explains a price for several videos; null for one. */
export function describeMultipliers({ videos, multipliers }: ParamCharge): string | null {
  if (videos === null || videos === 1) return null;
  return `${inTicks(multipliers)}: the server may make ${videos} videos, and the price is for all of them`;
}

/** Why these fields make the price unknown; null if they do not. */
export function describeUnpriced({ videos, multipliers, lengths, models, others }: ParamCharge): string | null {
  const names = [...models, ...lengths, ...others, ...(videos === null ? multipliers : [])];
  return names.length === 0 ? null : `the price is unknown: ${inTicks(names)} may change the result`;
}

function inTicks(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}
