import { type JsonValue, parseJson } from './json.ts';
import {
  ASPECT_RATIOS,
  DEFAULT_MODEL,
  findModel,
  genericSize,
  type ModelCapabilities,
  ORIENTATION_OF_RATIO,
  ORIENTATIONS,
  type Orientation,
  RESOLUTIONS,
} from './models.ts';
import type { ReferenceImage, VideoRequest } from './video.ts';

const MAX_PROMPT_CHARACTERS = 32_000;
const DEFAULT_SECONDS = 4;
const DEFAULT_RESOLUTION = '720p';

/** What a person asked for: texts as they were typed, nothing checked. */
export interface RequestInput {
  readonly prompt: string;
  readonly duration?: string | undefined;
  readonly model?: string | undefined;
  readonly resolution?: string | undefined;
  readonly aspectRatio?: string | undefined;
  readonly orientation?: string | undefined;
  readonly size?: string | undefined;
  readonly quality?: string | undefined;
  readonly characters?: readonly string[] | undefined;
  /** `key=value`. */
  readonly params?: readonly string[] | undefined;
  /** Refuse a length that the model does not render, instead of taking the nearest. */
  readonly exact?: boolean | undefined;
  readonly image?: { readonly reference: ReferenceImage; readonly size: string | null } | undefined;
}

export interface ResolvedRequest {
  readonly request: VideoRequest;
  /** The length as it was asked for, when the one to be rendered differs. */
  readonly askedSeconds: number | null;
  /** What was changed or assumed, for the person to know. */
  readonly notes: readonly string[];
}

export type RequestResolution = { readonly ok: true; readonly value: ResolvedRequest } | RefusedRequest;

export interface RefusedRequest {
  readonly ok: false;
  /** Every fault of the request, at once. */
  readonly violations: readonly string[];
  /** Set when the reference image's size is the only fault. */
  readonly wrongImageSize: boolean;
}

/** Collects faults and notes while the parts of a request are resolved side by side. */
class Findings {
  readonly violations: string[] = [];
  readonly notes: string[] = [];
}

/**
 * Turns what was asked for into the request that will be sent. Known models have
 * their limits checked here, before money is spent; for a model that is not known,
 * what was not given is not sent, and what was given goes as it is.
 */
export function resolveRequest(input: RequestInput): RequestResolution {
  const findings = new Findings();
  const model = resolveModel(input, findings);
  const known = findModel(model);
  checkPrompt(input.prompt, findings);
  const asked = parseDuration(input.duration, findings);
  const seconds = resolveSeconds(asked, known, input.exact ?? false, findings);
  const size = resolveSize(input, known, findings);
  const quality = resolveQuality(input.quality, known, findings);
  const characters = resolveCharacters(input.characters ?? [], known, findings);
  const params = parseParams(input.params ?? [], findings);
  const faultsBeforeImage = findings.violations.length;
  checkImage(input.image, size, known, findings);

  if (findings.violations.length > 0) {
    return { ok: false, violations: findings.violations, wrongImageSize: faultsBeforeImage === 0 };
  }
  const image = input.image?.reference ?? null;
  return {
    ok: true,
    value: {
      request: { prompt: input.prompt, model, seconds, size, image, characters, quality, params },
      askedSeconds: asked !== null && asked !== seconds ? asked : null,
      notes: findings.notes,
    },
  };
}

function resolveModel({ model }: RequestInput, findings: Findings): string {
  if (model === undefined) return DEFAULT_MODEL;
  if (model.trim() === '') findings.violations.push('the model’s name is empty');
  return model.trim();
}

function checkPrompt(prompt: string, { violations }: Findings): void {
  if (prompt.trim() === '') {
    violations.push('the prompt is empty');
    return;
  }
  // Control characters other than white space, and U+FFFD (what undecodable bytes turn into), are no text.
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.test(prompt)) {
    violations.push('the prompt holds binary data, not text');
  }
  const characters = [...prompt].length;
  if (characters > MAX_PROMPT_CHARACTERS) {
    violations.push(`the prompt has ${characters} characters, the limit is ${MAX_PROMPT_CHARACTERS}`);
  }
}

function parseDuration(text: string | undefined, { violations }: Findings): number | null {
  if (text === undefined) return null;
  const seconds = /^\d+(\.\d+)?s?$/.test(text.trim()) ? Number.parseFloat(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= 86_400)) {
    violations.push(`the duration \`${text}\` is not a number of seconds above 0`);
    return null;
  }
  return seconds;
}

function resolveSeconds(
  asked: number | null,
  known: ModelCapabilities | undefined,
  exact: boolean,
  { violations, notes }: Findings,
): number | null {
  if (known === undefined) return asked;
  if (asked === null) return DEFAULT_SECONDS;
  if (known.seconds.includes(asked)) return asked;
  const choices = `${known.name} renders ${inWords(known.seconds.map(String))} seconds`;
  if (exact) {
    violations.push(`${choices}, not ${asked}, and \`--exact\` was given`);
    return null;
  }
  const nearest = nearestOf(known.seconds, asked);
  notes.push(`${choices}: taking ${nearest} instead of ${asked} (\`--exact\` refuses instead)`);
  return nearest;
}

/** The nearest of ascending choices; a tie goes to the shorter, which is the cheaper. */
export function nearestOf(choices: readonly number[], asked: number): number {
  return choices.reduce((best, choice) => (Math.abs(choice - asked) < Math.abs(best - asked) ? choice : best));
}

