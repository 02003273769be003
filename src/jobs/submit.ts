import { isMissing } from '../client/retry.ts';
import { messageOf, SoraError } from '../domain/errors.ts';
import {
  ABANDONED,
  applyEvent,
  factsOf,
  type IntentEvent,
  type JobRecord,
  type LedgerEvent,
  mayBeSameAccount,
  NEVER_ARRIVED,
  WITHDRAWN,
} from '../domain/record.ts';
import { shellWord } from '../domain/shell.ts';
import type { VideoJob } from '../domain/video.ts';
import { Interrupt } from '../platform/host.ts';
import { within } from '../platform/timeout.ts';
import type { DayCap } from '../store/ledger.ts';
import { recordRequest } from './fingerprint.ts';
import { awaitAnswer, type PatienceDeps } from './in-flight.ts';
import { claimOf, isCleared } from './objection.ts';
import { type RecoverDeps, recover } from './recover.ts';
import {
  didNotArrive,
  inDoubt,
  interruptedInDoubt,
  lateToSubmit,
  refusedUnrecorded,
  wasAbandoned,
} from './submission-errors.ts';
import { intentOf, type RowOrder, type SubmitOrder, type SubmitTarget } from './submit-order.ts';

/** A server may list a job only some time after accepting it. */
const RECOVERY_DELAYS_MS = [0, 1_000, 3_000];
/** Longer if absence from the list means that the create never arrived. */
const COMPLETE_LIST_DELAYS_MS = [...RECOVERY_DELAYS_MS, 10_000];
/** A lost create is looked for this long, even if the time for the submission is over. */
const LAST_SEARCH_MS = 2_000;
/** After any other failure the create may still arrive, for example at a slow server. */
const MAY_HAVE_NEVER_ARRIVED: ReadonlySet<string | null> = new Set(['connection_failed', 'server_error', null]);

export interface SubmitDeps extends RecoverDeps, PatienceDeps, SubmitTarget {
  readonly randomBytes: (size: number) => Uint8Array;
  /** Messages that stay relevant after the submission. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** The person whose spending this is; null or left out if unknown. */
  readonly user?: string | null;
  /** The caps of this machine; the ledger knows those of the team. */
  readonly dayCaps: readonly DayCap[];
}

export interface Submission {
  /** `attached`: the job existed and nothing was paid. */
  readonly kind: 'submitted' | 'attached';
  readonly record: JobRecord;
  /** The job as the server just reported it; null if it is known from the ledger only. */
  readonly job: VideoJob | null;
  /** The response to its create was lost, and the job was found in the server's list. */
  readonly doubt?: SoraError;
  /** The job is paid, but its id could not be recorded. */
  readonly unrecorded?: SoraError;
}

/**
 * Pays once: the intent is in the ledger before the create is sent, and a create that may have been sent is never
 * resent (ADR 24).
 * A single create attaches to an equal unfinished or unsaved request. A row attaches only to itself.
 * Throws `outcome_unknown`, the server's refusal, `cost_cap_exceeded` and `ledger_damaged`. A row may be retried
 * after `connection_failed` or `duplicate_request`.
 */
export async function submit(deps: SubmitDeps, given: SubmitOrder): Promise<Submission> {
  for (let order = given; ; ) {
    const intent = await newIntent(deps, order);
    const { claim, judge } = claimOf(deps, order, intent);
    const objection = await deps.ledger.reserve(claim, judge);
    if (objection === null) {
      await refuseConflict(deps, order, intent);
      const submission = await send(deps, order, intent.key);
      if (submission !== null) return submission;
      continue; // another process assumed that this one had died and withdrew it
    }
    if (objection.kind === 'refused') throw objection.error;
    const standing = await awaitAnswer(deps, objection.record);
    if (isCleared(standing)) continue;
    if (!(await isReachable(deps, order, standing))) {
      order = { ...order, taken: new Set([...(order.taken ?? []), standing.key]) };
      continue;
    }
    const submission = await attachTo(deps, order, standing);
    if (submission !== null) return submission;
    if (order.row === undefined) continue;
    const { refusal } = await deps.ledger.recordOf(standing.key);
    throw refusal?.code === ABANDONED ? wasAbandoned() : didNotArrive(null); // the row is retried in its turn
  }
}

