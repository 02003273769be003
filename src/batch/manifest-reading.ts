import { isNestedTooDeeply, type JsonValue } from '../domain/json.ts';
import { type ManifestRow, type RowValues, readRow } from './row-reader.ts';

/** A problem in a line of a manifest. */
export interface ManifestFault {
  readonly line: number;
  readonly message: string;
}

export interface Manifest {
  readonly rows: readonly ManifestRow[];
  readonly faults: readonly ManifestFault[];
}

/** All rows of a manifest are held in memory: this many take half a gigabyte. */
export const MAX_ROWS = 250_000;

/** Collects the rows and the problems of a manifest. */
export class ManifestReading implements Manifest {
  readonly rows: ManifestRow[] = [];
  readonly faults: ManifestFault[] = [];
  /** Values for keys that a row leaves out. */
  defaults: RowValues;
  #isFull = false;

  constructor(defaults: RowValues) {
    this.defaults = defaults;
  }

  addRow(value: JsonValue, line: number): void {
    if (this.#isFull) return;
    if (this.rows.length === MAX_ROWS) {
      this.addFault(line, `a manifest has at most ${MAX_ROWS.toLocaleString('en-US')} rows; split it`);
      this.#isFull = true;
      return;
    }
    const messages: string[] = [];
    const isTooDeep = isNestedTooDeeply(value);
    if (isTooDeep) messages.push('lists and objects are nested too deeply here');
    const row = isTooDeep ? null : readRow(value, line, messages, this.defaults);
    if (row !== null) this.rows.push(row);
    for (const message of messages) this.addFault(line, message);
  }

  addFault(line: number, message: string): void {
    this.faults.push({ line, message });
  }
}
