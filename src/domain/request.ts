import { DEFAULT_MODEL, KNOWN_MODELS, MAX_EXTENDED_SECONDS, MAX_EXTENSIONS } from './models.ts';
import type { PricedRequest } from './pricing.ts';
import { type FrameInput, resolveFrame } from './request-frame.ts';
import { missingFor, missingReferences, type ServerCapabilities } from './request-gate.ts';
import { checkPricedParams, parseParams } from './request-params.ts';
import { oneOf, type RequestTarget, requestTargetOf } from './request-target.ts';
import type { Derivation, Reference, ReferenceImage, RequestSource, Variant, VideoRequest } from './video.ts';
import { inWords } from './wording.ts';

const MAX_PROMPT_CHARACTERS = 32_000;
const DEFAULT_SECONDS = 4;

/** A request as typed by the user: unchecked text. */
export interface RequestInput extends FrameInput {
  readonly prompt: string;
  readonly duration?: string | undefined;
  readonly model?: string | undefined;
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

/** A longer duration is refused as a mistake instead of rounded. */
const MOST_OVER_LONGEST = 1.5;

/**
 * Turns user input into the request to send, within the limits of known models. On servers without OpenAI’s models, only
 * what was given is sent. An option that the dialect has no field for is a violation; it is never silently dropped.
 */
export function resolveRequest(input: RequestInput, server: ServerCapabilities): RequestResolution {
  const model = modelOf(input.model?.trim(), server);
  const target = requestTargetOf(model, server);
  const { violations } = target;
  checkModel(input.model?.trim(), model, target);
  violations.push(...missingFor(input, server));
  checkPrompt(input.prompt, target);
  const asked = parseDuration(input.duration, target);
  const seconds = resolveSeconds(asked, target, input.exact ?? false);
  const frame = resolveFrame(input, target);
  const quality = resolveQuality(input.quality, target);
  const { characters = [], references = [] } = input;
  checkCharacters(characters, target);
  const image = input.image?.reference ?? null;
  violations.push(...missingReferences(references, server));
  const guides = references.length > 0 ? { references } : {};
  const request = { prompt: input.prompt, model, seconds, ...frame, image, ...guides, characters, quality };
  const params = parseParams(input.params ?? [], request, target);
  checkPricedParams(params, target);
  checkImageKind(input.image, target);
  checkListed(request, target);
  const otherViolations = violations.length;
  checkImageSize(input.image, frame.size, target);
  return resolution({ ...request, params }, asked, target, otherViolations === 0);
}

/** `isImageSize`: whether a wrong size of the reference image can be the only problem. */
function resolution(
  request: VideoRequest,
  asked: number | null,
  { violations, notes }: RequestTarget,
  isImageSize = false,
): RequestResolution {
  if (violations.length > 0) return { ok: false, violations, wrongImageSize: isImageSize };
  const askedSeconds = asked === request.seconds ? null : asked;
  return { ok: true, value: { request, askedSeconds, notes } };
}

/** A request for a video from an existing one, as typed by the user. */
export interface DerivedInput extends Pick<RequestInput, 'prompt' | 'duration' | 'params' | 'exact' | 'variants'> {
  readonly source: RequestSource;
  readonly facts: SourceFacts;
}

/** What is known about an existing video. */
export interface SourceFacts extends Pick<VideoRequest, 'model' | 'seconds' | 'size'> {
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

/** The same for a video from an existing one, which determines the model, the size and, unless extended, the length. */
export function resolveDerivedRequest(input: DerivedInput, server: ServerCapabilities): RequestResolution {
  const { prompt, source, facts, variants } = input;
  const { operation } = source;
  const target = requestTargetOf(facts.model, server);
  target.violations.push(...missingFor({ variants, operation }, server));
  checkPrompt(prompt, target);
  const asked = operation === 'extend' ? (parseDuration(input.duration, target) ?? DEFAULT_SECONDS) : null;
  const seconds = asked === null ? null : resolveSeconds(asked, target, input.exact ?? false);
  if (operation === 'extend') checkExtendedLength(seconds, facts, target);
  const request = { prompt, model: null, seconds, size: null, image: null, characters: [], quality: null, source };
  const params = parseParams(input.params ?? [], request, target);
  checkPricedParams(params, target);
  if (Object.hasOwn(params, 'video')) target.violations.push('the parameter `video` is the first argument');
  return resolution({ ...request, params }, asked, target);
}

function checkExtendedLength(
  added: number | null,
  { seconds, extensions = 0 }: SourceFacts,
  { limits, violations }: RequestTarget,
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

/** On OpenAI and the simulator, wrong capitals are corrected; elsewhere a model may have any name. */
function modelOf(name: string | undefined, { servesOpenAiModels }: ServerCapabilities): string | null {
  if (!servesOpenAiModels) return name ?? null;
  if (name === undefined) return DEFAULT_MODEL;
  const names = KNOWN_MODELS.flatMap((known) => [known.name, ...known.snapshots]);
  return names.find((known) => known.toLowerCase() === name.toLowerCase()) ?? name;
}

function checkModel(name: string | undefined, model: string | null, { violations, notes }: RequestTarget): void {
  if (name === '') violations.push('the model name is empty');
  if (name !== undefined && name !== model) notes.push(`using the model ${model} for \`${name}\``);
}

function checkPrompt(prompt: string, { violations }: RequestTarget): void {
  if (prompt.trim() === '') {
    violations.push('the prompt is empty');
    return;
  }
  // Control characters except white space, and U+FFFD, which replaces undecodable bytes.
  if (/[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\ufffd]/.test(prompt)) {
    violations.push('the prompt contains binary data');
  }
  if (prompt.length <= MAX_PROMPT_CHARACTERS) return;
  const characters = countCharacters(prompt);
  if (characters > MAX_PROMPT_CHARACTERS) {
    violations.push(`the prompt has ${characters} characters; the limit is ${MAX_PROMPT_CHARACTERS}`);
  }
}

/** Some characters have two code units. */
export function countCharacters(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function parseDuration(text: string | undefined, { violations }: RequestTarget): number | null {
  if (text === undefined) return null;
  const seconds = /^\d+(\.\d+)? *(s|sec|seconds?)?$/i.test(text.trim()) ? Number.parseFloat(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= 86_400)) {
    violations.push(`the duration \`${text}\` is not a positive number of seconds`);
    return null;
  }
  return seconds;
}

function resolveSeconds(
  asked: number | null,
  { rules, hasDefaults, limits, listed, violations, notes }: RequestTarget,
  exact: boolean,
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

/** The limits of the model according to the server's list. */
function checkListed(
  { size, frame, image, references = [] }: Omit<VideoRequest, 'params'>,
  { listed, violations }: RequestTarget,
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

/** Only dialect `generations` has such a field; elsewhere OpenAI’s two models are its two qualities. */
function resolveQuality(quality: string | undefined, target: RequestTarget): string | null {
  const { server, known, violations } = target;
  const checked = oneOf(['standard', 'high'] as const, 'quality', quality?.toLowerCase(), target) ?? null;
  if (known === undefined || server.dialect === 'generations') return checked;
  if (checked === 'high' && known.name === 'sora-2') {
    violations.push('sora-2 renders standard quality only; use `--model sora-2-pro` for high quality');
  }
  return null;
}

function checkCharacters(characters: readonly string[], { limits, violations }: RequestTarget): void {
  if (characters.some((id) => id.trim() === '')) violations.push('the id of a character is empty');
  if (limits !== undefined && characters.length > limits.maxCharacters) {
    violations.push(`${limits.name} accepts at most ${limits.maxCharacters} characters, not ${characters.length}`);
  }
}

function checkImageKind(image: RequestInput['image'], { server, rules, violations }: RequestTarget): void {
  if (image === undefined) return;
  const { profile, format } = server;
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
  { limits, violations, notes }: RequestTarget,
): void {
  if (image?.isTurned)
    notes.push('the reference image is turned by its EXIF orientation only, which some servers ignore');
  if (image === undefined || image.size === null || size === null || image.size === size) return;
  const mismatch = `the reference image is ${image.size}, the video ${size}`;
  if (limits === undefined) notes.push(`${mismatch}: some servers refuse that`);
  else violations.push(`${mismatch}: ${limits.name} requires an image of exactly the video’s size`);
}
