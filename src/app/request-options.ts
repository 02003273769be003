import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { SoraError } from '../domain/errors.ts';
import { readImageSize } from '../domain/image.ts';
import { ASPECT_RATIOS, ORIENTATIONS, RESOLUTIONS } from '../domain/models.ts';
import { type RequestInput, type ResolvedRequest, resolveRequest } from '../domain/request.ts';
import { withDefaults } from '../domain/request-defaults.ts';
import type { OptionSpecs, OptionValues } from './command.ts';
import type { Context } from './context.ts';

const GROUP = 'Video:';

/** The options that describe a video, for every command that takes them. */
export const REQUEST_OPTIONS = {
  duration: {
    group: GROUP,
    flags: '-d, --duration <seconds>',
    summary: 'length; the nearest one that the model renders is taken (default 4)',
  },
  model: { group: GROUP, flags: '-m, --model <name>', summary: 'model (default sora-2)' },
  resolution: { group: GROUP, flags: '-r, --resolution <name>', summary: `${RESOLUTIONS.join(', ')} (default 720p)` },
  aspectRatio: {
    group: GROUP,
    flags: '-a, --aspect-ratio <ratio>',
    summary: `${ASPECT_RATIOS.join(', ')} (default 16:9)`,
  },
  orientation: { group: GROUP, flags: '--orientation <name>', summary: ORIENTATIONS.join(', ') },
  size: { group: GROUP, flags: '--size <WxH>', summary: 'exact pixels, in place of the three options above' },
  quality: { group: GROUP, flags: '--quality <name>', summary: 'standard, high' },
  image: {
    group: GROUP,
    flags: '-i, --image <file|url|file_id>',
    summary: 'reference image: jpeg, png or webp, of the size of the video',
  },
  character: {
    group: GROUP,
    flags: '--character <id>',
    summary: 'character to appear in it (repeatable)',
    repeatable: true,
  },
  param: {
    group: GROUP,
    flags: '--param <key=value>',
    summary: 'what a server takes beyond the standard (repeatable)',
    repeatable: true,
  },
  exact: { group: GROUP, flags: '--exact', summary: 'refuse a length that the model does not render' },
} as const satisfies OptionSpecs;

export type RequestOptions = OptionValues<typeof REQUEST_OPTIONS>;

/** A resolved request, and where its image lies. */
export interface ReadRequest extends ResolvedRequest {
  readonly imagePath: string | null;
}

/**
 * Reads prompt and image and resolves the request. `extraFaults` are what the
 * command found wrong with its other options, so that all faults come at once.
 * Throws `invalid_request`, or `reference_size_mismatch` when that is the only fault.
 */
export async function readRequest(
  prompt: string,
  options: RequestOptions,
  context: Context,
  extraFaults: readonly string[],
): Promise<ReadRequest> {
  const faults = [...extraFaults];
  const note = (fault: string): undefined => void faults.push(fault);
  const promptText = await readPrompt(prompt, context).catch((error: Error) => note(error.message));
  const image = options.image === undefined ? undefined : readImage(options.image, context.host.cwd, note);
  const { model, defaults } = context.configuration;
  const resolution = resolveRequest({
    ...withDefaults({ ...options, params: options.param }, defaults),
    model: options.model ?? model?.value,
    // A prompt that could not be read is a fault already; another one about it would mislead.
    prompt: promptText ?? 'unreadable',
    characters: options.character,
    image,
  });
  if (resolution.ok && faults.length === 0) {
    return { ...resolution.value, imagePath: image?.reference.kind === 'file' ? (options.image ?? null) : null };
  }
  const violations = [...faults, ...(resolution.ok ? [] : resolution.violations)];
  const isSizeOnly = faults.length === 0 && !resolution.ok && resolution.wrongImageSize;
  throw new SoraError(isSizeOnly ? 'reference_size_mismatch' : 'invalid_request', { violations });
}

/** A prompt is text, `@file`, or `-` for standard input; the newline that ends a file is not part of it. */
async function readPrompt(prompt: string, { host }: Context): Promise<string> {
  if (prompt === '-') return decode(Buffer.from(await text(host.stdin)), 'standard input');
  if (!prompt.startsWith('@')) return prompt;
  const path = resolve(host.cwd, prompt.slice(1));
  return decode(readBytes(path, 'the prompt’s file'), path);
}

function decode(bytes: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/\r?\n$/, '');
  } catch {
    throw new Error(`${source} holds binary data, not text`);
  }
}

function readBytes(path: string, what: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`could not read ${what}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function readImage(image: string, cwd: string, note: (fault: string) => undefined): RequestInput['image'] {
  if (/^(https?|data):/i.test(image)) return { reference: { kind: 'url', url: image }, size: null };
  if (/^file[-_][\w-]+$/.test(image)) return { reference: { kind: 'file_id', fileId: image }, size: null };
  try {
    const bytes = readBytes(resolve(cwd, image), 'the reference image');
    const facts = readImageSize(bytes);
    if (facts === null) return note(`the reference image ${image} is no jpeg, png or webp file`);
    const { mimeType, width, height } = facts;
    return { reference: { kind: 'file', name: basename(image), mimeType, bytes }, size: `${width}x${height}` };
  } catch (error) {
    return note(error instanceof Error ? error.message : String(error));
  }
}
