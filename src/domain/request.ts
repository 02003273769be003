import { DIALECTS, type Dialect, type DialectRules } from './dialect.ts';
import { type JsonValue, parseJson } from './json.ts';
import { findListed, type ListedModel } from './listed-model.ts';
import {
  ASPECT_RATIOS,
  type AspectRatio,
  DEFAULT_MODEL,
  findModel,
  genericSize,
  knownModels,
  MAX_EXTENDED_SECONDS,
  MAX_EXTENSIONS,
  type ModelCapabilities,
  ORIENTATION_OF_RATIO,
  ORIENTATIONS,
  RATIO_OF_ORIENTATION,
  RESOLUTIONS,
  type Resolution,
  sizeInWords,
} from './models.ts';
import { chargeOfParams, describeMultipliers } from './priced-params.ts';
import type { PricedRequest } from './pricing.ts';
import { missingFor, missingReferences, type ServerCapabilities } from './request-gate.ts';
import type { Derivation, Reference, ReferenceImage, RequestSource, Variant, VideoRequest } from './video.ts';

const MAX_PROMPT_CHARACTERS = 32_000;
const DEFAULT_SECONDS = 4;
const DEFAULT_RESOLUTION = '720p';
const DEFAULT_RATIO = '16:9';

/** A request as typed by the user: unchecked text. */
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
  /** Refuse a length that the model does not render instead of taking the nearest one. */
  readonly exact?: boolean | undefined;
  readonly image?:
    | { readonly reference: ReferenceImage; readonly size: string | null; readonly isTurned?: boolean }
    | undefined;
  /** The files to save; only the video when left out. */
  readonly variants?: readonly Variant[] | undefined;
  readonly references?: readonly Reference[] | undefined;
}

export interface ResolvedRequest {
  readonly request: VideoRequest;
  /** The requested length, if a different one will be rendered. */
  readonly askedSeconds: number | null;
  /** For the user: what was changed or assumed. */
  readonly notes: readonly string[];
}

export type RequestResolution = { readonly ok: true; readonly value: ResolvedRequest } | RefusedRequest;

export interface RefusedRequest {
  readonly ok: false;
  /** All problems of the request. */
  readonly violations: readonly string[];
  /** True if the size of the reference image is the only problem. */
  readonly wrongImageSize: boolean;
}

/** Collects problems and notes while the parts of a request are resolved. */
class Findings {
  readonly violations: string[] = [];
  readonly notes: string[] = [];
}

/** What is asked for beyond this is a mistake, and not rounded. */
const MOST_OVER_LONGEST = 1.5;

/** The server and model a request is resolved for. */
interface Target {
  readonly dialect: Dialect;
  readonly rules: DialectRules;
  /** What is known about the model. */
  readonly known: ModelCapabilities | undefined;
  /** The same, if the request must stay within the model's limits. */
  readonly limits: ModelCapabilities | undefined;
  /** What the server's own list says about the model. */
  readonly listed: ListedModel | undefined;
  /** Whether length and frame have defaults; otherwise the server chooses what was not asked for. */
  readonly hasDefaults: boolean;
}

/**
 * Turns user input into the request that will be sent. The limits of known models are checked here, before money is
 * spent. For an unknown model, and on servers without OpenAI’s models, only what was given is sent. An option for which the dialect has no field is
 * a violation; it is never silently dropped.
 */
