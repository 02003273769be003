import { isJsonObject } from '../domain/json.ts';
import { DEFAULT_MODEL, findModel, KNOWN_MODELS, MAX_EXTENDED_SECONDS } from '../domain/models.ts';
import { readMovieFacts } from '../domain/movie-facts.ts';
import { ApiError, invalidField, missingField } from './api-error.ts';
import {
  type CreateRequest,
  DEFAULT_SECONDS,
  DEFAULT_SIZE,
  isRenderedSize,
  MAX_SECONDS,
  readKnownSeconds,
  readPrompt,
  readText,
} from './create-request.ts';
import type { Video } from './job.ts';
import type { RequestBody } from './request-body.ts';

const MAX_NAME_LENGTH = 80;
/** At byte 4 of every MP4 file. */
const MP4_MARK = 'ftyp';

/** The video to start from; the defaults for what an uploaded file does not state. */
export type Source = Pick<Video, 'model' | 'size' | 'seconds'>;

/** Throws the API's 404. */
export type FindVideo = (id: string) => Video;

/** A new video from a finished one and another prompt. */
export function parseRemixRequest(body: RequestBody, source: Video): CreateRequest {
  refuseUnfinished(source);
  return { ...sourceFields(source), prompt: readPrompt(body) };
}

/** A changed version of a finished or uploaded video. */
export function parseEditRequest(body: RequestBody, find: FindVideo): CreateRequest {
  const prompt = readPrompt(body);
  return { ...sourceFields(readSource(body, find)), prompt };
}

/** A finished or uploaded video with seconds added at its end; the result has the length of both. */
export function parseExtendRequest(body: RequestBody, find: FindVideo): CreateRequest {
  const prompt = readPrompt(body);
  const source = readSource(body, find);
  const [fallback] = KNOWN_MODELS;
  const model = findModel(source.model) ?? fallback;
  if (readText(body, 'seconds') === undefined || model === undefined) throw missingField('seconds');
  const seconds = Number(source.seconds) + Number(readKnownSeconds(body, model));
  if (seconds > MAX_EXTENDED_SECONDS) {
    const message = `Invalid 'seconds': the extended video would have ${seconds} seconds, the limit is ${MAX_EXTENDED_SECONDS}.`;
    throw invalidField('seconds', 'invalid_value', message);
  }
  return { ...sourceFields(source), prompt, seconds: String(seconds) };
}

/** The name of a character; its video is checked and discarded. */
export function parseCharacterRequest(body: RequestBody): string {
  const name = readText(body, 'name') ?? '';
  if (name === '' || name.length > MAX_NAME_LENGTH) {
    throw invalidField(
      'name',
      'invalid_value',
      `Invalid 'name': expected a string of 1 to ${MAX_NAME_LENGTH} characters.`,
    );
  }
  checkUpload(body);
  return name;
}

function sourceFields({ model, size, seconds }: Source): Omit<CreateRequest, 'prompt'> {
  return { model, size, seconds };
}

function readSource(body: RequestBody, find: FindVideo): Source {
  const reference = body.fields.get('video');
  if (isJsonObject(reference) && typeof reference.id === 'string') {
    const video = find(reference.id);
    refuseUnfinished(video);
    return video;
  }
  const { seconds, size } = readMovieFacts(checkUpload(body));
  return {
    model: DEFAULT_MODEL,
    size: size !== null && isRenderedSize(size) ? size : DEFAULT_SIZE,
    seconds: seconds === null ? DEFAULT_SECONDS : String(Math.min(seconds, MAX_SECONDS)),
  };
}

function refuseUnfinished({ id, status }: Video): void {
  if (status === 'completed') return;
  const message = `Video with id '${id}' is not completed: its status is '${status}'`;
  throw new ApiError({ status: 400, code: 'video_not_completed', param: 'video', message });
}

/** The bytes of the uploaded video. */
function checkUpload({ fields, files }: RequestBody): Uint8Array {
  const file = files.get('video');
  if (file === undefined) {
    if (!fields.has('video')) throw missingField('video');
    throw invalidField('video', 'invalid_type', "Invalid type for 'video': expected a file or an object with an 'id'.");
  }
  if (Buffer.from(file.bytes.subarray(4, 8)).toString('latin1') === MP4_MARK) return file.bytes;
  throw invalidField('video', 'invalid_video_file', "Invalid video file in 'video': expected an MP4.");
}
