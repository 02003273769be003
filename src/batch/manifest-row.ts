import type { RequestInput } from '../domain/request.ts';

/** One row of a manifest: texts as they were written, nothing resolved. */
export interface ManifestRow {
  /** Where it begins, from 1. */
  readonly line: number;
  readonly id: string | null;
  /** Text, or `@file`. */
  readonly prompt: string;
  readonly options: RowOptions;
  /** File, URL or file id. */
  readonly image: string | undefined;
  /** Where its video is to be saved, relative to the folder of all. */
  readonly output: string | undefined;
  readonly variants: readonly string[] | undefined;
  readonly count: number;
}

/** The options of a request that a row may have, or that stand for all rows. */
export type RowOptions = Omit<RequestInput, 'prompt' | 'image' | 'variants'>;

/** What is wrong with a line of a manifest. */
export interface ManifestFault {
  readonly line: number;
  readonly message: string;
}

export interface Manifest {
  readonly rows: readonly ManifestRow[];
  readonly faults: readonly ManifestFault[];
}
