import type { JobFacts, JobRecord } from '../domain/record.ts';
import type { Variant, VideoJob } from '../domain/video.ts';
import { crypto } from '../platform/crypto.ts';

/** What a file name can contain about its video; null if unknown. */
export interface NamedVideo extends Partial<Pick<VideoJob, 'model' | 'seconds' | 'size' | 'createdAtMs'>> {
  /** Null before the video is created. */
  readonly id: string | null;
  readonly prompt: string | null;
}

/** For names that do not depend on the video. */
export const NAMELESS: NamedVideo = { id: null, prompt: null };

/** A job by its request, which was checked before payment; without one, by what its server reports. */
export function namedVideo(
  job: JobFacts & { readonly prompt?: string | null },
  record: Pick<JobRecord, 'request' | 'submittedAtMs'> | undefined,
): NamedVideo {
  const { prompt, model, seconds, size } = record?.request ?? { prompt: null, model: null, seconds: null, size: null };
  return {
    id: job.id,
    prompt: prompt ?? job.prompt ?? null,
    model: model ?? job.model,
    seconds: seconds ?? job.seconds,
    size: size ?? job.size,
    createdAtMs: record?.submittedAtMs ?? job.createdAtMs,
  };
}

/** The place of a video in a manifest, and among the copies of one request; both from 1. */
export interface NamePlace {
  readonly row?: number;
  readonly n?: number;
}

interface NameValues extends NamedVideo, NamePlace {
  readonly variant: Variant;
  readonly extension: string;
}

const SLUG_CHARACTERS = 48;
const MAX_WIDTH = 200;
/** An id before it is known. */
const LONGEST_ID = 'x'.repeat(64);

type FieldFormat = (values: NameValues, width: number | undefined) => string | null;

const FIELDS = {
  row: ({ row }, width) => padded(row, width),
  n: ({ n }, width) => padded(n, width),
  id: ({ id }, width) => (id === null ? LONGEST_ID.slice(0, width) : idPart(id, width)),
  slug: ({ prompt }, width = SLUG_CHARACTERS) => slugOf(prompt ?? '', width),
  model: ({ model }, width) => plain(model, width),
  seconds: ({ seconds }, width) => padded(seconds, width),
  size: ({ size }, width) => plain(size, width),
  date: ({ createdAtMs }, width) => plain(createdAtMs ? new Date(createdAtMs).toISOString().slice(0, 10) : null, width),
  variant: ({ variant }, width) => plain(variant, width),
  ext: ({ extension }) => extension,
} satisfies Record<string, FieldFormat>;

type FieldName = keyof typeof FIELDS;

const FIELD_NAMES = Object.keys(FIELDS) as FieldName[];

export const DEFAULT_NAME = '{slug}-{id:8}.{ext}';

/** The default name of a row, which sorts in the order of the manifest. */
export function rowName(rows: number): string {
  return `{row:0${Math.max(3, String(rows).length)}}-${DEFAULT_NAME}`;
}

/** `{{`, `}}`, a field such as `{row:03}`, or an unmatched brace. */
const PARTS = /\{\{|\}\}|\{([a-z]+)(?::(\d+))?\}|[{}]/gi;

/** Whether a name has braces. */
export function isTemplate(name: string): boolean {
  return /[{}]/.test(name);
}

/** A text with all braces escaped. */
export function escapeTemplate(text: string): string {
  return text.replace(/[{}]/g, '$&$&');
}

export function hasField(template: string, ...names: readonly FieldName[]): boolean {
  for (const [, name] of template.matchAll(PARTS)) if (names.some((wanted) => wanted === name)) return true;
  return false;
}

/** The text before the first field. */
export function literalStart(template: string): string {
  const [first] = [...template.matchAll(PARTS)].filter(([, name]) => name !== undefined);
  return template.slice(0, first?.index).replaceAll('{{', '{').replaceAll('}}', '}');
}

/** The faults of a template that may only use these fields of place. */
export function templateFaults(template: string, place: readonly (keyof NamePlace)[]): string[] {
  const faults: string[] = [];
  for (const [part, name, width] of template.matchAll(PARTS)) {
    if (part === '{{' || part === '}}') continue;
    if (name === undefined)
      faults.push(`\`${part}\` is not part of a field; write \`${part}${part}\` for the character`);
    else if (!isField(name)) faults.push(`\`${part}\` is not a field; the fields are ${FIELD_NAMES.join(', ')}`);
    else if (name === 'row' && !place.includes('row')) faults.push('`{row}` is only known in a batch');
    else if (name === 'n' && !place.includes('n')) faults.push('`{n}` is only known with `--count`');
    else if (width !== undefined && !(Number(width) >= 1 && Number(width) <= MAX_WIDTH)) {
      faults.push(`the width of \`${part}\` is not from 1 to ${MAX_WIDTH}`);
    }
  }
  return [...new Set(faults)];
}

/** A template with the fields of place filled in. */
export function placeTemplate(template: string, place: NamePlace): string {
  return template.replace(PARTS, (part: string, name: string | undefined, width: string | undefined) => {
    if (name !== 'row' && name !== 'n') return part;
    return padded(place[name], width === undefined ? undefined : Number(width)) ?? part;
  });
}

/**
 * Fills in a template without faults. Values contain no separators, so the name stays below the folders of the template.
 * `empty` are the fields without a value.
 */
export function expandTemplate(
  template: string,
  video: NamedVideo,
  variant: { readonly variant: Variant; readonly extension: string },
): { readonly name: string; readonly empty: readonly string[] } {
  const empty: string[] = [];
  const values = { ...video, ...variant };
  const name = template.replace(PARTS, (part: string, field: string | undefined, width: string | undefined) => {
    if (part === '{{' || part === '}}') return part.slice(1);
    if (field === undefined || !isField(field)) return part;
    const format: FieldFormat = FIELDS[field];
    const value = format(values, width === undefined ? undefined : Number(width));
    if (!value) empty.push(part);
    return value || 'unknown';
  });
  return { name, empty };
}

function isField(name: string): name is FieldName {
  return Object.hasOwn(FIELDS, name);
}

function padded(value: number | null | undefined, width = 1): string | null {
  return value === null || value === undefined ? null : String(value).padStart(width, '0');
}

/** A text without separators and characters that file systems refuse. */
function plain(text: string | null | undefined, width?: number): string | null {
  if (text === null || text === undefined) return null;
  const safe = text.replace(/[^\p{Letter}\p{Number}._-]+/gu, '-').replace(/^\.+/, '-');
  return [...safe].slice(0, width).join('');
}

/** Marks are the vowels of Hindi and Thai; those after an emoji are invisible. */
const WORDS = /(?:\p{Letter}(?:(?!\p{Default_Ignorable_Code_Point})\p{Mark})*|\p{Number})+/gu;

function slugOf(prompt: string, width: number): string {
  const words = prompt.normalize('NFC').toLowerCase().match(WORDS) ?? [];
  return [...words.join('-')].slice(0, width).join('').replace(/-+$/, '') || 'video';
}

/** The end of an id, or all of it; a hash for an id that is unsafe in a file name. */
function idPart(id: string, width?: number): string {
  const isSafe = /^[\w-]{1,64}$/.test(id);
  if (isSafe && width === undefined) return id;
  const end = isSafe ? /[A-Za-z0-9]+$/.exec(id)?.[0] : undefined;
  return (
    end?.slice(-(width ?? 8)) ??
    crypto()
      .hash('sha256', id)
      .slice(0, width ?? 8)
  );
}
