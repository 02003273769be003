import { createHash } from 'node:crypto';
import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve, sep } from 'node:path';
import { SoraError } from '../domain/errors.ts';
import { fitsVariant, promisedKind } from '../domain/media.ts';
import type { Variant } from '../domain/video.ts';
import { type WriteTarget, writeTargetOf } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';

/** Where results go: a file, a folder or standard output. */
export type Destination =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'stdout' };

/** Names of standard output, which must not be opened (and truncated) as files. */
const STDOUT_NAMES: ReadonlySet<string> = new Set(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);

/** Parses `-o`: a folder if it exists as one or ends in a slash; the working folder by default. */
export function parseDestination(output: string | undefined, cwd: string): Destination {
  if (output !== undefined && STDOUT_NAMES.has(output)) return { kind: 'stdout' };
  const path = resolve(cwd, output ?? '.');
  const isFolder = output === undefined || endsInSlash(output) || isExistingFolder(path);
  return { kind: isFolder ? 'folder' : 'file', path };
}

/** Outside Windows a backslash is an ordinary character of a name. */
export function endsInSlash(path: string): boolean {
  return path.endsWith('/') || path.endsWith(sep);
}

/** A path that cannot be read is refused later, when it is checked. */
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

/** The file for a variant. */
export interface VariantPath {
  readonly variant: Variant;
  readonly path: string;
  /** Whether the user chose the name; the extension of a generated one follows the actual kind of file. */
  readonly isAskedFor: boolean;
}

/**
 * The files for the variants of a video. A requested name goes to the first variant that matches its
 * extension; the others get names beside it.
 */
export function pathsFor(
  destination: Exclude<Destination, { kind: 'stdout' }>,
  variants: readonly Variant[],
  video: NamedVideo,
): VariantPath[] {
  const { kind, path: given } = destination;
  const base = kind === 'folder' ? join(given, defaultStem(video)) : given;
  const promised = kind === 'folder' ? null : promisedKind(extname(given).slice(1));
  const named =
    kind === 'folder' ? undefined : variants.find((variant) => promised === null || fitsVariant(promised, variant));
  const taken = new Set<string>(named === undefined ? [] : [foldedName(given)]);
  return variants.map((variant) => {
    if (variant === named) return { variant, path: given, isAskedFor: true };
    const extension = EXTENSION[variant];
    const stem = kind === 'folder' || promised === null ? base : withoutExtension(base);
    const beside = `${stem}.${extension}`;
    const path = taken.has(foldedName(beside)) ? `${stem}-${variant}.${extension}` : beside;
    taken.add(foldedName(path));
    return { variant, path, isAskedFor: false };
  });
}

function withoutExtension(path: string): string {
  return path.slice(0, path.length - extname(path).length);
}

/** Equal for names that some file systems treat as the same: different case, or a different Unicode form. */
export function foldedName(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

export function withExtension(path: string, extension: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.${extension}`);
}

/** `clip.mp4` → `clip.mp4.json`: the sidecar of a file. */
export function sidecarPath(path: string): string {
  return `${path}.json`;
}

const SLUG_CHARACTERS = 48;

/** `<slug of the prompt>-<end of the id>`; ids that are unsuitable for file names are hashed. */
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

/**
 * Checks, before money is spent, that the result can be saved, and creates missing folders.
 * Throws `file_exists` and `cannot_write`.
 */
export function checkDestination(destination: Destination, variants: readonly Variant[], force: boolean): void {
  if (destination.kind === 'stdout') return;
  if (destination.kind === 'folder') {
    checkFolder(destination.path);
    return;
  }
  const paths = pathsFor(destination, variants, { id: '', prompt: null }).map(({ path }) => path);
  const targets = paths.map(checkedTarget);
  if (targets.some(({ kind }) => kind === 'stream') && variants.length > 1) {
    throw new SoraError('usage', { title: `${destination.path} is not a file, and accepts only one variant` });
  }
  for (const { kind, path } of targets) if (kind === 'file') checkFolder(dirname(path));
  const taken = paths.filter((path, at) => targets[at]?.kind === 'file' && existsSync(path));
  if (taken.length > 0 && !force) throw fileExists(taken.join(', '));
}

/** Creates a missing folder. Throws `cannot_write` if no file can be created in it. */
function checkFolder(folder: string): void {
  try {
    makeFolder(folder);
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new SoraError('cannot_write', {
      title: `could not write into the folder ${folder}`,
      causedBy: error instanceof Error ? error.message : String(error),
    });
  }
}

/** Resolves a path. Throws `cannot_write` if it is not valid on this platform. */
export function checkedTarget(path: string): WriteTarget {
  try {
    return writeTargetOf(path);
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
