import { dirname } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { withFileLock } from '../platform/file-lock.ts';
import { hasCode } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';
import { readRegular } from '../platform/open-input.ts';

/**
 * Reads a file of one JSON object, with its text to find line numbers; a missing file is an empty object.
 * Throws `invalid_config` with the line of the error, and never resets the file.
 */
export function readJsonFile(path: string): { readonly text: string; readonly value: JsonObject } {
  const text = readText(path);
  if (text.trim() === '') return { text, value: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = messageOf(error);
    // The text around the error is left out: it may be a key.
    const shown = reason.replace(QUOTED_CONTEXT, '');
    throw invalidFile(path, [`line ${lineOfSyntaxError(reason, text)}: ${shown}`]);
  }
  if (!isJsonObject(value)) throw invalidFile(path, ['line 1: the file is not a JSON object']);
  return { text, value };
}

function readText(path: string): string {
  try {
    return readRegular(path)
      .toString()
      .replace(/^\ufeff/, ''); // a byte order mark, which some editors write
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw invalidFile(path, [messageOf(error)], [hintAbout(path, error)]);
  }
}

function hintAbout(path: string, error: unknown): string {
  if (hasCode(error, 'EISDIR')) return `move ${path} away`;
  if (hasCode(error, 'ENOTDIR')) return `set \`SORA_HOME\` to a writable folder instead of ${dirname(path)}`;
  return `make ${path} readable`;
}

export function invalidFile(
  path: string,
  violations: readonly string[],
  hints = [`edit ${path} to fix it, or move it away`],
): SoraError {
  return new SoraError('invalid_config', { title: `could not use ${path}`, violations, hints });
}

/** Reads and changes one of the program’s own files under a lock. Throws `cannot_write` or the action’s error. */
export async function changeOwnFile(path: string, change: () => Promise<void>): Promise<void> {
  try {
    makeFolder(dirname(path), 0o700);
    await withFileLock(path, change);
  } catch (error) {
    if (error instanceof SoraError) throw error;
    throw new SoraError('cannot_write', {
      title: `could not write ${path}`,
      causedBy: messageOf(error),
      facts: { own_folder: dirname(path) },
      cause: error,
    });
  }
}

/** V8 names a position, or quotes up to ten characters before and after it. */
const QUOTED_CONTEXT = /, (\.{3})?"(.*)"(?:\.{3})? is not valid JSON$/s;
const CONTEXT_CHARACTERS = 10;

/** The line of the error; the last one if the text ends too early, for which V8 reports no position. */
function lineOfSyntaxError(message: string, text: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  if (position !== undefined) return lineAt(Number(position), text);
  const [, isCut, context] = QUOTED_CONTEXT.exec(message) ?? [];
  if (context === undefined) return lineAt(text.trimEnd().length, text);
  const token = /^Unexpected token '(.)'/su.exec(message)?.[1] ?? '';
  const start = text.indexOf(context);
  return lineAt(isCut ? start + CONTEXT_CHARACTERS : start + context.indexOf(token), text);
}

function lineAt(position: number, text: string): number {
  return text.slice(0, position).split('\n').length;
}
