import { resolve } from 'node:path';
import { capabilitiesOf } from '../configuration/endpoint.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import { ASPECT_RATIOS, ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import {
  type DerivedInput,
  type RequestResolution,
  type ResolvedRequest,
  resolveDerivedRequest,
  resolveRequest,
} from '../domain/request.ts';
import { withDefaults } from '../domain/request-defaults.ts';
import type { Variant } from '../domain/video.ts';
import { decodeText, readAhead, readInput, readStream } from '../jobs/input-file.ts';
import { isRemoteImage, readReference, readReferenceImage } from '../jobs/input-media.ts';
import { hasCode } from '../platform/files.ts';
import { expandTilde } from '../platform/home-dir.ts';
import type { Host } from '../platform/host.ts';
import type { Context } from './context.ts';
import { inGroup, type OptionValues, option, readOr } from './option-values.ts';

/**
 * The options that describe a video, for every command that takes them. The server chooses what is left out; on OpenAI,
 * Azure and the simulator the defaults are sora-2, 4 s, 720p, 16:9.
 */
export const REQUEST_OPTIONS = inGroup('Video:', {
  duration: option('-d, --duration <seconds>', 'length; rounded to the nearest one that the model renders'),
  model: option('-m, --model <name>', 'model'),
  resolution: option('-r, --resolution <name>', RESOLUTIONS.join(', ')),
  aspectRatio: option('-a, --aspect-ratio <ratio>', ASPECT_RATIOS.join(', ')),
  orientation: option('--orientation <name>', ORIENTATIONS.join(', ')),
  size: option('--size <WxH>', 'exact pixels, instead of the three options above'),
  quality: option('--quality <name>', 'standard, high'),
  image: option('-i, --image <file|url|file_id>', 'first frame: jpeg, png or webp, same size as the video'),
  lastFrame: option('--last-frame <file|url|file_id>', 'last frame, where the server accepts one'),
  reference: option(
    '--reference <file|url|file_id>',
    'image, video or audio that guides the video (repeatable), where the server accepts it',
    { repeatable: true },
  ),
  character: option('--character <id>', 'character that appears in the video (repeatable)', { repeatable: true }),
  param: option('--param <key=value>', 'any other field that the server accepts (repeatable)', { repeatable: true }),
  exact: option('--exact', 'refuse a length that the model does not render, instead of rounding'),
});

export type RequestOptions = OptionValues<typeof REQUEST_OPTIONS>;

/** A resolved request, and the paths of its files in the order in which they are sent. */
export interface ReadRequest extends ResolvedRequest {
  readonly paths: readonly string[];
}

/**
 * Reads prompt and files and resolves the request. `extraFaults` are problems of other options, reported together with its
 * own. Throws `invalid_request`, or `reference_size_mismatch` if that is the only problem.
 */
export async function readRequest(
  prompt: string,
  options: RequestOptions,
  { configuration, host }: Pick<Context, 'configuration' | 'host'>,
  extraFaults: readonly string[],
  variants?: readonly Variant[],
): Promise<ReadRequest> {
  const faults = [...extraFaults];
  const promptText = await readPromptOr(prompt, host, faults);
  const { image: first, lastFrame, reference = [] } = options;
  const named = [first, lastFrame, ...reference].filter((name) => name !== undefined);
  const paths = named.filter((name) => !isRemoteImage(name));
  const { cwd, interrupt } = host;
  const read = await readAhead(paths, cwd, interrupt);
  const image = first === undefined ? undefined : readOr(() => readReferenceImage(first, cwd, read), faults);
  const references = [
    ...(lastFrame === undefined ? [] : [readOr(() => readReference(lastFrame, cwd, 'last_frame', read), faults)]),
    ...reference.map((name) => readOr(() => readReference(name, cwd, undefined, read), faults)),
  ].filter((found) => found !== undefined);
  const { model, defaults } = configuration;
  const input = {
    ...withDefaults({ ...options, params: options.param }, defaults),
    model: options.model ?? model?.value,
    prompt: promptText,
    characters: options.character,
    image,
    references,
    variants,
  };
  const resolved = settled(resolveRequest(input, capabilitiesOf(configuration)), faults, 'create');
  return { ...resolved, paths };
}

/** An existing video as the start of a request. */
export interface ReadSource extends Pick<DerivedInput, 'source' | 'facts'> {
  /** The path of a file; null for a video of the server. */
  readonly filePath: string | null;
  /** What it was made from; null if unknown. */
  readonly prompt: string | null;
}

/** The same for a video from an existing one, whose prompt is used if none is given. */
export async function readDerivedRequest(
  prompt: string | undefined,
  { param, duration, exact }: Pick<RequestOptions, 'duration' | 'param' | 'exact'>,
  { source, facts, filePath, prompt: ownPrompt }: ReadSource,
  { configuration, host }: Pick<Context, 'configuration' | 'host'>,
  extraFaults: readonly string[],
  variants: readonly Variant[],
): Promise<ReadRequest> {
  const faults = [...extraFaults];
  const text = prompt === undefined ? ownPrompt : await readPromptOr(prompt, host, faults);
  if (text === null) faults.push('the prompt of the source is unknown; add a prompt');
  const input = { prompt: text ?? UNREADABLE, duration, params: param, exact, source, facts, variants };
  const resolution = resolveDerivedRequest(input, capabilitiesOf(configuration));
  return {
    ...settled(resolution, faults, source.operation),
    paths: filePath === null ? [] : [filePath],
  };
}

/** The resolved request. Throws its problems together with the other ones. */
function settled(resolution: RequestResolution, faults: readonly string[], command: string): ResolvedRequest {
  if (resolution.ok && faults.length === 0) return resolution.value;
  const violations = [...faults, ...(resolution.ok ? [] : resolution.violations)];
  const isSizeOnly = faults.length === 0 && !resolution.ok && resolution.wrongImageSize;
  throw new SoraError(isSizeOnly ? 'reference_size_mismatch' : 'invalid_request', {
    violations,
    facts: { command },
  });
}

/** Replaces a prompt whose problem is already reported; a second error about it would mislead. */
const UNREADABLE = 'unreadable';

async function readPromptOr(prompt: string, host: Host, faults: string[]): Promise<string> {
  try {
    return await readPrompt(prompt, host);
  } catch (error) {
    host.interrupt.throwIfAborted();
    faults.push(messageOf(error));
    return UNREADABLE;
  }
}

/** A prompt is text, `@file`, or `-` for standard input; `@@x` is the text `@x`. A final newline is removed. */
async function readPrompt(prompt: string, { cwd, homeDir, stdin, interrupt }: Host): Promise<string> {
  if (prompt === '-') {
    const bytes = await readStream(stdin, interrupt).catch((error: unknown) => {
      throw new Error(`could not read standard input: ${messageOf(error)}`);
    });
    return decodeText(bytes, 'standard input');
  }
  if (prompt.startsWith('@@')) return prompt.slice(1);
  if (!prompt.startsWith('@')) return prompt;
  const path = resolve(cwd, expandTilde(prompt.slice(1), homeDir));
  const bytes = await readInput(path, interrupt).catch((error: unknown) => {
    const escaped = hasCode(error, 'ENOENT') ? '; write `@@` for a prompt that begins with `@`' : '';
    throw new Error(`could not read the prompt file: ${messageOf(error)}${escaped}`);
  });
  return decodeText(bytes, path);
}
