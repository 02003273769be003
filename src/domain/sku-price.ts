import type { ListedModel } from './listed-model.ts';
import { MICROS_PER_USD } from './money.ts';
import type { VideoRequest } from './video.ts';

/** What the price entries of a listed model depend on. */
export type SkuOrder = Pick<VideoRequest, 'seconds' | 'size'> &
  Partial<Pick<VideoRequest, 'frame' | 'image' | 'references' | 'quality' | 'params' | 'source'>>;

/** A price entry, read from its name. */
interface Sku {
  /** What the amount is for: a second or a token of the result, an input image, or the whole video. */
  readonly unit: 'second' | 'token' | 'reference image' | 'image' | 'video';
  readonly usd: number | null;
  readonly mode: 'text' | 'image' | null;
  readonly sound: boolean | null;
  readonly resolution: string | null;
}

const DIMENSIONS = ['mode', 'sound', 'resolution'] as const;
const RESOLUTION = /^(\d{3,4}p|\dk)$/;
const SECONDS = /^(?:(text|image)_to_video_)?(?:duration_seconds|per_video_second)((?:_\w+)?)$/;
const SECONDS_IN_CENTS = /^cents_per_(?:second_output|video_output_second)((?:_\w+)?)$/;
const TOKENS = /^video_tokens((?:_\w+)?)$/;
/** The fields of `--param` that do not change the price; for any other it is unknown. */
const NEUTRAL_PARAMS: ReadonlySet<string> = new Set(['generate_audio', 'seed', 'negative_prompt', 'callback_url']);
/** Entries that apply only if a video or audio is sent. */
const OF_SENT_MEDIA = /^reference_duration_seconds|_with_video_input(_|$)|^cents_per_second_video_continuation/;
/** The formula that the list gives for models priced by tokens. */
const TOKEN_FRAMES_PER_SECOND = 24;
const PIXELS_PER_TOKEN = 1_024;

/**
 * The price of one video in micro-dollars; null if anything it depends on is unknown. An entry of an unknown name may
 * be a price, too.
 */
export function skuMicros(model: ListedModel, order: SkuOrder): number | null {
  const { seconds, size, frame, image = null, references = [], quality = null, params = {}, source } = order;
  const sound = params.generate_audio ?? model.hasSound;
  if (seconds === null || quality !== null || source !== undefined || typeof sound !== 'boolean') return null;
  if (!Object.keys(params).every((name) => NEUTRAL_PARAMS.has(name))) return null;
  if (references.some(({ role }) => role === 'video' || role === 'audio')) return null;
  const skus = readSkus(model);
  if (skus === null) return null;
  const last = references.filter(({ role }) => role === 'last_frame').length;
  const frames = (image === null ? 0 : 1) + last;
  const guides = references.length - last;
  const places = placesOf(model, skus, size, frame);
  const videos = modesOf(frames, guides).flatMap((mode) => places.map((place) => rateAt(skus, place, mode, sound)));
  const rate = onlyOne(videos);
  const extras = [
    { count: guides, usd: amountOf(skus, 'reference image') },
    { count: frames + guides, usd: amountOf(skus, 'image') },
  ].map(({ count, usd }) => (count === 0 ? 0 : usd && usd * count));
  const least = amountOf(skus, 'video');
  if (rate === null || least === null || extras.includes(null)) return null;
  const total = extras.reduce<number>((sum, usd) => sum + (usd ?? 0), rate * seconds);
  return Math.round(Math.max(total, least) * MICROS_PER_USD);
}

/** With guides alone, a server may charge for a video from a text or from an image. */
function modesOf(frames: number, guides: number): readonly ('text' | 'image')[] {
  if (frames > 0) return ['image'];
  return guides > 0 ? ['text', 'image'] : ['text'];
}

/** Dollars for a second. */
function rateAt(
  skus: readonly Sku[],
  { resolution, pixels }: Place,
  mode: 'text' | 'image',
  sound: boolean,
): number | null {
  const perSecond = ratesAt(skus, { mode, sound, resolution }).map(({ unit, usd }) => {
    if (unit === 'second') return usd;
    return usd === null || pixels === null ? null : (usd * pixels * TOKEN_FRAMES_PER_SECOND) / PIXELS_PER_TOKEN;
  });
  return largest(perSecond);
}

