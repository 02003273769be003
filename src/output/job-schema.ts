import { JOB_STATUSES, VARIANTS } from '../domain/video.ts';

/** A JSON Schema, as data. */
export type JsonSchema = Readonly<Record<string, unknown>>;

const TEXT: JsonSchema = { type: ['string', 'null'] };
const NUMBER: JsonSchema = { type: ['number', 'null'] };
const TIME: JsonSchema = { type: ['string', 'null'], format: 'date-time' };

/** What `jobJson` returns. */
export const JOB_SCHEMA: JsonSchema = recordOf({
  id: TEXT,
  profile: { type: 'string' },
  status: { enum: [...JOB_STATUSES] },
  server_status: TEXT,
  progress: NUMBER,
  model: TEXT,
  prompt: TEXT,
  seconds: NUMBER,
  size: TEXT,
  created_at: TIME,
  completed_at: TIME,
  expires_at: TIME,
  remixed_from: TEXT,
  error: { ...recordOf({ code: TEXT, message: TEXT }), type: ['object', 'null'] },
  cost: recordOf({ estimated_usd: NUMBER, actual_usd: NUMBER, price_list: TEXT }),
  files: {
    type: 'array',
    items: withOptional(
      recordOf({
        variant: { enum: [...VARIANTS] },
        path: { type: 'string' },
        bytes: { type: 'integer' },
        sha256: { type: 'string' },
      }),
      // Of an object that was just saved.
      { url: { type: 'string', format: 'uri' }, url_expires_at: { type: 'string', format: 'date-time' } },
    ),
  },
  request_id: TEXT,
  submission: TEXT,
});

function withOptional(schema: JsonSchema, properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { ...schema, properties: { ...Object(schema.properties), ...properties } };
}

/** An object that has all these properties, and may have more. */
export function recordOf(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties, required: Object.keys(properties) };
}
