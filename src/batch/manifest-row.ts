import type { RequestInput } from '../domain/request.ts';
import type { Derivation } from '../domain/video.ts';

/** One row of a manifest as written, nothing resolved. */
export interface ManifestRow {
  /** Its first line, counted from 1. */
  readonly line: number;
  readonly id: string | null;
  /** Text, or `@file`; null for that of the source. */
  readonly prompt: string | null;
  /** The existing video that it starts from; null for none. */
  readonly source: NamedSource | null;
  /** As options of a request. */
  readonly options: Omit<RequestInput, 'prompt' | 'image' | 'references' | 'variants'>;
  /** File, URL or file id. */
  readonly image: string | undefined;
  readonly lastFrame: string | undefined;
  readonly references: readonly string[] | undefined;
  /** The file for its video, relative to the output folder. */
  readonly output: string | undefined;
  readonly variants: readonly string[] | undefined;
  readonly count: number;
}

/** The existing video that a row starts from: the `id` of another row, an id or ending of a job, or a file. */
export interface NamedSource {
  readonly operation: Derivation;
  readonly name: string;
}

/** A problem in a line of a manifest. */
export interface ManifestFault {
  readonly line: number;
  readonly message: string;
}

export interface Manifest {
  readonly rows: readonly ManifestRow[];
  readonly faults: readonly ManifestFault[];
}