export function resolveRequest(input: RequestInput, server: ServerCapabilities): RequestResolution {
  const findings = new Findings();
  const model = resolveModel(input, server, findings);
  const target = targetOf(model, server);
  findings.violations.push(...missingFor(input, server));
  checkPrompt(input.prompt, findings);
  const asked = parseDuration(input.duration, findings);
  const seconds = resolveSeconds(asked, target, input.exact ?? false, findings);
  const frame = resolveFrame(input, target, findings);
  const quality = resolveQuality(input.quality, target, findings);
  const characters = resolveCharacters(input.characters ?? [], target, findings);
  const image = input.image?.reference ?? null;
  const { references = [] } = input;
  findings.violations.push(...missingReferences(references, server));
  const guides = references.length > 0 ? { references } : {};
  const request = { prompt: input.prompt, model, seconds, ...frame, image, ...guides, characters, quality };
  const params = parseParams(input.params ?? [], target.dialect, request, findings);
  checkPricedParams(params, target, findings);
  checkImageKind(input.image, target, server, findings);
  checkListed({ ...frame, image, references }, target, findings);
  const otherViolations = findings.violations.length;
  checkImageSize(input.image, frame.size, target, findings);

  if (findings.violations.length > 0) {
    return { ok: false, violations: findings.violations, wrongImageSize: otherViolations === 0 };
  }
  return {
    ok: true,
    value: {
      request: { ...request, params },
      askedSeconds: asked !== null && asked !== seconds ? asked : null,
      notes: findings.notes,
    },
  };
}

/** A request for a video from an existing one, as typed by the user. */
export interface DerivedInput extends Pick<RequestInput, 'prompt' | 'duration' | 'params' | 'exact' | 'variants'> {
  readonly source: RequestSource;
  readonly facts: SourceFacts;
}

/** What is known about an existing video. */
export interface SourceFacts {
  readonly model: string | null;
  readonly seconds: number | null;
  readonly size: string | null;
  /** How often it was extended, as far as known. */
  readonly extensions?: number;
}

/** What the price of a video from an existing one depends on: an extension costs the seconds that it adds. */
export function pricedFrom(
  { seconds, params, source }: VideoRequest,
  facts: SourceFacts,
  operation = source?.operation,
): PricedRequest {
  const { model, size } = facts;
  return { model, size, seconds: operation === 'extend' ? seconds : facts.seconds, params };
}

/** What is known in advance about a video from an existing one. */
export function factsFrom(
  operation: Derivation,
  { seconds: added }: Pick<VideoRequest, 'seconds'>,
  { model, size, seconds, extensions = 0 }: SourceFacts,
): SourceFacts {
  if (operation !== 'extend') return { model, size, seconds };
  const total = added === null || seconds === null ? null : seconds + added;
  return { model, size, seconds: total, extensions: extensions + 1 };
}

/** The same for a video from an existing one, which determines model and size, and unless it is extended the length. */
export function resolveDerivedRequest(input: DerivedInput, server: ServerCapabilities): RequestResolution {
  const findings = new Findings();
  const { prompt, source, facts, variants } = input;
  const { operation } = source;
  const target = targetOf(facts.model, server);
  findings.violations.push(...missingFor({ variants, operation }, server));
  checkPrompt(prompt, findings);
  const asked = operation === 'extend' ? (parseDuration(input.duration, findings) ?? DEFAULT_SECONDS) : null;
  const seconds = asked === null ? null : resolveSeconds(asked, target, input.exact ?? false, findings);
  if (operation === 'extend') checkExtendedLength(seconds, facts, target, findings);
  const request = { prompt, model: null, seconds, size: null, image: null, characters: [], quality: null, source };
  const params = parseParams(input.params ?? [], target.dialect, request, findings);
  checkPricedParams(params, target, findings);
  if (Object.hasOwn(params, 'video')) findings.violations.push('the parameter `video` is the first argument');
  if (findings.violations.length > 0) return { ok: false, violations: findings.violations, wrongImageSize: false };
  return {
    ok: true,
    value: {
      request: { ...request, params },
      askedSeconds: asked === seconds ? null : asked,
      notes: findings.notes,
    },
  };
}

