import { SoraError } from '../domain/errors.ts';
import { applyEvent, type IntentEvent, type JobRecord, type LedgerEvent } from '../domain/record.ts';

/** A record, with facts that only its events contain. */
export interface LedgerEntry {
  readonly record: JobRecord;
  /** When the completion of the job was first recorded. */
  readonly completionSeenAtMs: number | null;
}

/** Adds an event; undefined while the intent is missing. */
export function extendEntry(entry: LedgerEntry | undefined, event: LedgerEvent): LedgerEntry | undefined {
  const record = applyEvent(entry?.record, event);
  if (record === undefined) return undefined;
  const completedNow = record.job?.status === 'completed' ? event.atMs : null;
  return { record, completionSeenAtMs: entry?.completionSeenAtMs ?? completedNow };
}

/** From creation to completion by the server's clock, or else by ours; undefined if the job was not completed. */
export function durationMsOf({ record, completionSeenAtMs }: LedgerEntry): number | undefined {
  if (completionSeenAtMs === null) return undefined;
  const { createdAtMs = null, completedAtMs = null } = record.job ?? {};
  const durationMs =
    createdAtMs !== null && completedAtMs !== null
      ? completedAtMs - createdAtMs
      : completionSeenAtMs - record.submittedAtMs;
  return durationMs >= 0 ? Math.round(durationMs) : undefined;
}

/** Another submission has this random key, so ours has no record. */
export function keyIsTaken(path: string, { key }: IntentEvent): SoraError {
  return new SoraError('ledger_damaged', { title: `${path} already contains a submission ${key}`, submission: key });
}
