import { ASPECT_RATIOS, ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { VARIANTS } from '../domain/video.ts';

/** The type of a key's value: `scalar` is a text or number, `texts` one or several texts, `params` names with values. */
type FieldKind = 'text' | 'scalar' | 'flag' | 'count' | 'texts' | 'params';

export interface RowField {
  readonly kind: FieldKind;
  readonly description: string;
  readonly choices?: readonly string[];
}

/** The maximum number of videos of one row. */
export const MAX_COUNT = 100;

/** The keys of a row, from which both the reader and the JSON Schema are derived. */
export const ROW_FIELDS = {
  id: { kind: 'text', description: 'name of the row, unique in the manifest; links it to its video across runs' },
  prompt: { kind: 'text', description: 'the prompt: text, or @FILE' },
  remix: { kind: 'text', description: 'make a variation of a finished video: its id, or the `id` of another row' },
  edit: { kind: 'text', description: 'change a video: its id, the `id` of another row, or a file' },
  extend: { kind: 'text', description: 'add `duration` seconds to a video, named likewise' },
  duration: { kind: 'scalar', description: 'length in seconds; rounded to the nearest one that the model renders' },
  model: { kind: 'text', description: 'model' },
  resolution: { kind: 'text', description: 'resolution', choices: RESOLUTIONS },
  aspect_ratio: { kind: 'text', description: 'aspect ratio', choices: ASPECT_RATIOS },
  orientation: { kind: 'text', description: 'orientation', choices: ORIENTATIONS },
  size: { kind: 'text', description: 'exact pixels, WIDTHxHEIGHT' },
  quality: { kind: 'text', description: 'quality', choices: ['standard', 'high'] },
  image: { kind: 'text', description: 'first frame: a file (relative to the manifest), a URL or a file id' },
  last_frame: { kind: 'text', description: 'last frame, likewise' },
  reference: { kind: 'texts', description: 'images, videos or audio that guide the video, likewise' },
  character: { kind: 'texts', description: 'ids of characters that appear in it' },
  param: { kind: 'params', description: 'any other fields that the server accepts' },
  exact: { kind: 'flag', description: 'refuse a length that the model does not render, instead of rounding' },
  output: { kind: 'text', description: 'file to save to, relative to the output folder' },
  variant: { kind: 'texts', description: 'what to save', choices: VARIANTS },
  count: { kind: 'count', description: 'how many variations to make' },
} as const satisfies Readonly<Record<string, RowField>>;

export type RowFieldName = keyof typeof ROW_FIELDS;

/** Aliases of keys: their names in the API. */
export const FIELD_ALIASES: Readonly<Record<string, RowFieldName>> = {
  seconds: 'duration',
  characters: 'character',
  params: 'param',
  variants: 'variant',
  custom_id: 'id',
};

/** The JSON Schema (draft 2020-12) of a row, for editors. */
export function rowSchema(): Readonly<Record<string, unknown>> {
  const properties = Object.entries(ROW_FIELDS).map(([name, field]) => [name, schemaOf(field)]);
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: 'a row of a sora batch manifest',
    oneOf: [
      { type: 'string', description: 'a prompt' },
      {
        type: 'object',
        anyOf: [{ required: ['prompt'] }, { required: ['extend'] }],
        additionalProperties: false,
        properties: Object.fromEntries(properties),
      },
    ],
  };
}

function schemaOf(field: RowField): Readonly<Record<string, unknown>> {
  const { kind, description, choices } = field;
  const text = { type: 'string', ...(choices ? { enum: choices } : {}) };
  switch (kind) {
    case 'text':
      return { ...text, description };
    case 'scalar':
      return { type: ['number', 'string'], description };
    case 'flag':
      return { type: 'boolean', description };
    case 'count':
      return { type: 'integer', minimum: 1, maximum: MAX_COUNT, description };
    case 'texts':
      return { oneOf: [text, { type: 'array', items: text }], description };
    case 'params':
      return { type: 'object', description };
  }
}