/** A price of a second, by what it depends on. */
export interface Rate {
  readonly resolution: string | null;
  /** Null for all sizes. */
  readonly sizes: readonly string[] | null;
  /** Null if sound makes no difference. */
  readonly sound: boolean | null;
  /** Null if it is unknown. */
  readonly microsPerSecond: number | null;
}

/** The prices of a second of a video from a text alone: one for each resolution, or for each size. */
export function listedRates(model: ListedModel): Rate[] {
  const ofSizes = (model.sizes ?? []).map((size) => ({ resolution: null, sizes: [size] }));
  const ofResolutions = (model.resolutions ?? []).map((resolution) => ({ resolution, sizes: null }));
  const hasTokens = readSkus(model)?.some(({ unit }) => unit === 'token') ?? false;
  const places = hasTokens || ofResolutions.length === 0 ? ofSizes : ofResolutions;
  return (places.length === 0 ? [{ resolution: null, sizes: null }] : places).flatMap((place): Rate[] => {
    const [loud, silent] = [rateOf(model, place, true), rateOf(model, place, false)];
    if (loud === silent || !model.hasSound) return [{ ...place, sound: null, microsPerSecond: silent }];
    return [
      { ...place, sound: true, microsPerSecond: loud },
      { ...place, sound: false, microsPerSecond: silent },
    ];
  });
}

function rateOf(
  model: ListedModel,
  { resolution, sizes }: Pick<Rate, 'resolution' | 'sizes'>,
  generate_audio: boolean,
): number | null {
  const frame = resolution === null ? {} : { frame: { resolution, aspectRatio: null } };
  const order = { seconds: 1_000, size: sizes?.[0] ?? null, ...frame, params: { generate_audio } } as SkuOrder;
  const long = skuMicros(model, order);
  return long === null ? null : Math.round(long / 1_000);
}

/** Null if there are none, or one of them has an unknown name. */
function readSkus({ skus }: ListedModel): Sku[] | null {
  if (skus === null) return null;
  const read = Object.entries(skus)
    .map(([name, amount]) => [name.toLowerCase().replaceAll('-', '_'), amount] as const)
    .filter(([name]) => !OF_SENT_MEDIA.test(name))
    .map(([name, amount]) => readSku(name, amount));
  const known = read.filter((sku) => sku !== null);
  return known.length === 0 || known.length < read.length ? null : known;
}

function readSku(name: string, usd: number | null): Sku | null {
  const plain = { mode: null, sound: null, resolution: null };
  if (name === 'reference_images') return { ...plain, unit: 'reference image', usd };
  if (name === 'cents_per_image_input') return { ...plain, unit: 'image', usd: cents(usd) };
  if (name === 'minimum_cents_per_generation') return { ...plain, unit: 'video', usd: cents(usd) };
  const price = usd === 0 ? null : usd; // an entry of zero means something other than a free video
  const [, mode, ofSeconds] = SECONDS.exec(name) ?? [];
  const [, ofCents] = SECONDS_IN_CENTS.exec(name) ?? [];
  const [, ofTokens] = TOKENS.exec(name) ?? [];
  const limits = readLimits(ofSeconds ?? ofCents ?? ofTokens);
  if (limits === null) return null;
  return {
    ...limits,
    mode: mode === 'text' || mode === 'image' ? mode : null,
    unit: ofTokens === undefined ? 'second' : 'token',
    usd: ofCents === undefined ? price : cents(price),
  };
}

/** The end of a name, such as `_with_audio_1080p`; null for anything else. */
function readLimits(end: string | undefined): Pick<Sku, 'sound' | 'resolution'> | null {
  if (end === undefined) return null;
  const sounds = end.match(/_with(out)?_audio/g) ?? [];
  const [resolution = null, ...others] = end
    .replace(/_with(out)?_audio/g, '')
    .split('_')
    .slice(1);
  if (sounds.length > 1 || others.length > 0 || (resolution !== null && !RESOLUTION.test(resolution))) return null;
  return { resolution, sound: sounds.length === 0 ? null : sounds[0] === '_with_audio' };
}

