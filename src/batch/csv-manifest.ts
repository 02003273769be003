import { CsvError, parse } from 'csv-parse/sync';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { MAX_ROWS, type ManifestReading } from './manifest-reading.ts';
import type { RowFieldName } from './row-fields.ts';
import { fieldNamed, suggestedKey } from './row-reader.ts';

/** Far more than there are keys; each parameter may have a column. */
const MAX_COLUMNS = 1_000;
/** Characters of a row: a table without line ends would take minutes. */
const MAX_ROW = 1_000_000;
/** After so many lines that are not CSV, the rest is not read: each restarts the parser on all that follows. */
const MAX_BROKEN_LINES = 100;

/** Replaces CRLF while a text is parsed; no text contains this noncharacter. */
const CRLF = '\n\ufdd0';

interface CsvRecord {
  readonly cells: readonly string[];
  /** The line it begins on, from 1. */
  readonly line: number;
}

/** A key of a row, or a parameter of this name; null for an unknown column. */
type Column = { readonly key: RowFieldName } | { readonly param: string } | null;

/**
 * Reads a table whose first line names the columns. An empty cell is no value; cells of `character` and `variant` hold
 * several values, separated by spaces or commas; a column `param.NAME` holds that parameter.
 */
export function readCsv(text: string, reading: ManifestReading): void {
  // The parser counts the CR of a quoted CRLF as a line of its own.
  const [head, ...records] = parseRecords(withLineFeeds(text).replaceAll('\r\n', CRLF), reading);
  if (head === undefined) return;
  if (head.cells.length > MAX_COLUMNS) {
    reading.addFault(head.line, `the header has ${head.cells.length} columns, more than ${MAX_COLUMNS}`);
    return;
  }
  const columns = readHead(head, reading);
  for (const { cells, line } of records) {
    if (cells.length > columns.length) {
      const count = `it has ${cells.length} cells, but the header has ${columns.length}`;
      reading.addFault(line, `${count}; put quotes around a cell that contains a separator`);
    } else {
      reading.addRow(rowOf(columns, cells), line);
    }
  }
}

/** Excel for Mac can end rows with CR, and the lines within a cell with LF. */
function withLineFeeds(text: string): string {
  return text.replace(/"[^"]*"/g, '').includes('\n') ? text : text.replaceAll('\r', '\n');
}

function parseRecords(text: string, reading: ManifestReading): readonly CsvRecord[] {
  const records: CsvRecord[] = [];
  let rest = text;
  let linesBefore = 0;
  const options = {
    delimiter: delimiterOf(text),
    record_delimiter: [CRLF, '\n'],
    relax_column_count: true,
    relax_quotes: true,
    skip_empty_lines: true,
    trim: true,
    max_record_size: MAX_ROW,
    to: MAX_ROWS + 2, // the header, and one row more to report
    on_record(cells: readonly string[], { lines }: { readonly lines: number }) {
      const line = linesBefore + lines - cells.join('').split('\n').length + 1;
      const end = cells.findLastIndex((cell) => cell !== '') + 1; // spreadsheets add empty cells and rows
      if (end > 0) records.push({ cells: cells.slice(0, end).map((cell) => cell.replaceAll(CRLF, '\r\n')), line });
      return null;
    },
  };
  for (let broken = 0; broken < MAX_BROKEN_LINES; broken++) {
    try {
      parse(rest, options);
      return records;
    } catch (error) {
      if (!(error instanceof CsvError)) throw error;
      const lines = Number(error.lines ?? 1);
      linesBefore += lines;
      reading.addFault(linesBefore, describeFault(error));
      if (error.code === 'CSV_MAX_RECORD_SIZE') break;
      const lineEnd = /\n\ufdd0?/;
      rest = rest.split(lineEnd).slice(lines).join('\n'); // there may be more faults
    }
  }
  return records;
}

/** The most frequent one in the header. Excel writes semicolons where the comma is the decimal separator. */
function delimiterOf(text: string): string {
  const header = /[^\s\ufdd0].*/.exec(text)?.[0].replace(/"[^"]*"/g, '') ?? '';
  const count = (delimiter: string): number => header.split(delimiter).length;
  return [',', ';', '\t'].reduce((best, next) => (count(next) > count(best) ? next : best));
}

function describeFault({ code, message }: CsvError): string {
  if (code === 'CSV_MAX_RECORD_SIZE') return `this row has more than ${MAX_ROW.toLocaleString('en-US')} characters`;
  if (code === 'CSV_QUOTE_NOT_CLOSED') return 'a quote is opened here and never closed';
  return /CLOSING_QUOTE$/.test(code) ? 'there is text between a closing quote and the next cell' : message;
}

/** Faults of the header are reported once, not for each row. */
function readHead({ cells, line }: CsvRecord, reading: ManifestReading): readonly Column[] {
  const keys = new Set<RowFieldName>();
  const columns = cells.map((name, at): Column => {
    if (name === '') {
      reading.addFault(line, `column ${at + 1} has no name; name it, or remove it`);
      return null;
    }
    const [, param] = /^param\.([^=\s]+)$/i.exec(name) ?? [];
    if (param !== undefined) return { param };
    const key = fieldNamed(name);
    if (key === undefined) {
      const near = suggestedKey(name);
      reading.addFault(line, `the column \`${name}\` is not a key of a row${near === undefined ? '' : `; ${near}`}`);
      return null;
    }
    if (keys.has(key) && key !== 'param') reading.addFault(line, `there are two columns for \`${key}\``);
    keys.add(key);
    return { key };
  });
  if (!keys.has('prompt') && !keys.has('extend') && reading.defaults.prompt === undefined)
    reading.addFault(line, 'the header has no column `prompt`');
  return columns;
}

function rowOf(columns: readonly Column[], cells: readonly string[]): JsonObject {
  const row: Record<string, JsonValue> = {};
  const params: string[] = [];
  for (const [at, column] of columns.entries()) {
    const cell = cells[at] ?? '';
    if (cell === '' || column === null) continue;
    if ('param' in column) params.push(`${column.param}=${cell}`);
    else if (column.key === 'param') params.push(cell);
    else
      row[column.key] = column.key === 'character' || column.key === 'variant' ? (cell.match(/[^\s,]+/g) ?? []) : cell;
  }
  return params.length > 0 ? { ...row, param: params } : row;
}
