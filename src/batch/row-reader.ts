import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { nearest } from '../domain/nearest.ts';
import type { RequestInput } from '../domain/request.ts';
import { DERIVATIONS, type Derivation } from '../domain/video.ts';
import { isBatchApiLine, rowOfBatchApiLine } from './batch-api-line.ts';
import { FIELD_ALIASES, MAX_COUNT, ROW_FIELDS, type RowFieldName } from './row-fields.ts';

/** One row of a manifest as written, nothing resolved. */
export interface ManifestRow {
  /** Its first line, counted from 1. */
  readonly line: number;
  readonly id: string | null;
  /** Text, or `@file`; null for that of the source. */
  readonly prompt: string | null;
  /** The existing video that it starts from; null for none. */
  readonly source: NamedSource | null;
  /** As options of a request. */
  readonly options: Omit<RequestInput, 'prompt' | 'image' | 'references' | 'variants'>;
  /** File, URL or file id. */
  readonly image: string | undefined;
  readonly lastFrame: string | undefined;
  readonly references: readonly string[] | undefined;
  /** The file for its video, relative to the output folder. */
  readonly output: string | undefined;
  readonly variants: readonly string[] | undefined;
  readonly count: number;
}

/** The existing video that a row starts from: the `id` of another row, an id or ending of a job, or a file. */
export interface NamedSource {
  readonly operation: Derivation;
  readonly name: string;
}

/** The values of a row, by key. */
export type RowValues = Partial<Record<RowFieldName, JsonValue>>;

/** Keys that hold names, which may be numbers. */
const NAMES: ReadonlySet<RowFieldName> = new Set(['id', ...DERIVATIONS]);

/** Two ways to describe a frame; a row that uses one ignores the defaults for the other. */
const SHAPE: readonly RowFieldName[] = ['resolution', 'aspect_ratio', 'orientation'];

/**
 * Reads a row from an object in any format of manifest; missing keys come from
 * the defaults. Problems are added to the faults, and reading continues to find
 * them all. Null if the value is not a row at all.
 */
export function readRow(value: JsonValue, line: number, faults: string[], defaults: RowValues): ManifestRow | null {
  const row = typeof value === 'string' ? { prompt: value } : value;
  if (!isJsonObject(row)) {
    faults.push('a row is an object, or a prompt string');
    return null;
  }
  const own = isBatchApiLine(row) ? rowOfBatchApiLine(row, faults) : row;
  const named = namedFields(own, faults);
  const operation = operationOf(named, faults) ?? operationOf(defaults, []);
  const values =
    operation === null
      ? withRowDefaults(named, defaults)
      : { ...onlyFor(operation, defaults, []), ...onlyFor(operation, named, faults) };
  const fields = new RowReader(values, faults);
  const { text, texts } = fields;
  if (values.prompt === undefined && operation !== 'extend') faults.push('the row has no `prompt`');
  return {
    line,
    id: text('id') ?? null,
    // Missing values are already reported; a second error about them would mislead.
    prompt: values.prompt === undefined && operation === 'extend' ? null : (text('prompt') ?? 'unreadable'),
    source: sourceOf(operation, fields),
    options: {
      duration: text('duration'),
      model: text('model'),
      resolution: text('resolution'),
      aspectRatio: text('aspect_ratio'),
      orientation: text('orientation'),
      size: text('size'),
      quality: text('quality'),
      characters: texts('character'),
      params: fields.params(),
      exact: fields.flag('exact'),
    },
    image: text('image'),
    lastFrame: text('last_frame'),
    references: texts('reference'),
    output: text('output'),
    variants: texts('variant'),
    count: fields.count(),
  };
}

/** The other keys allowed in a row that starts from a video, which determines the rest. */
const KEYS_OF_ALL = ['id', 'prompt', 'param', 'output', 'variant', 'count'];
const KEYS: Readonly<Record<Derivation, readonly string[]>> = {
  remix: ['remix', ...KEYS_OF_ALL],
  edit: ['edit', ...KEYS_OF_ALL],
  extend: ['extend', 'duration', 'exact', ...KEYS_OF_ALL],
};

/** How the row makes its video from an existing one; null if it does not. */
function operationOf(values: RowValues, faults: string[]): Derivation | null {
  const [operation = null, ...others] = DERIVATIONS.filter((name) => values[name] !== undefined);
  if (others.length > 0) faults.push('a row has only one of `remix`, `edit` and `extend`');
  return operation;
}

