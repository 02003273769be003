import { z } from '@hono/zod-openapi';
import { ASPECT_RATIOS, RESOLUTIONS } from '../domain/models.ts';
import { REST_STATUSES } from './rest-job.ts';

/** The content of a JSON body. */
export function json<S extends z.ZodType>(schema: S): { 'application/json': { schema: S } } {
  return { 'application/json': { schema } };
}

/** An object with a name of its own in the document. */
export function named<S extends z.ZodRawShape>(name: string, shape: S): z.ZodObject<S> {
  return z.object(shape).openapi(name);
}

/** A picture of 8 MiB in base64, and the start of its data URL. */
const MAX_IMAGE_CHARACTERS = (8 << 20) * 1.4;

const id = z.string().min(1);
const modelName = z.string().min(1).max(200);
const costCap = z.number().min(0).max(1_000_000);
/** The rendering server downloads it, so it must be able to reach it. */
const address = z.url({ protocol: /^https?$/, error: 'must be an http or https URL' }).max(2_000);

/** The existing video that an order starts from. */
export const SourceSchema = z.object({
  operation: z.enum(['remix', 'edit', 'extend']),
  id: id.describe('A job of this service, or a video on the rendering server.'),
});

const ReferenceSchema = z.object({ type: z.enum(['image', 'video', 'audio']), url: address });

/** An order; fields that are left out or null have a default. */
export const VideoOrderSchema = z
  .strictObject({
    prompt: z.string().min(1).openapi({ maxLength: 32_000 }), // characters, where `max` counts code units
    duration: z
      .number()
      .positive()
      .nullish()
      .describe('Seconds; rounded to the nearest length the model supports. Default: 4.'),
    resolution: z.enum(RESOLUTIONS).nullish().describe('Default: 720p.'),
    aspectRatio: z.enum(ASPECT_RATIOS).nullish().describe('Default: 16:9. 4:3 becomes landscape.'),
    model: modelName.nullish().describe('Default: the cheapest model that supports the resolution.'),
    image: z
      .string()
      .max(MAX_IMAGE_CHARACTERS)
      .regex(/^data:image\/(png|jpeg|webp);base64,/, {
        error: 'must be a data URL of a PNG, JPEG or WebP image in base64',
      })
      .nullish()
      .describe('The first frame: a PNG, JPEG or WebP of exactly the size of the video, as a data URL.'),
    lastFrame: address.nullish().describe('The URL of the last frame, where the server accepts one.'),
    references: z
      .array(ReferenceSchema)
      .max(20)
      .nullish()
      .describe('URLs of images, videos and audio that guide the video, where the server accepts them.'),
    characters: z.array(id).max(10).nullish().describe('Ids of characters that appear in the video.'),
    source: SourceSchema.nullish().describe(
      'Make the video from an existing one, which determines everything but the prompt and, for an extension, the seconds to add.',
    ),
    maxCostUsd: costCap.nullish().describe('The most that this video may cost. Approves a price that needs approval.'),
  })
  .openapi('VideoOrder', {
    example: { prompt: 'A paper boat sails into a storm drain', duration: 5, resolution: '720p', aspectRatio: '16:9' },
  });

const Diagnosis = named('Diagnosis', {
  code: z.string().describe('See docs/errors.md.'),
  message: z.string(),
  causedBy: z.string().nullable().describe("The server's message."),
  hints: z.array(z.string()).describe('How to fix it.'),
  requestId: z.string().nullable(),
});

export const VideoJobSchema = named('VideoJob', {
  id: z.string(),
  status: z.enum(REST_STATUSES),
  prompt: z.string(),
  duration: z.number().nullable().describe('Seconds in the order.'),
  resolution: z.string().nullable(),
  aspectRatio: z.string().nullable(),
  model: z.string().nullable(),
  seconds: z.number().nullable().describe('Seconds that are rendered.'),
  size: z.string().nullable().describe('WIDTHxHEIGHT in pixels.'),
  imageSha256: z.string().nullable().describe('The hash of the image in the order, if it has one.'),
  lastFrame: z.string().nullable(),
  references: z.array(ReferenceSchema),
  characters: z.array(z.string()),
  source: SourceSchema.nullable().describe('The existing video that it was made from.'),
  progress: z.number().min(0).max(100),
  videoId: z.string().nullable().describe('The id on the server that renders it.'),
  videoUrl: z.url().nullable().describe('Works without a header.'),
  thumbnailUrl: z.url().nullable(),
  error: Diagnosis.nullable(),
  notes: z.array(z.string()).describe('How the video differs from the order.'),
  estimatedUsd: z.number().nullable(),
  createdAt: z.iso.datetime(),
  updatedAt: z.iso.datetime(),
});

export type VideoJobView = z.infer<typeof VideoJobSchema>;

/** Query parameters, so numbers arrive as text. */
export const QuoteQuery = z.object({
  duration: z.coerce.number().positive().optional(),
  resolution: z.enum(RESOLUTIONS).optional(),
  aspectRatio: z.enum(ASPECT_RATIOS).optional(),
  model: modelName.optional(),
  remix: id.optional().describe('The id of the video to remix.'),
  edit: id.optional().describe('The id of the video to edit.'),
  extend: id.optional().describe('The id of the video to extend.'),
});

export const CharacterOrder = z
  .strictObject({
    name: z.string(),
    video: id.describe('A finished job of this service, whose video shows the character.'),
    maxCostUsd: costCap.nullish(),
  })
  .openapi('CharacterOrder', { example: { name: 'Mossy', video: 'job_123' } });

export const CharacterSchema = named('OrderedCharacter', {
  id: z.string(),
  name: z.string().nullable(),
  createdAt: z.iso.datetime().nullable(),
});

export const QuoteSchema = named('Quote', {
  model: z.string().nullable(),
  seconds: z.number().nullable(),
  size: z.string().nullable(),
  isFree: z.boolean(),
  estimatedUsd: z.number().nullable().describe('Null if the price is unknown.'),
  needsApproval: z.boolean().describe('Whether an order needs `maxCostUsd`.'),
  maxCostUsd: z.number().nullable().describe('The cap for all videos of this server run, if it has one.'),
  spentUsd: z.number().describe('How much of the cap is used.'),
  notes: z.array(z.string()).describe('How the video would differ from the order.'),
});

export type QuoteView = z.infer<typeof QuoteSchema>;

export const VideoJobPage = named('VideoJobPage', {
  videos: z.array(VideoJobSchema),
  next: z.string().nullable().describe('The `after` for the next page; null on the last one.'),
  total: z.number().int().describe('How many jobs there are, or match the search.'),
});

export const RestError = named('RestError', {
  error: z.object({
    code: z.string(),
    message: z.string(),
    violations: z.array(z.string()).describe('Every error in the request.'),
    hints: z.array(z.string()),
  }),
});

/** An error of the Videos API, or of the HTTP server itself, such as the limit of a body. */
export const ApiErrorSchema = named('ApiError', {
  error: z.object({
    message: z.string(),
    type: z.string(),
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});

export const Removal = named('Removal', { id: z.string(), deleted: z.literal(true) });

const identity = { version: z.string(), profile: z.string() };
export const Ready = named('Ready', { status: z.literal('ready'), ...identity });
export const NotReady = named('NotReady', {
  status: z.literal('unavailable'),
  ...identity,
  reason: z.object({ code: z.string(), message: z.string() }),
});
export const Health = named('Health', { status: z.literal('ok'), ...identity });
