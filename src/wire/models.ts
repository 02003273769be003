import type { Dialect } from '../domain/dialect.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import type { ListedModel } from '../domain/listed-model.ts';

/** Where a server of the dialect lists its models, below the base URL. */
export function modelsRoute(dialect: Dialect): string {
  return dialect === 'openrouter' ? '/videos/models' : '/models';
}

const MAX_MODELS = 5_000;
const MAX_ENTRIES = 200;
const MAX_CHARACTERS = 200;
const MAX_SECONDS = 86_400;
const MAX_AMOUNT = 1_000_000;

/** The models of a reply or of the cache, neither of which is trusted; null if it is not a list. */
export function decodeModels(reply: JsonValue | undefined): ListedModel[] | null {
  const entries = isJsonObject(reply) ? reply.data : reply;
  if (!Array.isArray(entries)) return null;
  return entries.slice(0, MAX_MODELS).flatMap((entry) => {
    const id = isJsonObject(entry) ? shortText(entry.id) : null;
    return id === null ? [] : [decodeModel(id, entry as JsonObject)];
  });
}

function decodeModel(id: string, entry: JsonObject): ListedModel {
  const seconds = listOf(entry.supported_durations, (value) =>
    typeof value === 'number' && value > 0 && value <= MAX_SECONDS ? value : null,
  );
  return {
    id,
    name: shortText(entry.name),
    owner: shortText(entry.owned_by),
    seconds: seconds?.toSorted((a, b) => a - b) ?? null,
    sizes: listOf(entry.supported_sizes, textLike(/^\d{1,5}x\d{1,5}$/)),
    resolutions: listOf(entry.supported_resolutions, textLike(/^\d{1,5}[pk]$/)),
    ratios: listOf(entry.supported_aspect_ratios, textLike(/^\d{1,3}:\d{1,3}$/)),
    frames: listOf(entry.supported_frame_images, textLike(/^[a-z_]{1,40}$/)),
    hasSound: entry.generate_audio === true,
    skus: decodeSkus(entry.pricing_skus),
  };
}

/** Too many entries count as unreadable. */
function decodeSkus(value: JsonValue | undefined): ListedModel['skus'] {
  if (!isJsonObject(value)) return null;
  const entries = Object.entries(value);
  if (entries.length > MAX_ENTRIES) return null;
  return Object.fromEntries(entries.map(([name, amount]) => [name.slice(0, MAX_CHARACTERS), amountOf(amount)]));
}

function amountOf(value: JsonValue): number | null {
  const amount = typeof value === 'string' && /^\d{1,7}(\.\d{1,15})?$/.test(value) ? Number(value) : value;
  return typeof amount === 'number' && amount >= 0 && amount <= MAX_AMOUNT ? amount : null;
}

/** An empty list counts as none. */
function listOf<T>(value: JsonValue | undefined, read: (entry: JsonValue) => T | null): T[] | null {
  if (!Array.isArray(value)) return null;
  const entries = value.slice(0, MAX_ENTRIES).flatMap((entry) => read(entry) ?? []) as T[];
  return entries.length === 0 ? null : [...new Set(entries)];
}

function textLike(pattern: RegExp): (entry: JsonValue) => string | null {
  return (entry) => {
    const text = typeof entry === 'string' ? entry.toLowerCase() : '';
    return pattern.test(text) ? text : null;
  };
}

function shortText(value: JsonValue | undefined): string | null {
  return typeof value === 'string' && value.trim() !== '' && value.length <= MAX_CHARACTERS ? value : null;
}