/** The values that such a row can have; any other is a fault. */
function onlyFor(operation: Derivation, values: RowValues, faults: string[]): RowValues {
  const isKnown = (name: string): boolean => KEYS[operation].includes(name);
  for (const name of Object.keys(values)) {
    if (!isKnown(name) && DERIVATIONS.every((other) => other !== name))
      faults.push(`\`${name}\` cannot be set with \`${operation}\`: the source determines it`);
  }
  return Object.fromEntries(Object.entries(values).filter(([name]) => isKnown(name)));
}

function sourceOf(operation: Derivation | null, { text }: RowReader): NamedSource | null {
  const name = operation === null ? undefined : text(operation);
  return operation === null || name === undefined ? null : { operation, name };
}

/** The values by their canonical keys. */
export function namedFields(object: JsonObject, faults: string[]): RowValues {
  const values: RowValues = {};
  for (const [key, value] of Object.entries(object)) {
    const name = fieldNamed(key);
    if (name === undefined) {
      faults.push(
        `\`${key}\` is not a key of a row; ${suggestedKey(key) ?? 'put other fields for the server into `param`'}`,
      );
    } else if (values[name] !== undefined) {
      faults.push(`\`${name}\` is given twice`);
    } else if (value !== null) {
      values[name] = value;
    }
  }
  return values;
}

/** The key for a name; `aspect-ratio`, `aspectRatio` and `Aspect Ratio` are the same. */
export function fieldNamed(key: string): RowFieldName | undefined {
  if (isFieldName(key)) return key;
  const snake = key
    .trim()
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replace(/[-\s]+/g, '_')
    .toLowerCase();
  return isFieldName(snake) ? snake : Object.hasOwn(FIELD_ALIASES, snake) ? FIELD_ALIASES[snake] : undefined;
}

/** A question about the key that was probably meant. */
export function suggestedKey(key: string): string | undefined {
  const [near] = nearest(key, Object.keys(ROW_FIELDS));
  return near === undefined ? undefined : `did you mean \`${near}\`?`;
}

function isFieldName(name: string): name is RowFieldName {
  return Object.hasOwn(ROW_FIELDS, name);
}

/** A row’s own values, completed with the defaults. */
export function withRowDefaults(own: RowValues, defaults: RowValues): RowValues {
  const usesShape = SHAPE.some((name) => own[name] !== undefined);
  const isReplaced = (name: string): boolean =>
    own.size !== undefined ? SHAPE.some((part) => part === name) : usesShape && name === 'size';
  const taken = Object.entries(defaults).filter(([name]) => !isReplaced(name));
  return { ...Object.fromEntries(taken), ...own };
}

/** Readers of a row’s values; each reports problems as faults. */
class RowReader {
  readonly #values: RowValues;
  readonly #faults: string[];

  constructor(values: RowValues, faults: string[]) {
    this.#values = values;
    this.#faults = faults;
  }

  readonly text = (name: RowFieldName): string | undefined => {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    if (typeof value === 'string') return value;
    if (typeof value === 'number' && (ROW_FIELDS[name].kind === 'scalar' || NAMES.has(name))) return String(value);
    return this.#fault(`\`${name}\` is not a string`);
  };

  readonly texts = (name: RowFieldName): readonly string[] | undefined => {
    const value = this.#values[name];
    if (value === undefined) return undefined;
    const items = Array.isArray(value) ? value : [value];
    return items.flatMap((item) => {
      if (typeof item === 'string') return item;
      return this.#fault(`\`${name}\` is neither a string nor a list of strings`) ?? [];
    });
  };

  /** As `key=value`, like the option. */
  params(): readonly string[] | undefined {
    const { param } = this.#values;
    if (param === undefined) return undefined;
    if (!isJsonObject(param)) return this.texts('param');
    return Object.entries(param).flatMap(([key, value]) =>
      /^[^=\s]+$/.test(key)
        ? `${key}=${JSON.stringify(value)}`
        : (this.#fault(`\`${key}\` is not a valid parameter name`) ?? []),
    );
  }

  flag(name: RowFieldName): boolean | undefined {
    const value = this.#values[name];
    if (value === undefined || typeof value === 'boolean') return value;
    const word = String(value).toLowerCase(); // spreadsheets write TRUE
    if (word === 'true' || word === 'false') return word === 'true';
    return this.#fault(`\`${name}\` is neither true nor false`);
  }

  count(): number {
    const value = this.#values.count ?? 1;
    const count = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value;
    if (typeof count === 'number' && Number.isInteger(count) && count >= 1 && count <= MAX_COUNT) return count;
    this.#fault(`\`count\` is not a whole number from 1 to ${MAX_COUNT}`);
    return 1;
  }

  #fault(message: string): undefined {
    this.#faults.push(message);
  }
}
