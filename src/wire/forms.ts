import type { Dialect } from '../domain/dialect.ts';
import type { JsonObject } from '../domain/json.ts';
import type { VideoRequest } from '../domain/video.ts';
import { encodeGuide, encodeNewApi } from './generations.ts';
import { encodeOpenRouter } from './openrouter.ts';
import { encodeJson } from './videos.ts';

/** The route of a dialect's jobs, below the base URL, and the JSON of its create. */
interface WireForm {
  readonly route: string;
  readonly encode: (request: VideoRequest) => JsonObject;
}

export const GENERATIONS_ROUTE = '/video/generations';

export const WIRE_FORMS: Readonly<Record<Dialect, WireForm>> = {
  videos: { route: '/videos', encode: encodeJson },
  generations: { route: GENERATIONS_ROUTE, encode: encodeGuide },
  'new-api': { route: GENERATIONS_ROUTE, encode: encodeNewApi },
  openrouter: { route: '/videos', encode: encodeOpenRouter },
};
