import type { SoraError } from './errors.ts';
import type { Tally } from './money.ts';
import type { JobSummary } from './summary.ts';

/**
 * The state of a manifest row. `saveable`: finished on the server, not saved yet. `unknown`: sent, but the response
 * was lost. `to_do`: nothing was paid yet.
 */
export type RowState = 'done' | 'saveable' | 'running' | 'unknown' | 'failed' | 'to_do';

/** A manifest row for display. */
export interface BatchEntry {
  readonly id: string | null;
  readonly line: number;
  readonly outcome: RowState;
  readonly summary: JobSummary;
  readonly error: SoraError | null;
}

export interface BatchCount {
  readonly rows: number;
  readonly done: number;
  readonly failed: number;
  /** Includes rows that are finished but not saved. */
  readonly running: number;
  /** Rows that may have a job on the server that was not found. */
  readonly unknown: number;
  readonly toDo: number;
  /** On all submissions of the manifest through this run's profile. */
  readonly spent: Tally;
  /** Estimate of the rows to do. */
  readonly toSpend: Tally;
}
