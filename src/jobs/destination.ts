import { createHash } from 'node:crypto';
import { accessSync, constants, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import type { Variant } from '../domain/video.ts';
import { makeFolder } from '../platform/folders.ts';

/** Where results go: a file of that name, a folder to be filled, or standard output. */
export type Destination =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'stdout' };

/** Reads `-o`: a folder when it exists as one or ends in a slash; nothing given is the working folder. */
export function parseDestination(output: string | undefined, cwd: string): Destination {
  if (output === '-') return { kind: 'stdout' };
  const path = resolve(cwd, output ?? '.');
  const isFolder = output === undefined || /[/\\]$/.test(output) || isExistingFolder(path);
  return { kind: isFolder ? 'folder' : 'file', path };
}

/** A place that cannot even be looked at is refused when it is checked. */
function isExistingFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

const EXTENSION: Readonly<Record<Variant, string>> = { video: 'mp4', thumbnail: 'webp', spritesheet: 'jpg' };

export interface NamedVideo {
  readonly id: string;
  readonly prompt: string | null;
}

/** The file that a variant of a video goes to. The given name is for the first variant; others stand beside it. */
export function pathFor(
  destination: Exclude<Destination, { kind: 'stdout' }>,
  variant: Variant,
  video: NamedVideo,
  isFirst = true,
): string {
  if (destination.kind === 'file') {
    return isFirst ? destination.path : withExtension(destination.path, EXTENSION[variant]);
  }
  return join(destination.path, `${defaultStem(video)}.${EXTENSION[variant]}`);
}

export function withExtension(path: string, extension: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.${extension}`);
}

/** `clip.mp4` → `clip.mp4.json`: what tells where a file came from. */
export function sidecarPath(path: string): string {
  return `${path}.json`;
}

const SLUG_CHARACTERS = 48;

/** `<slug of the prompt>-<end of the id>`; ids that no file name should hold are hashed. */
function defaultStem({ id, prompt }: NamedVideo): string {
  const slug = (prompt ?? '')
    .normalize('NFC')
    .toLowerCase()
    .replace(/[^\p{Letter}\p{Number}]+/gu, '-')
    .replace(/^-+/, '');
  const short = [...slug].slice(0, SLUG_CHARACTERS).join('').replace(/-+$/, '');
  return `${short || 'video'}-${endOfId(id)}`;
}

function endOfId(id: string): string {
  const tail = /^[\w-]{1,64}$/.test(id) ? /[A-Za-z0-9]{1,8}$/.exec(id)?.[0] : undefined;
  return tail ?? createHash('sha256').update(id).digest('hex').slice(0, 8);
}

/** Finds, before money is spent, what would keep the result from being saved; a folder that was named as one is made. */
export function checkDestination(destination: Destination, variants: readonly Variant[], force: boolean): void {
  if (destination.kind === 'stdout') return;
  const folder = destination.kind === 'folder' ? destination.path : dirname(destination.path);
  try {
    if (destination.kind === 'folder') makeFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SoraError('cannot_write', {
      title: `could not write into the folder ${folder}`,
      causedBy: error instanceof Error ? error.message : String(error),
    });
  }
  if (destination.kind !== 'file') return;
  const paths = variants.map((variant, at) => pathFor(destination, variant, { id: '', prompt: null }, at === 0));
  const taken = paths.filter((path) => exists(path));
  if (taken.length > 0 && !force) throw fileExists(taken.join(', '));
}

/** Throws `cannot_write` for a name that no file can have here. */
function exists(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch (error) {
    throw cannotWrite(path, error);
  }
}

export function fileExists(path: string): SoraError {
  return new SoraError('file_exists', { title: `the output file already exists: ${path}` });
}

export function cannotWrite(path: string, error: unknown): SoraError {
  const reason = error instanceof Error ? error.message : String(error);
  return new SoraError('cannot_write', {
    title: `could not write ${path}`,
    causedBy: `${reason} (in ${dirname(path)})`,
    cause: error,
  });
}