function checkExtendedLength(
  added: number | null,
  { seconds, extensions = 0 }: SourceFacts,
  { limits }: Target,
  { violations }: Findings,
): void {
  if (added === null || limits === undefined) return;
  const { name } = limits;
  if (extensions >= MAX_EXTENSIONS)
    violations.push(
      `the video was extended ${extensions} times; ${name} extends a video at most ${MAX_EXTENSIONS} times`,
    );
  if (seconds !== null && seconds + added > MAX_EXTENDED_SECONDS)
    violations.push(
      `the extended video would have ${seconds + added} seconds; ${name} extends a video to at most ${MAX_EXTENDED_SECONDS}`,
    );
}

/** The limits of a model on a server; undefined where none are known. */
export function limitsOf(model: string | null, server: ServerCapabilities): ModelCapabilities | undefined {
  return targetOf(model, server).limits;
}

function targetOf(model: string | null, { dialect, servesOpenAiModels, modelList = null }: ServerCapabilities): Target {
  const known = model === null ? undefined : findModel(model);
  const rules = DIALECTS[dialect];
  const hasDefaults = servesOpenAiModels && known !== undefined;
  const limits = rules.enforcesModel ? known : undefined;
  return { dialect, rules, known, hasDefaults, limits, listed: findListed(modelList, model) };
}

/** Elsewhere a model may have any name; on OpenAI and the simulator, capitals are a slip. */
function resolveModel({ model }: RequestInput, server: ServerCapabilities, findings: Findings): string | null {
  if (model === undefined) return server.servesOpenAiModels ? DEFAULT_MODEL : null;
  if (model.trim() === '') findings.violations.push('the model name is empty');
  const name = model.trim();
  const names = knownModels().flatMap((known) => [known.name, ...known.snapshots]);
  if (!server.servesOpenAiModels) return name;
  const respelled = names.find((known) => known.toLowerCase() === name.toLowerCase());
  if (respelled !== undefined && respelled !== name)
    findings.notes.push(`using the model ${respelled} for \`${name}\``);
  return respelled ?? name;
}

function checkPrompt(prompt: string, { violations }: Findings): void {
  if (prompt.trim() === '') {
    violations.push('the prompt is empty');
    return;
  }
  // Control characters except white space, and U+FFFD, which replaces undecodable bytes.
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.test(prompt)) {
    violations.push('the prompt contains binary data');
  }
  if (prompt.length <= MAX_PROMPT_CHARACTERS) return;
  const characters = [...prompt].length;
  if (characters > MAX_PROMPT_CHARACTERS) {
    violations.push(`the prompt has ${characters} characters; the limit is ${MAX_PROMPT_CHARACTERS}`);
  }
}

function parseDuration(text: string | undefined, { violations }: Findings): number | null {
  if (text === undefined) return null;
  const seconds = /^\d+(\.\d+)?s?$/.test(text.trim()) ? Number.parseFloat(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= 86_400)) {
    violations.push(`the duration \`${text}\` is not a positive number of seconds`);
    return null;
  }
  return seconds;
}

function resolveSeconds(
  asked: number | null,
  { rules, hasDefaults, limits, listed }: Target,
  exact: boolean,
  { violations, notes }: Findings,
): number | null {
  if (asked === null) return hasDefaults ? DEFAULT_SECONDS : null;
  const lengths = limits?.seconds ?? listed?.seconds ?? null;
  if (lengths === null || lengths.includes(asked)) {
    if (rules.wholeSeconds && !Number.isInteger(asked)) {
      violations.push(`${rules.label} accepts whole seconds, not ${asked}`);
    }
    return asked;
  }
  const choices = `${limits?.name ?? listed?.id} renders ${inWords(lengths.map(String))} seconds`;
  if (exact) {
    violations.push(`${choices}, not ${asked}, and \`--exact\` forbids rounding`);
    return null;
  }
  const longest = Math.max(...lengths);
  if (asked > longest * MOST_OVER_LONGEST) {
    violations.push(`${choices}, and ${asked} is far more: use \`--duration ${longest}\` or create several videos`);
    return null;
  }
  const nearest = nearestOf(lengths, asked);
  notes.push(`${choices}: using ${nearest} instead of ${asked} (\`--exact\` refuses instead)`);
  return nearest;
}