/** The same until a deadline, by the uptime. Throws `wait_timeout` at it, or `outcome_unknown` if the create was sent. */
export function submitBefore(deadlineMs: number, deps: SubmitDeps, order: SubmitOrder): Promise<Submission> {
  const { clock, signal } = deps;
  const ms = Math.max(0, deadlineMs - clock.uptimeMs());
  return within({ clock, ms, lateness: lateToSubmit, signal }, (limit) => submit({ ...deps, signal: limit }, order));
}

/** Whether a job that was created with another key can be read with this one: only its server knows. */
async function isReachable(
  { client, signal, server }: SubmitDeps,
  { row }: SubmitOrder,
  { account, job }: JobRecord,
): Promise<boolean> {
  if (job === null || row?.isUnderWay || mayBeSameAccount(account, server.account)) return true;
  try {
    await client.get(job.id, { signal, exists: true });
    return true;
  } catch (error) {
    if (isMissing(error) || (error instanceof SoraError && error.code === 'permission_denied')) return false;
    throw error;
  }
}

async function refuseConflict(
  { ledger }: SubmitDeps,
  { conflict }: SubmitOrder,
  { key, atMs }: IntentEvent,
): Promise<void> {
  const error = await conflict?.();
  if (!error) return;
  await ledger.append({ event: 'rejected', key, atMs, code: WITHDRAWN, message: error.message });
  throw error;
}

async function newIntent(deps: SubmitDeps, order: SubmitOrder): Promise<IntentEvent> {
  const { ledger, clock, user } = deps;
  const key = order.key !== undefined && (await ledger.byKey(order.key)) === undefined ? order.key : newKey(deps);
  return intentOf(deps, { ...order, key, atMs: clock.now(), user, request: recordRequest(order.request) });
}

/** Null if another process withdrew the submission before it was sent. */
async function send(deps: SubmitDeps, order: SubmitOrder, key: string): Promise<Submission | null> {
  const { client, ledger, clock, signal } = deps;
  /** Written and read back: after a withdrawal, or if the file lost a line, nothing may leave. */
  const markSent = async (): Promise<JobRecord> => {
    try {
      await ledger.append({ event: 'sending', key, atMs: clock.now(), uptimeMs: clock.uptimeMs() });
      return await ledger.recordOf(key);
    } catch (error) {
      // Nothing leaves, but the line may be on disk; without this one the create would be in doubt.
      const message = `not sent: ${messageOf(error)}`;
      await ledger.tryAppend({ event: 'rejected', key, atMs: clock.now(), code: NEVER_ARRIVED, message });
      throw error;
    }
  };
  const sent = await markSent();
  if (!sent.isSent) return null;
  const sending = async (): Promise<boolean> => (await markSent()).isSent;
  const outcome = await client.create(order.request, {
    idempotencyKey: key,
    resend: { held: () => ledger.append({ event: 'held', key, atMs: clock.now() }), sending },
    signal,
  });
  const at = { key, atMs: clock.now() };
  switch (outcome.kind) {
    case 'accepted':
      return accept(deps, sent, { event: 'accepted', ...at, job: factsOf(outcome.job) }, outcome.job);
    case 'rejected': {
      const { code, causedBy, message } = outcome.error;
      const unwritten = await ledger.tryAppend({ event: 'rejected', ...at, code, message: causedBy ?? message });
      if (unwritten !== null) throw refusedUnrecorded(outcome.error, key, unwritten);
      if (outcome.isAborted) signal?.throwIfAborted();
      throw outcome.error;
    }
    case 'unknown': {
      const { cause, causedBy, message } = outcome.error;
      const { code } = cause instanceof SoraError ? cause : outcome.error;
      const unwritten = await ledger.tryAppend({ event: 'unknown', ...at, code, message: causedBy ?? message });
      if (unwritten !== null) throw inDoubt(key, outcome.error, []);
      const found = await findLost(deps, order, await ledger.recordOf(key), outcome.error);
      if (found !== null) return found;
      throw didNotArrive(outcome.error);
    }
  }
}

/** A paid job continues, and its id is shown, even if it cannot be recorded. */
async function accept(
  { ledger, onNotice }: SubmitDeps,
  sent: JobRecord,
  event: LedgerEvent & { readonly event: 'accepted' },
  job: VideoJob,
): Promise<Submission> {
  const { key } = sent;
  const record = applyEvent(sent, event) ?? sent;
  const unwritten = await ledger.tryAppend(event);
  if (unwritten === null) return { kind: 'submitted', record, job };
  const unrecorded = unwritten.with({
    title: `${job.id} was created and is paid, but could not be recorded in the ledger`,
    jobId: job.id,
    submission: key,
    hints: [`free some disk space, then run \`sora attach ${key} ${shellWord(job.id)}\` to add it to the ledger`],
  });
  onNotice?.(unrecorded.message); // now, because the wait that follows may be interrupted
  return { kind: 'submitted', record, job, unrecorded };
}

