import { setMaxListeners } from 'node:events';
import pLimit from 'p-limit';
import { messageOf, SoraError } from '../domain/errors.ts';
import { knownError } from '../jobs/known-error.ts';
import type { BatchDeps, BatchListener, BatchOrder, RowResult } from './batch-order.ts';
import { CreatePace } from './create-pace.ts';
import type { PlannedRow } from './plan.ts';
import { sourceFailed } from './row-failure.ts';
import { RowRun } from './row-run.ts';

/**
 * Creates the videos of rows: creates, waits and downloads overlap, within the limits of the
 * order. Resolves with the error that stopped it before all rows were started, or null. The listener
 * learns when each row ends. Never rejects because of a single row.
 */
export async function runBatch(deps: BatchDeps, order: BatchOrder, listener: BatchListener): Promise<SoraError | null> {
  const { concurrency, intervalMs = 0, rows } = order;
  const { clock, random, signal } = deps;
  const halt = new AbortController();
  setMaxListeners(0, halt.signal); // every waiting row listens
  const context = { deps, order, listener, halt, pace: new CreatePace({ clock, random, intervalMs }) };
  const slots = pLimit(concurrency);
  signal?.addEventListener('abort', () => halt.abort(knownError(signal.reason)), { once: true });
  const end = (result: RowResult): Promise<void> => listener.onEnd(result, halt.signal.aborted);

  /** How the row ended; null if the run stopped before it was submitted. */
  const runRow = async (planned: PlannedRow): Promise<RowResult['outcome'] | null> => {
    const result = halt.signal.aborted ? null : await new RowRun(planned, context).run(slots);
    if (result !== null) await end(result);
    return result?.outcome ?? null;
  };
  const work = async (): Promise<void> => {
    for (;;) {
      const planned = await rows.take(halt.signal);
      if (planned === undefined) return;
      let outcome: RowResult['outcome'] | null = null;
      let dropped: readonly PlannedRow[] = [];
      try {
        outcome = await runRow(planned);
      } finally {
        dropped = rows.ended?.(planned, outcome === 'done') ?? []; // others may wait for it
      }
      // Nothing was sent for rows whose source failed.
      for (const { row, record } of outcome === 'failed' ? dropped : []) {
        await end({ row, outcome: 'failed', record, job: null, files: [], error: sourceFailed(row) });
      }
    }
  };

  const failures: unknown[] = [];
  /** Ends the run with an error that concerns no row, for example of the ledger, once the other rows have ended. */
  const fail = (cause: unknown): void => {
    failures.push(cause);
    halt.abort(cause instanceof SoraError ? cause : new SoraError('unexpected', { causedBy: messageOf(cause), cause }));
  };
  // Twice the slots, so that some rows download while others render. More would fill the memory when the disk or
  // network is slow.
  await Promise.all(Array.from({ length: 2 * concurrency }, () => work().catch(fail)));
  if (failures.length > 0) throw failures[0];
  return halt.signal.reason ?? null;
}