/** The nearest of ascending choices; a tie goes to the shorter, cheaper one. */
export function nearestOf(choices: readonly number[], asked: number): number {
  return choices.reduce((best, choice) => (Math.abs(choice - asked) < Math.abs(best - asked) ? choice : best));
}

/** The parts of a frame that were given as names. */
interface FrameWords {
  readonly resolution: Resolution | undefined;
  readonly aspectRatio: AspectRatio | undefined;
}

function resolveFrame(input: RequestInput, target: Target, findings: Findings): Pick<VideoRequest, 'size' | 'frame'> {
  const words = readFrameWords(input, findings);
  const { rules, hasDefaults } = target;
  const size = resolveSize(input, words, target, findings);
  if (rules.frame === 'pixels' || (rules.frame === 'either' && input.size !== undefined)) return { size };
  if (input.size !== undefined) return { size, ...frameOfSize(size, target, findings) };
  const { resolution, aspectRatio } = words;
  return hasDefaults
    ? { size, frame: { resolution: resolution ?? DEFAULT_RESOLUTION, aspectRatio: aspectRatio ?? DEFAULT_RATIO } }
    : { size: null, frame: { resolution: resolution ?? null, aspectRatio: aspectRatio ?? null } };
}

function readFrameWords(input: RequestInput, findings: Findings): FrameWords {
  const resolution = oneOf(RESOLUTIONS, 'resolution', input.resolution?.toLowerCase(), findings);
  const ratio = oneOf(ASPECT_RATIOS, 'aspect ratio', input.aspectRatio, findings);
  const orientation = oneOf(ORIENTATIONS, 'orientation', input.orientation?.toLowerCase(), findings);
  const ofRatio = ratio === undefined ? undefined : ORIENTATION_OF_RATIO[ratio];
  if (ofRatio !== undefined && orientation !== undefined && ofRatio !== orientation) {
    findings.violations.push(
      `the aspect ratio ${ratio} is ${ofRatio}, which contradicts \`--orientation ${orientation}\``,
    );
  }
  return { resolution, aspectRatio: ratio ?? (orientation && RATIO_OF_ORIENTATION[orientation]) };
}

function resolveSize(
  input: RequestInput,
  { resolution, aspectRatio }: FrameWords,
  { known, hasDefaults, limits }: Target,
  findings: Findings,
): string | null {
  const { violations } = findings;
  if (input.size !== undefined) {
    if (resolution !== undefined || aspectRatio !== undefined) {
      violations.push('`--size` cannot be combined with `--resolution`, `--aspect-ratio` or `--orientation`');
    }
    return checkSize(input.size.toLowerCase(), limits, findings);
  }
  if (!hasDefaults && resolution === undefined && aspectRatio === undefined) return null;
  const wanted = {
    resolution: resolution ?? DEFAULT_RESOLUTION,
    orientation: ORIENTATION_OF_RATIO[aspectRatio ?? DEFAULT_RATIO],
  } as const;
  const match = known?.sizes.find(
    (row) => row.resolution === wanted.resolution && row.orientation === wanted.orientation,
  );
  if (match !== undefined) return match.size;
  if (limits === undefined) return genericSize(wanted.resolution, wanted.orientation);
  violations.push(
    `${limits.name} does not render ${wanted.resolution} ${wanted.orientation}; its sizes are ${sizesOf(limits)}`,
  );
  return null;
}

/** The names of a size, for dialects that have only names. */
function frameOfSize(
  size: string | null,
  { rules, known }: Target,
  { violations }: Findings,
): Pick<VideoRequest, 'frame'> {
  if (size === null) return {};
  const words = sizeInWords(size, known);
  if (words !== undefined) {
    return { frame: { resolution: words.resolution, aspectRatio: RATIO_OF_ORIENTATION[words.orientation] } };
  }
  violations.push(
    `${rules.label} has no field for pixels; use \`--resolution\` and \`--aspect-ratio\` instead of \`--size ${size}\``,
  );
  return {};
}

