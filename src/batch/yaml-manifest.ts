import { isMap, isNode, isSeq, LineCounter, type Node, parseDocument } from 'yaml';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { ManifestReading } from './manifest-reading.ts';
import { namedFields, withRowDefaults } from './row-reader.ts';

/** Enough for anchors that are used again and again; a file of anchors within anchors would fill the memory. */
const MAX_ALIASES = 1_000;

/** `defaults` and `jobs`, or a list of rows alone. */
export function readYaml(text: string, reading: ManifestReading): void {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  for (const { pos, message } of document.errors) {
    reading.addFault(lines.linePos(pos[0]).line, message.replace(/ at line \d+, column \d+:.*$/s, ''));
  }
  if (document.errors.length > 0) return;
  const lineOf = (node: unknown): number => lines.linePos((isNode(node) ? node.range?.[0] : undefined) ?? 0).line;
  const toJson = (node: unknown): JsonValue | undefined => {
    if (!isNode(node)) return null;
    try {
      // Without tags of its own, YAML gives what JSON has.
      return node.toJS(document, { maxAliasCount: MAX_ALIASES }) as JsonValue;
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      reading.addFault(lineOf(node), error.message); // too many aliases
      return undefined;
    }
  };
  const jobs = jobsOf(document.contents, reading, lineOf);
  if (isMap(document.contents)) readDefaults(document.contents.get('defaults', true), reading, { lineOf, toJson });
  for (const job of jobs) {
    const row = toJson(job);
    if (row !== undefined) reading.addRow(row, lineOf(job));
  }
}

interface NodeReaders {
  readonly lineOf: (node: unknown) => number;
  readonly toJson: (node: unknown) => JsonValue | undefined;
}

function readDefaults(node: unknown, reading: ManifestReading, { lineOf, toJson }: NodeReaders): void {
  const value = toJson(node);
  if (value === null || value === undefined) return;
  const faults: string[] = [];
  if (isJsonObject(value)) reading.defaults = withRowDefaults(namedFields(value, faults), reading.defaults);
  else faults.push('`defaults` is not an object');
  for (const fault of faults) reading.addFault(lineOf(node), fault);
}

function jobsOf(
  contents: Node | null,
  reading: ManifestReading,
  lineOf: (node: unknown) => number,
): readonly unknown[] {
  if (isSeq(contents)) return contents.items;
  if (!isMap(contents)) {
    reading.addFault(1, 'a manifest is a list of rows, or an object with `jobs` and `defaults`');
    return [];
  }
  for (const { key } of contents.items) {
    const name = String(key);
    if (name !== 'jobs' && name !== 'defaults')
      reading.addFault(lineOf(key), `\`${name}\` is neither \`jobs\` nor \`defaults\``);
  }
  const jobs = contents.get('jobs', true);
  if (isSeq(jobs)) return jobs.items;
  reading.addFault(1, '`jobs` is not a list of rows');
  return [];
}