/** What may give up the search for a lost create. */
interface SearchOrder {
  readonly row?: Pick<RowOrder, 'givesUp'>;
}

/**
 * Attaches to an earlier submission, after a search if its answer was lost. Null if it never arrived and may be submitted
 * again. Throws `outcome_unknown` if that is not certain, and `duplicate_request` if it was refused.
 */
export async function attachTo(deps: SubmitDeps, order: SearchOrder, record: JobRecord): Promise<Submission | null> {
  if (record.answer === 'rejected') {
    throw new SoraError('duplicate_request', {
      title: 'the same request, submitted by another process, was refused',
      causedBy: record.refusal?.message ?? null,
      hints: ['run the command again to submit it again'],
      retryable: order.row !== undefined,
    });
  }
  if (record.answer === 'accepted') return { kind: 'attached', record, job: null };
  const doubt = new SoraError('outcome_unknown', { causedBy: record.refusal?.message ?? null });
  const found = await findLost(deps, order, record, doubt);
  return found === null ? null : { ...found, kind: 'attached' };
}

/** Null if the create never arrived, according to a complete list, or was abandoned. */
function findLost(deps: SubmitDeps, order: SearchOrder, lost: JobRecord, doubt: SoraError): Promise<Submission | null> {
  const { clock, signal } = deps;
  if (!signal?.aborted || signal.reason instanceof Interrupt) return search(deps, order, lost, doubt);
  const options = { clock, ms: LAST_SEARCH_MS, lateness: lateToSubmit };
  return within(options, (limit) => search({ ...deps, signal: limit }, order, lost, doubt));
}

async function search(
  deps: SubmitDeps,
  { row }: SearchOrder,
  lost: JobRecord,
  doubt: SoraError,
): Promise<Submission | null> {
  const { clock, ledger, signal, hasCompleteList, onNews, onNotice } = deps;
  let candidates: readonly VideoJob[] = [];
  let isMissing = false;
  if (row === undefined) onNews?.('the response was lost; checking whether the video was created');
  try {
    for (const delayMs of hasCompleteList ? COMPLETE_LIST_DELAYS_MS : RECOVERY_DELAYS_MS) {
      if (delayMs > 0) await clock.sleep(delayMs, signal);
      const recovery = await recover(deps, lost, signal);
      if (recovery.kind === 'closed') return null;
      isMissing = recovery.kind === 'never-arrived';
      if (recovery.kind === 'unsearchable') break; // earlier looks were too early to prove anything
      if (recovery.kind === 'found') {
        const { record, job } = recovery;
        onNotice?.(
          `the response to the create was lost; its job was found in the server’s list: ${await ledger.shortId(String(record.job?.id))}`,
        );
        return { kind: 'submitted', record, job, doubt };
      }
      candidates = recovery.kind === 'missing' ? recovery.candidates : [];
    }
  } catch (error) {
    if (error instanceof Interrupt) throw interruptedInDoubt(lost.key, error);
    throw error === signal?.reason ? inDoubt(lost.key, doubt, candidates) : error;
  }
  const hasNeverArrived = isMissing && MAY_HAVE_NEVER_ARRIVED.has(lost.refusal?.code ?? null);
  if (!hasNeverArrived && row?.givesUp !== lost.key) throw inDoubt(lost.key, doubt, candidates);
  const [code, message] = hasNeverArrived
    ? [NEVER_ARRIVED, 'it is missing from the server’s list, which is complete']
    : [ABANDONED, 'abandoned; it may exist'];
  await ledger.append({ event: 'rejected', key: lost.key, atMs: clock.now(), code, message });
  const record = await ledger.recordOf(lost.key);
  return record.answer === 'accepted' ? { kind: 'submitted', record, job: null } : null; // found at the same time
}

/** Sortable by time and unique across processes; also the `Idempotency-Key`. */
function newKey({ clock, randomBytes }: SubmitDeps): string {
  const time = clock.now().toString(36).padStart(9, '0');
  return `sub_${time}${Buffer.from(randomBytes(8)).toString('hex')}`;
}
