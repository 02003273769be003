import type { SoraError } from './errors.ts';
import type { JobSummary } from './summary.ts';

/**
 * Where a row of a manifest stands: `done`, its files are there · `saveable`, its video is
 * finished and paid for, but not here · `running` · `unknown`, it was sent and never
 * answered · `failed` · `to_do`, nothing of it was paid for.
 */
export type RowState = 'done' | 'saveable' | 'running' | 'unknown' | 'failed' | 'to_do';

/** A row of a manifest for showing. */
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
  /** Or to be saved. */
  readonly running: number;
  /** They may have a job, which has not been found. */
  readonly unknown: number;
  readonly toDo: number;
  /** Of all submissions of the manifest through this run's profile, as far as prices are known. */
  readonly spentMicros: number;
  /** Those of them whose price is not known. */
  readonly spentUnpriced: number;
  /** Of what is to do, as far as prices are known. */
  readonly toSpendMicros: number;
  /** Rows to do whose price is not known. */
  readonly unpriced: number;
}
