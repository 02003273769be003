import { isJsonObject, type JsonValue, plainJson } from '../domain/json.ts';
import { DEFAULT_MODEL, findModel, type ModelCapabilities } from '../domain/models.ts';
import { countCharacters } from '../domain/request.ts';
import { type ApiError, invalidField, missingField, quoteList, unsupportedValue } from './api-error.ts';
import { checkReference } from './reference-check.ts';
import type { RequestBody } from './request-body.ts';

/** A valid create, with the API's defaults filled in. */
export interface CreateRequest {
  readonly model: string;
  readonly prompt: string;
  /** A decimal number of seconds, as text, as in the API. */
  readonly seconds: string;
  /** `WIDTHxHEIGHT` in pixels. */
  readonly size: string;
  /** Where a notification is sent when the job has ended; left out for none. */
  readonly callbackUrl?: string;
}

export const DEFAULT_SECONDS = '4';
export const DEFAULT_SIZE = '720x1280';
const FIELDS = new Set(['model', 'prompt', 'seconds', 'size', 'input_reference', 'characters', 'callback_url']);
const MAX_PROMPT_LENGTH = 32_000;
const MAX_MODEL_LENGTH = 200;
export const MAX_SECONDS = 120;
const MIN_SIDE_PIXELS = 16;
const MAX_SIDE_PIXELS = 4096;

/**
 * Checks a create in the order of the real server and throws its first error. A model that is not in the table
 * is treated as another server's: it accepts any plausible length and size, and unknown fields.
 */
export function parseCreateRequest(body: RequestBody): CreateRequest {
  const model = readModel(body);
  const known = findModel(model);
  if (known) refuseUnknownFields(body, FIELDS);
  const prompt = readPrompt(body);
  const seconds = known ? readKnownSeconds(body, known) : readAnySeconds(body);
  const size = known ? readKnownSize(body, known) : readAnySize(body);
  if (known) checkCharacters(body, known);
  checkReference(body, size);
  return { model, prompt, seconds, size, ...readCallback(body) };
}

export function readModel(body: RequestBody): string {
  const model = readText(body, 'model') ?? DEFAULT_MODEL;
  if (model.length > MAX_MODEL_LENGTH) refuseLong('model', model, MAX_MODEL_LENGTH);
  return model;
}

export function refuseUnknownFields({ fields, files }: RequestBody, known: ReadonlySet<string>): void {
  for (const name of [...fields.keys(), ...files.keys()]) {
    if (!known.has(name)) throw invalidField(name, 'unknown_parameter', `Unknown parameter: '${name}'`);
  }
}

export function readPrompt(body: RequestBody): string {
  const prompt = readText(body, 'prompt');
  if (prompt === undefined) throw missingField('prompt');
  if (prompt.length === 0) {
    throw invalidField(
      'prompt',
      'empty_string',
      "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead.",
    );
  }
  if (prompt.length > MAX_PROMPT_LENGTH) refuseLong('prompt', prompt, MAX_PROMPT_LENGTH);
  return prompt;
}

export function readKnownSeconds(body: RequestBody, model: ModelCapabilities): string {
  return readSupported(body, 'seconds', model.seconds.map(String)) ?? DEFAULT_SECONDS;
}

/** A text field with one of these values; undefined when it is missing or null. */
export function readSupported<T extends string>(
  body: RequestBody,
  name: string,
  supported: readonly T[],
): T | undefined {
  const value = readText(body, name, `one of ${quoteList(supported, 'or')}`);
  const choice = supported.find((candidate) => candidate === value);
  if (value !== undefined && choice === undefined) throw unsupportedValue(name, value, supported);
  return choice;
}

function readAnySeconds({ fields }: RequestBody): string {
  const given = fields.get('seconds') ?? DEFAULT_SECONDS;
  const seconds = typeof given === 'string' || typeof given === 'number' ? Number(given) : Number.NaN;
  if (seconds > 0 && seconds <= MAX_SECONDS) return String(seconds);
  const message = `Invalid value: '${plainJson(given)}'. Expected a number of seconds above 0 and up to ${MAX_SECONDS}.`;
  throw invalidField('seconds', 'invalid_value', message);
}

function readKnownSize(body: RequestBody, model: ModelCapabilities): string {
  const sizes = model.sizes.map(({ size }) => size);
  return readSupported(body, 'size', sizes) ?? DEFAULT_SIZE;
}

export function readAnySize(body: RequestBody, fallback = DEFAULT_SIZE): string {
  const size = readText(body, 'size') ?? fallback;
  if (isRenderedSize(size)) return size;
  const message = `Invalid value: '${size}'. Expected WIDTHxHEIGHT with even sides from ${MIN_SIDE_PIXELS} to ${MAX_SIDE_PIXELS} pixels.`;
  throw invalidField('size', 'invalid_value', message);
}

export function isRenderedSize(size: string): boolean {
  const [, width, height] = /^([1-9]\d{1,3})x([1-9]\d{1,3})$/.exec(size) ?? [];
  return [width, height].every(isSidePixels);
}

function isSidePixels(text: string | undefined): boolean {
  const pixels = Number(text);
  return pixels % 2 === 0 && pixels >= MIN_SIDE_PIXELS && pixels <= MAX_SIDE_PIXELS;
}

function readCallback(body: RequestBody): Pick<CreateRequest, 'callbackUrl'> {
  const callbackUrl = readText(body, 'callback_url');
  if (callbackUrl === undefined) return {};
  if (/^https?:\/\//i.test(callbackUrl) && URL.canParse(callbackUrl)) return { callbackUrl };
  throw invalidField('callback_url', 'invalid_value', "Invalid 'callback_url': expected an http or https URL.");
}

function checkCharacters({ fields }: RequestBody, { maxCharacters }: ModelCapabilities): void {
  const characters = fields.get('characters') ?? [];
  if (!Array.isArray(characters)) throw invalidType('characters', 'an array', characters);
  if (characters.length > maxCharacters) {
    throw invalidField(
      'characters',
      'array_above_max_length',
      `Invalid 'characters': array too long. Expected an array with maximum length ${maxCharacters}, but got an array with length ${characters.length} instead.`,
    );
  }
  const misshapen = characters.find((character) => !isJsonObject(character) || typeof character.id !== 'string');
  if (misshapen !== undefined) throw invalidType('characters', "objects with an 'id'", misshapen);
}

/** A text field; undefined when it is missing or null. */
export function readText({ fields }: RequestBody, name: string, expected = 'a string'): string | undefined {
  const value = fields.get(name) ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw invalidType(name, expected, value);
}

function refuseLong(param: string, text: string, maxLength: number): void {
  const length = countCharacters(text);
  if (length <= maxLength) return;
  const message = `Invalid '${param}': string too long. Expected a string with maximum length ${maxLength}, but got a string with length ${length} instead.`;
  throw invalidField(param, 'string_above_max_length', message);
}

function invalidType(param: string, expected: string, value: JsonValue): ApiError {
  const message = `Invalid type for '${param}': expected ${expected}, but got ${typeNameOf(value)} instead.`;
  return invalidField(param, 'invalid_type', message);
}

function typeNameOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'number') return Number.isInteger(value) ? 'an integer' : 'a decimal number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
