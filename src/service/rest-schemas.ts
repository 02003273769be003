import { z } from '@hono/zod-openapi';
import { ASPECT_RATIOS, RESOLUTIONS } from '../domain/models.ts';
import { REST_STATUSES } from './rest-job.ts';

const MAX_PROMPT_CHARACTERS = 32_000;

/** What a person writes to have a video made; what is left out or null has a default. */
export const VideoOrder = z
  .strictObject({
    prompt: z.string().min(1).max(MAX_PROMPT_CHARACTERS),
    duration: z
      .number()
      .positive()
      .nullish()
      .openapi({ description: 'Seconds; the nearest length that the model renders is taken, 4 without it.' }),
    resolution: z.enum(RESOLUTIONS).nullish().openapi({ description: '720p without it.' }),
    aspectRatio: z.enum(ASPECT_RATIOS).nullish().openapi({ description: '16:9 without it; 4:3 becomes landscape.' }),
    model: z
      .string()
      .min(1)
      .nullish()
      .openapi({ description: 'Without it, the cheapest model that renders the resolution.' }),
  })
  .openapi('VideoOrder', {
    example: { prompt: 'A paper boat sails into a storm drain', duration: 5, resolution: '720p', aspectRatio: '16:9' },
  });

const Diagnosis = z
  .object({
    code: z.string().openapi({ description: 'One of docs/errors.md.' }),
    message: z.string(),
    causedBy: z.string().nullable().openapi({ description: 'The words of the server.' }),
    hints: z.array(z.string()).openapi({ description: 'What to do about it.' }),
    requestId: z.string().nullable(),
  })
  .openapi('Diagnosis');

export const VideoJob = z
  .object({
    id: z.string(),
    status: z.enum(REST_STATUSES),
    prompt: z.string(),
    duration: z.number().nullable().openapi({ description: 'Seconds, as they were asked for.' }),
    resolution: z.string().nullable(),
    aspectRatio: z.string().nullable(),
    model: z.string().nullable(),
    seconds: z.number().nullable().openapi({ description: 'Seconds that are rendered.' }),
    size: z.string().nullable().openapi({ description: 'WIDTHxHEIGHT in pixels.' }),
    progress: z.number().min(0).max(100),
    videoId: z.string().nullable().openapi({ description: 'The id at the server that renders it.' }),
    videoUrl: z.url().nullable().openapi({ description: 'Plays as it is: it needs no header.' }),
    thumbnailUrl: z.url().nullable(),
    error: Diagnosis.nullable(),
    notes: z.array(z.string()).openapi({ description: 'How the video differs from what was asked for.' }),
    estimatedUsd: z.number().nullable(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi('VideoJob');

export type VideoJobView = z.infer<typeof VideoJob>;

export const VideoJobPage = z
  .object({
    videos: z.array(VideoJob),
    next: z.string().nullable().openapi({ description: 'The `after` of the next page; null on the last one.' }),
  })
  .openapi('VideoJobPage');

export const RestError = z
  .object({
    error: z.object({
      code: z.string(),
      message: z.string(),
      violations: z.array(z.string()).openapi({ description: 'Every fault of the request.' }),
      hints: z.array(z.string()),
    }),
  })
  .openapi('RestError');

/** How the Videos API refuses, and whatever stands before both APIs, such as the limit of a body. */
export const ApiError = z
  .object({
    error: z.object({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string().nullable(),
    }),
  })
  .openapi('ApiError');

export const Removal = z.object({ id: z.string(), deleted: z.literal(true) }).openapi('Removal');

export const Health = z.object({ status: z.literal('ok'), version: z.string(), profile: z.string() }).openapi('Health');
