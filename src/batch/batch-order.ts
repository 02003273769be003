import type { VideosClient } from '../client/port.ts';
import type { SoraError } from '../domain/errors.ts';
import type { JobRecord, SavedFile } from '../domain/record.ts';
import type { VideoJob, VideoRequest } from '../domain/video.ts';
import type { SubmitDeps } from '../jobs/submit.ts';
import type { WaitEvent } from '../jobs/wait.ts';
import type { ObjectStore } from '../object-storage/object-store.ts';
import type { BatchRow } from './batch-row.ts';
import type { PlannedRow } from './plan.ts';

export interface BatchDeps extends SubmitDeps {
  readonly objects: ObjectStore;
  /** Never retries: creates are paced here, and waits have their own retries. */
  readonly singleShot: VideosClient;
  /** 0 to 1. */
  readonly random: () => number;
}

export interface BatchOrder {
  readonly rows: RowStream;
  /** Maximum number of unfinished jobs on the server. */
  readonly concurrency: number;
  /** The minimum time between two creates; none if left out. */
  readonly intervalMs?: number;
  /** How often a row is retried after a server error; never if left out. */
  readonly retries?: number;
  /** Whether rows with unknown outcome are abandoned and retried if they cannot be found. */
  readonly retryUnknown?: boolean;
  /** Whether jobs unknown to the server are abandoned, so that a later run retries their rows. */
  readonly retryFailed?: boolean;
  readonly failFast?: boolean;
  /** Timeout of each job from its acceptance, and of a create from its first turn to its acceptance. */
  readonly timeoutMs: number;
  readonly force?: boolean;
  /** For all submissions of the manifest; null without a cap. */
  readonly maxCostMicros: number | null;
  /** See `SubmitOrder`. */
  readonly conflict?: (row: BatchRow) => Promise<SoraError | null>;
}

/** Where the rows of a run come from, in the order in which they start; not all need be known when it begins. */
export interface RowStream {
  /** The next row, as soon as there is one; undefined when no more can start, or when the signal aborts. */
  take(signal: AbortSignal): Promise<PlannedRow | undefined>;
  /** Reports that a row has ended. Returns rows that cannot start because of it. */
  ended?(planned: PlannedRow, isDone: boolean): readonly PlannedRow[];
  /** The request of a row, with the bytes of its files; left out if they are at paths. */
  requestOf?(row: BatchRow): Promise<VideoRequest>;
}

export interface RowResult {
  readonly row: BatchRow;
  /**
   * `running`: its job continues on the server, and another run resumes it; `unknown`: it may have a job;
   * `to_do`: its time ended, or the run, before it was sent.
   */
  readonly outcome: 'done' | 'failed' | 'running' | 'unknown' | 'to_do';
  readonly record: JobRecord | null;
  readonly job: VideoJob | null;
  /** What is saved, also of a row that failed because another of its variants could not be. */
  readonly files: readonly SavedFile[];
  readonly error: SoraError | null;
}

/** Whether another run resumes the row. */
export function isLeft(outcome: RowResult['outcome']): boolean {
  return outcome === 'running' || outcome === 'to_do';
}

export interface BatchListener {
  /** The row has a job; `isPaid` if this run submitted it. */
  onSubmit(row: BatchRow, isPaid: boolean, record: JobRecord): void;
  onWait(row: BatchRow, event: WaitEvent): void;
  onSave?(row: BatchRow): void;
  /** All creates wait. */
  onPause(error: SoraError, pauseMs: number): void;
  /** `isStopping`: an error or an interrupt ends the run. Resolves when the row's results are written. */
  onEnd(result: RowResult, isStopping: boolean): Promise<void>;
}
