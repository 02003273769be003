import { readFileSync } from 'node:fs';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import { hasCode } from '../platform/files.ts';

/** A small file of one JSON object, and its text for naming lines. */
export interface JsonFile {
  readonly path: string;
  readonly text: string;
  readonly value: JsonObject;
}

/**
 * Reads a file of one JSON object; a missing file is an empty object.
 * Throws `invalid_config` with the line of the fault, and never resets the file.
 */
export function readJsonFile(path: string): JsonFile {
  const text = readText(path);
  if (text.trim() === '') return { path, text, value: {} };
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw invalidFile(path, [`line ${lineOfSyntaxError(reason, text)}: ${reason}`]);
  }
  if (!isJsonObject(value)) throw invalidFile(path, ['line 1: the file is not a JSON object']);
  return { path, text, value };
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return '';
    throw invalidFile(path, [error instanceof Error ? error.message : String(error)]);
  }
}

export function invalidFile(path: string, violations: readonly string[]): SoraError {
  return new SoraError('invalid_config', { title: `could not use ${path}`, violations });
}

/** V8 names a position, except for a text that ends too early. */
function lineOfSyntaxError(message: string, text: string): number {
  const position = /at position (\d+)/.exec(message)?.[1];
  const before = position === undefined ? text.trimEnd() : text.slice(0, Number(position));
  return before.split('\n').length;
}
