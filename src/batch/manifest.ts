import { isJsonObject, parseJson } from '../domain/json.ts';
import { hasField } from '../jobs/name-template.ts';
import { type Manifest, ManifestReading } from './manifest-reading.ts';
import type { RowValues } from './row-reader.ts';

export const MANIFEST_FORMATS = ['jsonl', 'csv', 'yaml', 'text'] as const;
export type ManifestFormat = (typeof MANIFEST_FORMATS)[number];

const EXTENSIONS: Readonly<Record<string, ManifestFormat>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  csv: 'csv',
  tsv: 'csv',
  yaml: 'yaml',
  yml: 'yaml',
  json: 'yaml', // a superset of JSON
  txt: 'text',
};

/** The format of a manifest, by its name or else by its content. */
export function formatOf(name: string, text: string): ManifestFormat {
  const extension = /\.([a-z]+)$/i.exec(name)?.[1]?.toLowerCase() ?? '';
  return (Object.hasOwn(EXTENSIONS, extension) ? EXTENSIONS[extension] : undefined) ?? guessFormat(text);
}

function guessFormat(text: string): ManifestFormat {
  const value = parseJson(text);
  if (Array.isArray(value) || (isJsonObject(value) && value.jobs !== undefined)) return 'yaml';
  const first = text.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#')) ?? '';
  const json = parseJson(first);
  const hasHeader = first.split(/[,;\t]/).some((cell) => /^\s*("?)prompt\1\s*$/i.test(cell));
  if (hasHeader && (json === undefined || json === 'prompt')) return 'csv';
  if (/^\s*[{"]/.test(first)) return 'jsonl';
  return /^(---|- |(jobs|defaults):|\[\s*(["'{]|$))/.test(first) ? 'yaml' : 'text';
}

const READERS: Readonly<Record<ManifestFormat, (text: string, reading: ManifestReading) => void | Promise<void>>> = {
  jsonl: readJsonLines,
  csv: async (text, reading) => (await import('./csv-manifest.ts')).readCsv(text, reading),
  yaml: async (text, reading) => (await import('./yaml-manifest.ts')).readYaml(text, reading),
  text: readPrompts,
};

/** Reads a manifest of any format, with `defaults` for keys that rows leave out; never throws for its content. */
export async function readManifest(text: string, format: ManifestFormat, defaults: RowValues = {}): Promise<Manifest> {
  const reading = new ManifestReading(defaults);
  await READERS[format](text, reading);
  findDoubles(reading);
  if (reading.rows.length === 0 && reading.faults.length === 0) reading.addFault(1, 'the manifest has no rows');
  return reading;
}

/** One JSON value per line; blank lines and lines that begin with `#` are skipped. */
function readJsonLines(text: string, reading: ManifestReading): void {
  for (const [at, line] of text.split('\n').entries()) {
    const content = line.trim();
    if (content === '' || content.startsWith('#')) continue;
    const value = parseJson(content);
    if (value === undefined) reading.addFault(at + 1, `this is not JSON${causeOf(content)}`);
    else reading.addRow(value, at + 1);
  }
}

function causeOf(line: string): string {
  if (line === '{' || line === '[') return ': a row must be on one line, as `jq -c` writes it';
  return parseJson(line.replace(/[\u201c\u201d]/g, '"')) === undefined ? '' : ': it has typographic quotes';
}

/** One prompt per line; `# ` begins a comment, `#sunset` a prompt. */
function readPrompts(text: string, reading: ManifestReading): void {
  for (const [at, line] of text.split('\n').entries()) {
    const prompt = line.trim();
    if (prompt === '' || prompt === '#' || prompt.startsWith('# ')) continue;
    // JSON, even broken, is not a prompt, and the video would be billed.
    if (/^(\[(\s*\{)?|\{)\s*("|\}?$|'.*'[\s,\]}]*$)/.test(prompt))
      reading.addFault(
        at + 1,
        `this is JSON, not a prompt; use \`--format ${prompt.startsWith('[') ? 'yaml' : 'jsonl'}\``,
      );
    else reading.addRow(prompt, at + 1);
  }
}

/** Rows need different ids, and several videos cannot share a file. */
function findDoubles(reading: ManifestReading): void {
  const lines = new Map<string, number>();
  for (const { line, id, output, count } of reading.rows) {
    const first = id === null ? undefined : lines.get(id);
    if (first !== undefined) reading.addFault(line, `the id \`${id}\` is already used in line ${first}`);
    else if (id !== null) lines.set(id, line);
    const isFile = output !== undefined && !/[/\\]$/.test(output) && !hasField(output, 'n', 'id');
    if (isFile && count > 1) reading.addFault(line, '`output` names one file, but `count` asks for several videos');
  }
}
