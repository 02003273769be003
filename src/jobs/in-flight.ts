import { SoraError } from '../domain/errors.ts';
import { type JobRecord, WITHDRAWN } from '../domain/record.ts';
import type { Clock } from '../platform/clock.ts';
import type { ProcessFate, ProcessIdentity } from '../platform/process-identity.ts';
import type { Ledger } from '../store/ledger.ts';

const ANSWER_POLL_MS = 250;
/** A running process without progress for this long is stuck. */
const MOST_PATIENCE_MS = 10 * 60_000;
/** How long to wait for a process whose state is unknown. */
const DOUBTFUL_PATIENCE_MS = 60_000;

export interface InFlightDeps {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** This process. */
  readonly self: ProcessIdentity;
  readonly fateOf: (other: ProcessIdentity) => ProcessFate;
}

export interface PatienceDeps extends InFlightDeps {
  /** Aborts waits between calls, never a create that was sent. */
  readonly signal?: AbortSignal | undefined;
  /** Progress messages for steps that take a while. */
  readonly onNews?: ((news: string) => void) | undefined;
}

/** Whether the process of a submission may still send it or record its answer; true if unclear. */
export function isInFlight(record: JobRecord, deps: Pick<InFlightDeps, 'fateOf'>): boolean {
  return record.answer === 'pending' && submitterFate(record, deps) !== 'dead';
}

/**
 * Settles a submission whose process has ended: an unsent one is withdrawn, the outcome of any other is
 * unknown. One whose process may be alive is not changed. If a live process is wrongly assumed dead, the order of lines
 * decides: it reads back its `sending`, and sends nothing after a withdrawal.
 */
export async function settle(deps: InFlightDeps, record: JobRecord): Promise<JobRecord> {
  const { ledger, clock } = deps;
  let settled = record;
  // This process must not wait for itself.
  while (settled.answer === 'pending' && (isOwn(settled, deps) || !isInFlight(settled, deps))) {
    const { key, isSent } = settled;
    const at = { key, atMs: clock.now() };
    await ledger.append(
      isSent
        ? { event: 'unknown', ...at, code: null, message: 'the process that sent it ended before the response arrived' }
        : {
            event: 'rejected',
            ...at,
            code: WITHDRAWN,
            message: 'the process that submitted it ended before sending it',
          },
    );
    settled = await ledger.recordOf(key);
  }
  return settled;
}

/**
 * Waits until a submission is answered or settled. Throws `outcome_unknown` if its process is alive but makes no
 * progress, and the signal's reason when it aborts.
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
    record = await settle(deps, await ledger.recordOf(record.key));
  }
  return record;
}

/** A submission sent from another machine can only be searched for on the server. */
async function giveUpWaiting(
  { ledger, clock }: InFlightDeps,
  record: JobRecord,
  isDoubtful: boolean,
): Promise<JobRecord> {
  const { key, isSent } = record;
  if (!isSent || !isDoubtful) throw stillSubmitting(record);
  const message = `no response was recorded by ${nameOf(record)}, whose state cannot be checked from here`;
  await ledger.append({ event: 'unknown', key, atMs: clock.now(), code: null, message });
  return ledger.recordOf(key);
}

/** The error for a submission that another process is working on. */
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

/** Whether the process that submitted it runs; `unknown` where this process cannot tell. */
export function submitterFate(
  { pid, host, boot = null, started = null }: JobRecord,
  deps: Pick<InFlightDeps, 'fateOf'>,
): ProcessFate {
  return host === undefined ? 'unknown' : deps.fateOf({ host, boot, pid, started });
}