function resolveSize(input: RequestInput, known: ModelCapabilities | undefined, findings: Findings): string | null {
  const { violations } = findings;
  const resolution = oneOf(RESOLUTIONS, 'resolution', input.resolution?.toLowerCase(), findings);
  const orientation = resolveOrientation(input, findings);
  if (input.size !== undefined) {
    if (resolution !== undefined || orientation !== undefined) {
      violations.push('`--size` says all; give it without `--resolution`, `--aspect-ratio` and `--orientation`');
    }
    return checkSize(input.size.toLowerCase(), known, findings);
  }
  if (known === undefined) {
    if (resolution === undefined && orientation === undefined) return null;
    return genericSize(resolution ?? DEFAULT_RESOLUTION, orientation ?? 'landscape');
  }
  const wanted = { resolution: resolution ?? DEFAULT_RESOLUTION, orientation: orientation ?? 'landscape' };
  const match = known.sizes.find(
    (row) => row.resolution === wanted.resolution && row.orientation === wanted.orientation,
  );
  if (match === undefined) {
    violations.push(
      `${known.name} renders no ${wanted.resolution} ${wanted.orientation}; its sizes are ${sizesOf(known)}`,
    );
  }
  return match?.size ?? null;
}

function resolveOrientation(input: RequestInput, findings: Findings): Orientation | undefined {
  const ratio = oneOf(ASPECT_RATIOS, 'aspect ratio', input.aspectRatio, findings);
  const orientation = oneOf(ORIENTATIONS, 'orientation', input.orientation?.toLowerCase(), findings);
  const ofRatio = ratio === undefined ? undefined : ORIENTATION_OF_RATIO[ratio];
  if (ofRatio !== undefined && orientation !== undefined && ofRatio !== orientation) {
    findings.violations.push(`the aspect ratio ${ratio} is ${ofRatio}, but \`--orientation ${orientation}\` was given`);
  }
  return orientation ?? ofRatio;
}

function checkSize(size: string, known: ModelCapabilities | undefined, { violations }: Findings): string | null {
  const pixels = /^(\d{1,5})x(\d{1,5})$/.exec(size);
  if (!pixels || Number(pixels[1]) === 0 || Number(pixels[2]) === 0) {
    violations.push(`the size \`${size}\` is not WIDTHxHEIGHT in pixels, such as 1280x720`);
    return null;
  }
  if (known !== undefined && !known.sizes.some((row) => row.size === size)) {
    violations.push(`${known.name} does not render ${size}; its sizes are ${sizesOf(known)}`);
  }
  return size;
}

function sizesOf(model: ModelCapabilities): string {
  return inWords(model.sizes.map(({ size, resolution }) => `${size} (${resolution})`));
}

/** The `videos` dialect has no such field; OpenAI’s two models are its two qualities. */
function resolveQuality(
  quality: string | undefined,
  known: ModelCapabilities | undefined,
  findings: Findings,
): string | null {
  const checked = oneOf(['standard', 'high'] as const, 'quality', quality?.toLowerCase(), findings) ?? null;
  if (known === undefined) return checked;
  if (checked === 'high' && known.name === 'sora-2') {
    findings.violations.push('sora-2 renders standard quality only; for high quality use `--model sora-2-pro`');
  }
  return null;
}

function resolveCharacters(
  characters: readonly string[],
  known: ModelCapabilities | undefined,
  { violations }: Findings,
): readonly string[] {
  if (characters.some((id) => id.trim() === '')) violations.push('a character’s id is empty');
  if (known !== undefined && characters.length > known.maxCharacters) {
    violations.push(`${known.name} takes at most ${known.maxCharacters} characters, ${characters.length} were given`);
  }
  return characters;
}

const STANDARD_FIELDS: Readonly<Record<string, string>> = {
  prompt: 'the prompt itself',
  model: '`--model`',
  seconds: '`--duration`',
  size: '`--size`',
  quality: '`--quality`',
  input_reference: '`--image`',
  characters: '`--character`',
};

function parseParams(texts: readonly string[], { violations }: Findings): Record<string, JsonValue> {
  const params: Record<string, JsonValue> = {};
  for (const text of texts) {
    const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      violations.push(`the parameter \`${text}\` is not of the form key=value`);
    } else if (Object.hasOwn(STANDARD_FIELDS, key)) {
      violations.push(`the parameter \`${key}\` has an option of its own: ${STANDARD_FIELDS[key]}`);
    } else if (Object.hasOwn(params, key)) {
      violations.push(`the parameter \`${key}\` is given twice`);
    } else {
      // JSON goes as what it is, everything else as a text; defined, for `__proto__` is a name like any other.
      const json = parseJson(value);
      Object.defineProperty(params, key, { value: json === undefined ? value : json, enumerable: true });
    }
  }
  return params;
}

function checkImage(
  image: RequestInput['image'],
  size: string | null,
  known: ModelCapabilities | undefined,
  { violations, notes }: Findings,
): void {
  if (image === undefined || image.size === null || size === null || image.size === size) return;
  const fault = `the reference image is ${image.size}, the video ${size}`;
  if (known === undefined) notes.push(`${fault}: some servers refuse that`);
  else violations.push(`${fault}: ${known.name} takes an image of exactly the video’s size`);
}

function oneOf<T extends string>(
  choices: readonly T[],
  name: string,
  text: string | undefined,
  { violations }: Findings,
): T | undefined {
  if (text === undefined) return undefined;
  const choice = choices.find((candidate) => candidate === text);
  if (choice === undefined) violations.push(`the ${name} \`${text}\` is not one of ${inWords(choices)}`);
  return choice;
}

/** `a, b or c`. */
function inWords(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}
