import { findModel, genericSize, ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { invalidField } from './api-error.ts';
import {
  type CreateRequest,
  MAX_SECONDS,
  readAnySize,
  readModel,
  readPrompt,
  readSupported,
  readText,
  refuseUnknownFields,
} from './create-request.ts';
import type { RequestBody } from './request-body.ts';

const GUIDE_FIELDS = new Set(['model', 'prompt', 'duration', 'resolution', 'orientation', 'quality']);
const QUALITIES = ['standard', 'high'] as const;
const DEFAULT_SECONDS = 4;
const DEFAULT_SIZE = '1280x720';

/** A create of dialect `generations` in the shape of the guide: any whole number of seconds, the frame in words. */
export function parseGuideRequest(body: RequestBody): CreateRequest {
  const model = readModel(body);
  if (findModel(model)) refuseUnknownFields(body, GUIDE_FIELDS);
  const prompt = readPrompt(body);
  const seconds = readDuration(body);
  const resolution = readSupported(body, 'resolution', RESOLUTIONS) ?? '720p';
  const orientation = readSupported(body, 'orientation', ORIENTATIONS) ?? 'landscape';
  readSupported(body, 'quality', QUALITIES);
  return { model, prompt, seconds, size: genericSize(resolution, orientation) };
}

/** The same in the shape of New API: the frame in pixels. Other fields are for the model and are ignored. */
export function parseNewApiRequest(body: RequestBody): CreateRequest {
  const model = readModel(body);
  const prompt = readPrompt(body);
  const seconds = readDuration(body);
  readText(body, 'image');
  return { model, prompt, seconds, size: readAnySize(body, DEFAULT_SIZE) };
}

function readDuration({ fields }: RequestBody): string {
  const duration = fields.get('duration') ?? DEFAULT_SECONDS;
  if (typeof duration === 'number' && Number.isInteger(duration) && duration > 0 && duration <= MAX_SECONDS) {
    return String(duration);
  }
  const message = `Invalid value: ${JSON.stringify(duration)}. Expected a whole number of seconds from 1 to ${MAX_SECONDS}.`;
  throw invalidField('duration', 'invalid_value', message);
}