function cents(amount: number | null): number | null {
  return amount === null ? null : amount / 100;
}

/** The entries that apply, without those that a more specific one replaces. Several may remain. */
function ratesAt(skus: readonly Sku[], at: Pick<Sku, 'mode' | 'sound' | 'resolution'>): Sku[] {
  const applying = skus.filter(
    (sku) =>
      (sku.unit === 'second' || sku.unit === 'token') &&
      DIMENSIONS.every((name) => sku[name] === null || sku[name] === at[name]),
  );
  const replaces = (other: Sku, sku: Sku): boolean =>
    other.unit === sku.unit &&
    DIMENSIONS.every((name) => sku[name] === null || other[name] !== null) &&
    DIMENSIONS.some((name) => sku[name] === null && other[name] !== null);
  return applying.filter((sku) => !applying.some((other) => replaces(other, sku)));
}

/** The price per image, or the minimum price; zero without such an entry. */
function amountOf(skus: readonly Sku[], unit: Sku['unit']): number | null {
  return largest([0, ...skus.filter((sku) => sku.unit === unit).map(({ usd }) => usd)]);
}

/** The maximum charge; null without entries, or if one is unknown. */
function largest(amounts: readonly (number | null)[]): number | null {
  const known = amounts.filter((amount) => amount !== null);
  return known.length === 0 || known.length < amounts.length ? null : Math.max(...known);
}

/** The amount, if all entries have the same. */
function onlyOne(amounts: readonly (number | null)[]): number | null {
  const [first = null] = amounts;
  return amounts.every((amount) => amount === first) ? first : null;
}

/** A resolution and size, on which a price may depend. */
interface Place {
  readonly resolution: string | null;
  readonly pixels: number | null;
}

/** The places that apply to a request: one, or several if the server chooses. */
function placesOf(model: ListedModel, skus: readonly Sku[], size: string | null, frame: SkuOrder['frame']): Place[] {
  const wanted = frame?.resolution ?? null;
  const ratio = frame?.aspectRatio ?? null;
  const sizes = size !== null ? [size] : (model.sizes ?? []).filter((each) => ratio === null || isRatio(each, ratio));
  const places = sizes.map((each) => placeOf(model, skus, each));
  if (size !== null) return places.flatMap((place) => everywhere(place, model, skus));
  if (wanted === null)
    return [...places, { resolution: null, pixels: null }].flatMap((place) => everywhere(place, model, skus));
  const fitting = places.filter(({ resolution }) => resolution === wanted);
  return fitting.length > 0 ? fitting : [{ resolution: wanted, pixels: null }];
}

/** An unknown resolution is any that the model renders or that has a price. */
function everywhere(place: Place, { resolutions }: ListedModel, skus: readonly Sku[]): Place[] {
  if (place.resolution !== null) return [place];
  const priced = skus.flatMap(({ resolution }) => resolution ?? []);
  const all = new Set([...(resolutions ?? []), ...priced]);
  const others = resolutions === null ? [place] : [];
  return [...others, ...[...all].map((resolution) => ({ ...place, resolution }))];
}

const NAMES_OF_SIDES: Readonly<Record<number, string>> = { 1440: '2k', 2160: '4k' };

/** A size has the resolution of its shorter side; null for odd ones, where it could make a difference. */
function placeOf({ resolutions }: ListedModel, skus: readonly Sku[], size: string): Place {
  const [width = 0, height = 0] = size.split('x').map(Number);
  const side = Math.min(width, height);
  const known = [...(resolutions ?? []), ...skus.flatMap(({ resolution }) => resolution ?? [])];
  const names = [`${side}p`, NAMES_OF_SIDES[side]].filter((name) => name !== undefined);
  return { resolution: names.find((name) => known.includes(name)) ?? null, pixels: width * height };
}

/** Sizes are rounded to whole blocks of pixels. */
const RATIO_TOLERANCE = 0.03;

function isRatio(size: string, ratio: string): boolean {
  const [width = 0, height = 1] = size.split('x').map(Number);
  const [across = 0, down = 1] = ratio.split(':').map(Number);
  return Math.abs(width / height / (across / down) - 1) < RATIO_TOLERANCE;
}
