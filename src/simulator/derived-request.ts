import { isJsonObject } from '../domain/json.ts';
import { DEFAULT_MODEL, findModel, knownModels } from '../domain/models.ts';
import { ApiError } from '../http-server/api-error.ts';
import {
  type CreateRequest,
  DEFAULT_SECONDS,
  DEFAULT_SIZE,
  readKnownSeconds,
  readPrompt,
  readText,
} from './create-request.ts';
import type { Video } from './job.ts';
import { invalidField } from './refusals.ts';
import type { RequestBody } from './request-body.ts';

/** The longest video that extensions may add up to, in seconds. */
const MAX_EXTENDED_SECONDS = 120;
const MAX_NAME_LENGTH = 80;
/** What an MP4 file begins with, behind four bytes. */
const MP4_MARK = 'ftyp';

/** What a video is made from: a finished video of this server, or an uploaded file, of which nothing more is known. */
export type Source = Pick<Video, 'model' | 'size' | 'seconds'>;

/** Finds a job as it stands; throws the API's 404. */
export type FindVideo = (id: string) => Video;

/** A new prompt for a finished video. */
export function parseRemixRequest(body: RequestBody, source: Video): CreateRequest {
  refuseUnfinished(source);
  return { ...sourceFields(source), prompt: readPrompt(body) };
}

/** A change to a finished video, or to an uploaded one. */
export function parseEditRequest(body: RequestBody, find: FindVideo): CreateRequest {
  const prompt = readPrompt(body);
  return { ...sourceFields(readSource(body, find)), prompt };
}

/** More seconds at the end of a finished video, or of an uploaded one; the result has the seconds of both. */
export function parseExtendRequest(body: RequestBody, find: FindVideo): CreateRequest {
  const prompt = readPrompt(body);
  const source = readSource(body, find);
  const [fallback] = knownModels();
  const model = findModel(source.model) ?? fallback;
  if (readText(body, 'seconds') === undefined || model === undefined) {
    throw invalidField('seconds', 'missing_required_parameter', "Missing required parameter: 'seconds'.");
  }
  const seconds = Number(source.seconds) + Number(readKnownSeconds(body, model));
  if (seconds > MAX_EXTENDED_SECONDS) {
    const message = `Invalid 'seconds': the extended video would have ${seconds} seconds, the limit is ${MAX_EXTENDED_SECONDS}.`;
    throw invalidField('seconds', 'invalid_value', message);
  }
  return { ...sourceFields(source), prompt, seconds: String(seconds) };
}

/** The name of a character; its video is looked at and not kept. */
export function parseCharacterRequest(body: RequestBody): { readonly name: string } {
  const name = readText(body, 'name') ?? '';
  if (name === '' || name.length > MAX_NAME_LENGTH) {
    throw invalidField(
      'name',
      'invalid_value',
      `Invalid 'name': expected a string of 1 to ${MAX_NAME_LENGTH} characters.`,
    );
  }
  checkUpload(body);
  return { name };
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
  checkUpload(body);
  return { model: DEFAULT_MODEL, size: DEFAULT_SIZE, seconds: DEFAULT_SECONDS };
}

function refuseUnfinished({ id, status }: Video): void {
  if (status === 'completed') return;
  const message = `Video with id '${id}' is not completed: its status is '${status}'`;
  throw new ApiError({ status: 400, code: 'video_not_completed', param: 'video', message });
}

function checkUpload({ fields, files }: RequestBody): void {
  const file = files.get('video');
  if (file === undefined) {
    if (!fields.has('video')) {
      throw invalidField('video', 'missing_required_parameter', "Missing required parameter: 'video'.");
    }
    throw invalidField('video', 'invalid_type', "Invalid type for 'video': expected a file or an object with an 'id'.");
  }
  if (Buffer.from(file.bytes.subarray(4, 8)).toString('latin1') === MP4_MARK) return;
  throw invalidField('video', 'invalid_video_file', "Invalid video file in 'video': expected an MP4.");
}
