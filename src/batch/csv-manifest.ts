import { CsvError, parse } from 'csv-parse/sync';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import type { ManifestReading } from './manifest.ts';

interface CsvRecord {
  readonly record: readonly string[];
  readonly info: { readonly lines: number };
}

/**
 * A table with a head. An empty cell is no value; cells of `character` and `variant`
 * hold several, separated by blanks; `param.NAME` is a parameter of its own.
 */
export function readCsv(text: string, reading: ManifestReading): void {
  const records = parseRecords(text, reading);
  const [head, ...rows] = records;
  if (head === undefined) return;
  const names = head.record.map((name) => name.trim());
  if (!names.includes('prompt')) {
    reading.addFault(1, 'the first line names the columns, and none of them is `prompt`');
    return;
  }
  let line = head.info.lines + 1;
  for (const { record, info } of rows) {
    if (record.length > names.length) {
      reading.addFault(line, `it has ${record.length} cells, and there are ${names.length} columns`);
    } else {
      reading.addRow(rowOf(names, record), line);
    }
    line = info.lines + 1;
  }
}

function parseRecords(text: string, reading: ManifestReading): readonly CsvRecord[] {
  const delimiter = text.split('\n', 1)[0]?.includes('\t') ? '\t' : ',';
  try {
    const options = { delimiter, info: true, relax_column_count: true, skip_empty_lines: true, trim: true } as const;
    return parse(text, options) as unknown as CsvRecord[]; // what `info` makes of each record, which its types leave out
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    reading.addFault(Number(error.lines ?? 1), error.message);
    return [];
  }
}

function rowOf(names: readonly string[], cells: readonly string[]): JsonObject {
  const row: Record<string, JsonValue> = {};
  const params: string[] = [];
  for (const [at, name] of names.entries()) {
    const cell = cells[at] ?? '';
    if (cell === '') continue;
    if (name.startsWith('param.')) params.push(`${name.slice('param.'.length)}=${cell}`);
    else if (name === 'param') params.push(cell);
    else row[name] = /^(character|variant)s?$/.test(name) ? cell.split(/\s+/) : cell;
  }
  return params.length > 0 ? { ...row, param: params } : row;
}
