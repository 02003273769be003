import { accessSync, constants, existsSync } from 'node:fs';
import { basename, dirname, extname, isAbsolute, posix, resolve, sep } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import { fitsVariant, promisedKind } from '../domain/media.ts';
import { addressFault, isObjectAddress, OBJECT_SCHEME, splitAddress } from '../domain/object-address.ts';
import type { Variant } from '../domain/video.ts';
import { pathFault } from '../platform/file-names.ts';
import { statsOf, type WriteTarget, writeTargetOf } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';
import { tryName, tryToCreate } from '../platform/private-files.ts';
import {
  DEFAULT_NAME,
  escapeTemplate,
  expandTemplate,
  hasField,
  isTemplate,
  literalStart,
  NAMELESS,
  type NamedVideo,
} from './name-template.ts';

/** Where results go: a file, a folder to fill, a template of names, or standard output. Paths are absolute or `s3://` addresses. */
export type Destination =
  | { readonly kind: 'file' | 'folder' | 'template'; readonly path: string }
  | { readonly kind: 'stdout' };

/** A destination on the disk or in object storage. */
export type FileDestination = Exclude<Destination, { kind: 'stdout' }>;

/** Names of standard output: opened as files, they would be emptied first. */
const STDOUT_NAMES: ReadonlySet<string> = new Set(['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);

/** Reads `-o`: a folder if it exists as one or ends in a slash, a template if it has braces; the default is the working folder. */
export function parseDestination(output: string | undefined, cwd: string): Destination {
  if (output !== undefined && STDOUT_NAMES.has(output)) return { kind: 'stdout' };
  if (output !== undefined && isTemplate(output)) {
    const path = pathIn(escapeTemplate(cwd), output);
    return { kind: 'template', path: endsInSlash(output) ? pathIn(path, DEFAULT_NAME) : path };
  }
  const path = pathIn(cwd, output ?? '.');
  const isFolder =
    output === undefined ||
    endsInSlash(output) ||
    (isObjectAddress(path) ? splitAddress(path).key === '' : statsOf(path)?.isDirectory() === true);
  return { kind: isFolder ? 'folder' : 'file', path };
}

/** A name in a folder, on disk or in object storage. A complete name is returned unchanged. */
export function pathIn(folder: string, name: string): string {
  if (isObjectAddress(name)) return name;
  if (!isObjectAddress(folder) || isAbsolute(name)) return resolve(folder, name);
  return folder.slice(0, OBJECT_SCHEME.length) + posix.join(folder.slice(OBJECT_SCHEME.length), name);
}

/** Why results cannot be saved to a path, or null. `reserveBytes` leaves room for a longer name beside it. */
export function outputFault(path: string, reserveBytes: number, platform: NodeJS.Platform): string | null {
  return addressFault(path, reserveBytes) ?? (isObjectAddress(path) ? null : pathFault(path, reserveBytes, platform));
}

/** Outside Windows a backslash is an ordinary character of a name. */
export function endsInSlash(path: string): boolean {
  return path.endsWith('/') || path.endsWith(sep);
}

const EXTENSION: Readonly<Record<Variant, string>> = { video: 'mp4', thumbnail: 'webp', spritesheet: 'jpg' };

/** A file that a variant goes to. */
export interface VariantPath {
  readonly variant: Variant;
  readonly path: string;
  /** The name was generated, so its extension may follow the actual kind of file. */
  readonly isDefaultName: boolean;
}

/** The file of each variant of a video. */
export function pathsFor(
  { kind, path }: FileDestination,
  variants: readonly Variant[],
  video: NamedVideo,
): VariantPath[] {
  if (kind === 'file') return pathsBeside(path, variants);
  const template = kind === 'folder' ? pathIn(escapeTemplate(path), DEFAULT_NAME) : path;
  const isDefaultName = template.endsWith('.{ext}');
  const paths = variants.map((variant) => {
    const { name } = expandTemplate(template, video, { variant, extension: EXTENSION[variant] });
    return { variant, path: name, isDefaultName };
  });
  const [first] = paths;
  return first === undefined || hasField(template, 'variant', 'ext') ? paths : pathsBeside(first.path, variants);
}

/** A chosen name is for the first variant that fits its extension; the others go to files beside it. */
function pathsBeside(given: string, variants: readonly Variant[]): VariantPath[] {
  const promised = promisedKind(extname(given).slice(1));
  const named = variants.find((variant) => promised === null || fitsVariant(promised, variant));
  const taken = new Set<string>(named === undefined ? [] : [foldedName(given)]);
  const stem = promised === null ? given : withoutExtension(given);
  return variants.map((variant) => {
    if (variant === named) return { variant, path: given, isDefaultName: false };
    const extension = EXTENSION[variant];
    const beside = `${stem}.${extension}`;
    const path = taken.has(foldedName(beside)) ? `${stem}-${variant}.${extension}` : beside;
    taken.add(foldedName(path));
    return { variant, path, isDefaultName: true };
  });
}

/** Whether several videos can be saved there, each under its own name. */
export function isForSeveral(destination: Destination, ...fields: readonly ('n' | 'id')[]): boolean {
  return destination.kind === 'folder' || (destination.kind === 'template' && hasField(destination.path, ...fields));
}

/** Whether the names are known before the video has an id. */
export function isNameKnown({ kind, path }: FileDestination): boolean {
  return kind === 'file' || (kind === 'template' && !hasField(path, 'id'));
}

/**
 * Why a template cannot name the files of a video: fields without a value, and names that the platform cannot store.
 * `reserveBytes` leaves room for a longer name beside it.
 */
export function nameFaults(
  destination: Destination,
  variants: readonly Variant[],
  video: NamedVideo,
  { reserveBytes, platform }: { readonly reserveBytes: number; readonly platform: NodeJS.Platform },
): string[] {
  if (destination.kind !== 'template') return [];
  const { path: template } = destination;
  const faults = variants.flatMap((variant) => {
    const { name, empty } = expandTemplate(template, video, { variant, extension: EXTENSION[variant] });
    const fault = outputFault(name, reserveBytes, platform);
    return [
      ...empty.map((field) => `\`${field}\` has no value for this video`),
      ...(fault === null ? [] : [`${name}: ${fault}`]),
    ];
  });
  return [...new Set(faults)];
}

function withoutExtension(path: string): string {
  return path.slice(0, path.length - extname(path).length);
}

/** Equal for names that some file systems treat as the same: names that differ in case or Unicode form. */
export function foldedName(path: string): string {
  return path.normalize('NFC').toLowerCase();
}

export function withExtension(path: string, extension: string): string {
  return `${withoutExtension(path)}.${extension}`;
}

/** `clip.mp4` → `clip.mp4.json`: the sidecar of a file. */
export function sidecarPath(path: string): string {
  return `${path}.json`;
}

/**
 * Checks, before money is spent, that the result can be saved, and creates missing folders.
 * Throws `file_exists` and `cannot_write`.
 */
export function checkDestination(
  destination: Destination,
  variants: readonly Variant[],
  force: boolean,
  video: NamedVideo = NAMELESS,
): void {
  if (destination.kind === 'stdout') return;
  if (!isNameKnown(destination)) {
    checkFolder(folderOf(destination), tryToCreate);
    return;
  }
  const paths = pathsFor(destination, variants, video).map(({ path }) => path);
  const targets = paths.map(checkedTarget);
  if (targets.some(({ kind }) => kind === 'stream') && variants.length > 1) {
    throw new SoraError('usage', { title: `${destination.path} is not a file, and accepts only one variant` });
  }
  for (const { kind, path } of targets) if (kind === 'file') checkName(path);
  const taken = paths.filter((path, at) => targets[at]?.kind === 'file' && existsSync(path));
  if (taken.length > 0 && !force) throw fileExists(taken.join(', '));
}

/** The folder that all files go to or below. */
export function folderOf({ kind, path }: FileDestination): string {
  if (kind === 'folder') return path;
  return dirname(kind === 'file' ? path : `${literalStart(path)}x`);
}

function checkName(path: string): void {
  const folder = dirname(path);
  checkFolder(folder, tryToCreate);
  try {
    tryName(folder, basename(path));
  } catch (error) {
    const title = `could not create a file named \`${basename(path)}\` in ${folder}`;
    throw new SoraError('cannot_write', { title, causedBy: messageOf(error) });
  }
}

/** Creates a folder if it is missing. Throws `cannot_write` if no file can be created in it, as far as `check` finds. */
export function checkFolder(folder: string, check: (folder: string) => void = checkAccess): void {
  try {
    makeFolder(folder);
    check(folder);
  } catch (error) {
    const title = `could not write into the folder ${folder}`;
    throw new SoraError('cannot_write', { title, causedBy: messageOf(error) });
  }
}

/** Faster than creating a file, but passes for root even in folders that accept no files. */
function checkAccess(folder: string): void {
  accessSync(folder, constants.W_OK | constants.X_OK);
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
  const causedBy = `${messageOf(error)} (in ${dirname(path)})`;
  return new SoraError('cannot_write', { title: `could not write ${path}`, causedBy, cause: error });
}