function checkSize(size: string, limits: ModelCapabilities | undefined, { violations }: Findings): string | null {
  const pixels = /^(\d{1,5})x(\d{1,5})$/.exec(size);
  if (!pixels || Number(pixels[1]) === 0 || Number(pixels[2]) === 0) {
    violations.push(`the size \`${size}\` is not WIDTHxHEIGHT in pixels, for example 1280x720`);
    return null;
  }
  if (limits !== undefined && !limits.sizes.some((row) => row.size === size)) {
    violations.push(`${limits.name} does not render ${size}; its sizes are ${sizesOf(limits)}`);
  }
  return size;
}

/** What the server itself says that the model does not take. */
function checkListed(
  {
    size,
    frame,
    image,
    references,
  }: Pick<VideoRequest, 'size' | 'frame' | 'image'> & Required<Pick<VideoRequest, 'references'>>,
  { listed }: Target,
  { violations }: Findings,
): void {
  if (listed === undefined) return;
  const { id, sizes, resolutions, ratios, frames } = listed;
  const check = (what: string, value: string | null | undefined, choices: readonly string[] | null): void => {
    if (value === null || value === undefined || choices === null || choices.includes(value)) return;
    violations.push(`${id} does not render ${value}; its ${what} are ${inWords(choices)}`);
  };
  check('sizes', size, sizes);
  check('resolutions', frame?.resolution, resolutions);
  check('aspect ratios', frame?.aspectRatio, ratios);
  const last = references.some(({ role }) => role === 'last_frame');
  if (image !== null && frames?.includes('first_frame') === false) violations.push(`${id} accepts no first frame`);
  if (last && frames?.includes('last_frame') === false) violations.push(`${id} accepts no last frame`);
}

function sizesOf(model: ModelCapabilities): string {
  return inWords(model.sizes.map(({ size, resolution }) => `${size} (${resolution})`));
}

/** Only dialect `generations` has such a field; elsewhere OpenAI’s two models are its two qualities. */
function resolveQuality(quality: string | undefined, { dialect, known }: Target, findings: Findings): string | null {
  const checked = oneOf(['standard', 'high'] as const, 'quality', quality?.toLowerCase(), findings) ?? null;
  if (known === undefined || dialect === 'generations') return checked;
  if (checked === 'high' && known.name === 'sora-2') {
    findings.violations.push('sora-2 renders standard quality only; use `--model sora-2-pro` for high quality');
  }
  return null;
}

function resolveCharacters(
  characters: readonly string[],
  { limits }: Target,
  { violations }: Findings,
): readonly string[] {
  if (characters.some((id) => id.trim() === '')) violations.push('the id of a character is empty');
  if (limits !== undefined && characters.length > limits.maxCharacters) {
    violations.push(`${limits.name} accepts at most ${limits.maxCharacters} characters, not ${characters.length}`);
  }
  return characters;
}

const COMMON_FIELDS = { prompt: 'the prompt argument', model: '`--model`', quality: '`--quality`' };

/** The fields that options fill in; `--param` may not set them. */
const STANDARD_FIELDS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  videos: {
    ...COMMON_FIELDS,
    seconds: '`--duration`',
    size: '`--size`',
    input_reference: '`--image`',
    characters: '`--character`',
  },
  generations: {
    ...COMMON_FIELDS,
    duration: '`--duration`',
    resolution: '`--resolution`',
    orientation: '`--orientation`',
  },
  'new-api': { ...COMMON_FIELDS, duration: '`--duration`', size: '`--size`', image: '`--image`' },
  openrouter: {
    ...COMMON_FIELDS,
    duration: '`--duration`',
    resolution: '`--resolution`',
    aspect_ratio: '`--aspect-ratio`',
    size: '`--size`',
    frame_images: '`--image`',
  },
};

