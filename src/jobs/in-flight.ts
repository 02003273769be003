import { SoraError } from '../domain/errors.ts';
import { type JobRecord, WITHDRAWN } from '../domain/record.ts';
import type { Clock } from '../platform/clock.ts';
import type { ProcessFate, ProcessIdentity } from '../platform/process-identity.ts';
import type { Ledger } from '../store/ledger.ts';

const ANSWER_POLL_MS = 250;
/** A process that lives but says nothing for this long is stuck. */
const MOST_PATIENCE_MS = 10 * 60_000;
/** How long a process is waited for that cannot be looked up from here. */
const DOUBTFUL_PATIENCE_MS = 60_000;

export interface InFlightDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** This process. */
  readonly self: ProcessIdentity;
  readonly fateOf: (other: ProcessIdentity) => ProcessFate;
}

export interface PatienceDeps extends InFlightDeps {
  /** Stops waits between calls, never a create that has left. */
  readonly signal?: AbortSignal | undefined;
  /** What is happening now, where it takes a while. */
  readonly onNews?: ((news: string) => void) | undefined;
}

/** Whether the process of a submission may still send it, or write down its answer. In doubt it may. */
export function isInFlight(record: JobRecord, deps: Pick<InFlightDeps, 'fateOf'>): boolean {
  return record.answer === 'pending' && submitterFate(record, deps) !== 'dead';
}

/** The same for another process than this one, which does not wait for itself. */
function isInFlightElsewhere(record: JobRecord, deps: InFlightDeps): boolean {
  return isInFlight(record, deps) && !isOwn(record, deps);
}

/**
 * Settles a submission whose process has ended: one that was not sent is withdrawn, and the outcome of any other is
 * unknown. One whose process may live stays as it is. Should that process be wrongly taken for dead, the order of lines
 * decides: it reads its `sending` back, and sends nothing behind a withdrawal.
 */
export async function settle(deps: InFlightDeps, record: JobRecord): Promise<JobRecord> {
  const { ledger, clock } = deps;
  let settled = record;
  while (settled.answer === 'pending' && !isInFlightElsewhere(settled, deps)) {
    const { key, isSent } = settled;
    const at = { key, atMs: clock.now() };
    await ledger.append(
      isSent
        ? { event: 'unknown', ...at, code: null, message: 'the process that sent it ended before the answer came' }
        : {
            event: 'rejected',
            ...at,
            code: WITHDRAWN,
            message: 'the process that submitted it ended before it sent it',
          },
    );
    settled = ledger.recordOf(key);
  }
  return settled;
}

/**
 * Waits until a submission is answered, or settled. Throws `outcome_unknown` when its process lives on and says nothing,
 * and the signal's reason when it aborts.
 */
export async function awaitAnswer(deps: PatienceDeps, existing: JobRecord): Promise<JobRecord> {
  const { ledger, clock, signal, onNews } = deps;
  let record = await settle(deps, existing);
  for (let waitedMs = 0; record.answer === 'pending'; waitedMs += ANSWER_POLL_MS) {
    const isDoubtful = submitterFate(record, deps) === 'unknown';
    if (waitedMs >= (isDoubtful ? DOUBTFUL_PATIENCE_MS : MOST_PATIENCE_MS))
      return giveUpWaiting(deps, record, isDoubtful);
    if (waitedMs === 0) onNews?.(`the same request is being submitted by ${nameOf(record)}; waiting for its answer`);
    await clock.sleep(ANSWER_POLL_MS, signal);
    record = await settle(deps, ledger.recordOf(record.key));
  }
  return record;
}

/** What was sent from a machine that cannot be looked at may be searched for on the server; nothing else may be done. */
async function giveUpWaiting(
  { ledger, clock }: InFlightDeps,
  record: JobRecord,
  isDoubtful: boolean,
): Promise<JobRecord> {
  const { key, isSent } = record;
  if (!isSent || !isDoubtful) throw stillSubmitting(record);
  const message = `no answer was written down by ${nameOf(record)}, which cannot be looked up from here`;
  await ledger.append({ event: 'unknown', key, atMs: clock.now(), code: null, message });
  return ledger.recordOf(key);
}

/** The error for a submission that another process is at. */
export function stillSubmitting(record: JobRecord): SoraError {
  return new SoraError('outcome_unknown', {
    title: `${record.key} is still being submitted by ${nameOf(record)}`,
    submission: record.key,
    facts: { key: record.key },
  });
}

function nameOf({ pid, host }: JobRecord): string {
  return `process ${pid}${host === undefined ? '' : ` on ${host}`}`;
}

function isOwn({ pid, host, boot = null, started = null }: JobRecord, { self }: Pick<InFlightDeps, 'self'>): boolean {
  return pid === self.pid && host === self.host && boot === self.boot && started === self.started;
}

function submitterFate(
  { pid, host, boot = null, started = null }: JobRecord,
  deps: Pick<InFlightDeps, 'fateOf'>,
): ProcessFate {
  return host === undefined ? 'unknown' : deps.fateOf({ host, boot, pid, started });
}
