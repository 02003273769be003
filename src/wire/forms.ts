import type { Dialect } from '../domain/dialect.ts';
import type { JsonObject } from '../domain/json.ts';
import type { VideoRequest } from '../domain/video.ts';
import { encodeGuide, encodeNewApi } from './generations.ts';
import { encodeOpenRouter } from './openrouter.ts';
import { encodeJson } from './videos.ts';

/** Where a form of the API has its jobs, below the base URL, and what a create looks like as JSON. */
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