/** Whether the field of an option is sent; one that is not may mean something else to a server. */
function isSent(
  option: string,
  { model, seconds, size, frame, quality, image, characters }: Omit<VideoRequest, 'params'>,
): boolean {
  switch (option) {
    case '`--model`':
      return model !== null;
    case '`--duration`':
      return seconds !== null;
    case '`--size`':
      return size !== null;
    case '`--quality`':
      return quality !== null;
    case '`--image`':
      return image !== null;
    case '`--character`':
      return characters.length > 0;
    case '`--resolution`':
      return (frame?.resolution ?? null) !== null;
    case '`--aspect-ratio`':
    case '`--orientation`':
      return (frame?.aspectRatio ?? null) !== null;
    default:
      return true;
  }
}

function parseParams(
  texts: readonly string[],
  dialect: Dialect,
  request: Omit<VideoRequest, 'params'>,
  { violations }: Findings,
): Record<string, JsonValue> {
  const standard = STANDARD_FIELDS[dialect];
  const params: Record<string, JsonValue> = {};
  for (const text of texts) {
    const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
    if (key === undefined || value === undefined) {
      violations.push(`the parameter \`${text}\` is not of the form key=value`);
    } else if (Object.hasOwn(standard, key) && isSent(standard[key] ?? '', request)) {
      violations.push(`the parameter \`${key}\` has its own option: ${standard[key]}`);
    } else if (Object.hasOwn(params, key)) {
      violations.push(`the parameter \`${key}\` is given twice`);
    } else {
      // Sent as JSON if it parses, else as a string; `defineProperty` because the key may be `__proto__`.
      const json = parseJson(value);
      Object.defineProperty(params, key, { value: json === undefined ? value : json, enumerable: true });
    }
  }
  return params;
}

/** The priced fields of a known model come from options, so no parameter can raise the price above the estimate. */
function checkPricedParams(
  params: Readonly<Record<string, JsonValue>>,
  { limits }: Target,
  { violations, notes }: Findings,
): void {
  const charge = chargeOfParams(params);
  const multiplied = describeMultipliers(charge);
  if (multiplied !== null) notes.push(multiplied);
  if (limits === undefined) return;
  for (const name of charge.models)
    violations.push(`the parameter \`${name}\` would change the model: use \`--model\``);
  for (const name of charge.lengths) {
    violations.push(`the parameter \`${name}\` would change the price: use \`--duration\` and \`--size\``);
  }
}

function checkImageKind(
  image: RequestInput['image'],
  { rules }: Target,
  { profile, format }: ServerCapabilities,
  { violations }: Findings,
): void {
  if (image === undefined) return;
  const { kind } = image.reference;
  const isRefused = kind === 'file_id' && format.image === 'text';
  if (rules.images.includes(kind) && !isRefused) return;
  const owner = rules.images.includes(kind) ? `the server of profile ${profile}` : rules.label;
  violations.push(
    rules.images.length === 0
      ? `${owner} accepts no reference image`
      : `${owner} accepts a reference image as a file or a URL, not as the id of an upload`,
  );
}

function checkImageSize(
  image: RequestInput['image'],
  size: string | null,
  { limits }: Target,
  { violations, notes }: Findings,
): void {
  if (image?.isTurned)
    notes.push('the reference image is turned by its EXIF orientation only, which some servers ignore');
  if (image === undefined || image.size === null || size === null || image.size === size) return;
  const mismatch = `the reference image is ${image.size}, the video ${size}`;
  if (limits === undefined) notes.push(`${mismatch}: some servers refuse that`);
  else violations.push(`${mismatch}: ${limits.name} requires an image of exactly the video’s size`);
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

/** `a, b or c` */
function inWords(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} or ${items.at(-1)}`;
}
