import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import { hintsFor } from '../domain/hints.ts';
import { formatUsd } from '../domain/money.ts';
import type { Estimate } from '../domain/pricing.ts';
import {
  ABANDONED,
  factsOf,
  hasVideo,
  isFileOwed,
  isOpen,
  type JobRecord,
  type ServerIdentity,
  WITHDRAWN,
} from '../domain/record.ts';
import type { VideoJob, VideoRequest } from '../domain/video.ts';
import type { Clock } from '../platform/clock.ts';
import { Interrupt } from '../platform/host.ts';
import type { Ledger } from '../store/ledger.ts';
import { overDayCap } from './day-cap.ts';
import { fingerprintOf, recordRequest } from './fingerprint.ts';
import { isInFlight, recover } from './recover.ts';

const ANSWER_POLL_MS = 250;
/** A server may list a job some moments after it took it. */
const RECOVERY_DELAYS_MS = [0, 1_000, 3_000];
/** Nobody watches a manifest’s rows, so more time passes before one is held to have never arrived. */
const ROW_RECOVERY_DELAYS_MS = [...RECOVERY_DELAYS_MS, 10_000];
/** After anything else a create may still arrive: a server that was too slow to answer is at it, one that said yes has it. */
const MAY_HAVE_NEVER_ARRIVED: ReadonlySet<string | null> = new Set(['connection_failed', 'server_error', null]);

export interface SubmitDeps {
  readonly client: VideosClient;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  readonly pid: number;
  readonly isProcessAlive: (pid: number) => boolean;
  /** Stops waits between calls, never a create that is under way. */
  readonly signal?: AbortSignal | undefined;
  /** The profile whose spending the cap of the day is for; all spending when it is left out or null. */
  readonly cappedProfile?: string | null;
}

/** Ties a submission to a row of a manifest. */
export interface RowTie {
  /** The manifest. */
  readonly batch: string;
  /** Equal for all submissions of the row, and for no other. */
  readonly key: string;
}

/** A row that is to have a video now. */
export interface RowOrder extends RowTie {
  /** The latest of its submissions that is known to have come to nothing; null where there is none. */
  readonly after: string | null;
  /** A submission in doubt that is given up when it cannot be found; null where there is none. */
  readonly givesUp: string | null;
  /** Most that all submissions of the manifest may cost, by all processes; null without a cap. */
  readonly maxCostMicros: number | null;
}

export interface SubmitOrder {
  /** Of the record; a new one when left out. Who keeps a key of their own can find out later what became of it. */
  readonly key?: string;
  readonly server: ServerIdentity;
  readonly request: VideoRequest;
  readonly estimate: Estimate | null;
  /** The simulator: never counted as spent. */
  readonly free: boolean;
  /** Submit anew although the same request is unfinished. */
  readonly again: boolean;
  /** The video is to be saved as a file. One that an earlier command was to save, and did not, is as good as a new one. */
  readonly owesFile?: boolean;
  /** Records that this command has already taken for other copies of the request. */
  readonly taken: ReadonlySet<string>;
  readonly maxCostPerDayMicros: number | null;
  /** The row that this is for; null for a single create. */
  readonly row: RowOrder | null;
}

export interface Submission {
  /** `attached`: the job existed and nothing was paid. */
  readonly kind: 'submitted' | 'attached';
  readonly record: JobRecord;
  /** The job as the server just told it; null when only the ledger spoke. */
  readonly job: VideoJob | null;
  /** Why it had to be looked for in the server's list: the answer to its create was lost. */
  readonly doubt?: SoraError;
}

/**
 * Pays once. The intent is on the disk before the create leaves, the order of
 * intents in the ledger decides between processes that want the same thing at
 * once, and a create whose answer is lost is looked for, not sent again.
 *
 * A single create is the same as another one with an equal request, while that is
 * unfinished or owes its file; a row of a manifest is the same as itself only, and has its video once:
 * it is made anew only by who knows that it failed.
 *
 * Throws the server's refusal, `cost_cap_exceeded`, `outcome_unknown` when the job
 * could not be found, or the signal's reason when it aborts before anything was sent.
 * For a row that may be tried again: a `connection_failed` where its create is proven to
 * have never arrived, or is given up, and a `duplicate_request` where another process was
 * refused.
 */
export async function submit(deps: SubmitDeps, order: SubmitOrder): Promise<Submission> {
  const { ledger } = deps;
  const fingerprint = fingerprintOf(order.server.baseUrl, recordRequest(order.request));
  const findSame = (): JobRecord | undefined => {
    if (order.row !== null) return standingOf(ledger.byRow(order.row.key), order.row.after);
    return underWay(deps, order).find((record) => !order.taken.has(record.key));
  };
  const existing = findSame();
  if (existing !== undefined) return attach(deps, existing, order.row);

  deps.signal?.throwIfAborted();
  const key = order.key ?? newKey(deps);
  await writeIntent(deps, order, key, fingerprint);
  const first = findSame();
  if (first !== undefined && first.key !== key) {
    await takeBack(deps, key, WITHDRAWN, 'another process submitted the same request first');
    return attach(deps, first, order.row);
  }
  await keepBatchCap(deps, order, key);
  await keepDayCap(deps, order, key);
  return send(deps, order, key);
}

/** The submissions of an equal request that a single create goes on with, oldest first. */
export function underWay(
  { ledger, clock }: Pick<SubmitDeps, 'ledger' | 'clock'>,
  { server, request, again, owesFile = false }: Pick<SubmitOrder, 'server' | 'request' | 'again' | 'owesFile'>,
): JobRecord[] {
  if (again) return [];
  return ledger
    .byFingerprint(fingerprintOf(server.baseUrl, recordRequest(request)))
    .filter((record) => isOpen(record) || (owesFile && isFileOwed(record, clock.now())));
}

/** The submission that stands for a row, of all that it had, oldest first; undefined when it is to be submitted. */
function standingOf(records: readonly JobRecord[], after: string | null): JobRecord | undefined {
  const at = records.findIndex(({ key }) => key === after);
  return (
    records.find((record) => isOpen(record) || hasVideo(record)) ??
    records.findLast(({ answer, removed }, index) => index > at && answer === 'accepted' && !removed)
  );
}

function writeIntent(deps: SubmitDeps, order: SubmitOrder, key: string, fingerprint: string): Promise<void> {
  const { server, request, estimate, free, row, owesFile = false } = order;
  return deps.ledger.append({
    event: 'intent',
    key,
    atMs: deps.clock.now(),
    pid: deps.pid,
    profile: server.profile,
    baseUrl: server.baseUrl,
    dialect: server.dialect,
    fingerprint,
    request: recordRequest(request),
    estimatedMicros: estimate?.micros ?? null,
    priceList: estimate?.priceList ?? null,
    free,
    batch: row?.batch ?? null,
    row: row?.key ?? null,
    ...(owesFile ? { owesFile } : {}),
  });
}

async function send(deps: SubmitDeps, order: SubmitOrder, key: string): Promise<Submission> {
  const { client, ledger, clock, signal } = deps;
  const { request } = order;
  const outcome = await client.create(request, { idempotencyKey: key, ...(signal === undefined ? {} : { signal }) });
  const at = { key, atMs: clock.now() };
  switch (outcome.kind) {
    case 'accepted':
      await ledger.append({ event: 'accepted', ...at, job: factsOf(outcome.job) });
      return { kind: 'submitted', record: recordOf(ledger, key), job: outcome.job };
    case 'rejected': {
      const { code, causedBy, message } = outcome.error;
      await ledger.append({ event: 'rejected', ...at, code, message: causedBy ?? message });
      if (outcome.error.retryable) signal?.throwIfAborted(); // given up between two tries, not refused
      throw outcome.error;
    }
    case 'unknown': {
      const { cause, causedBy, message } = outcome.error;
      const { code } = cause instanceof SoraError ? cause : outcome.error;
      await ledger.append({ event: 'unknown', ...at, code, message: causedBy ?? message });
      return findLost(deps, order.row, recordOf(ledger, key), outcome.error);
    }
  }
}

/**
 * Goes on with a job that exists, or may exist, instead of paying for a second one: of another process, or of this
 * program's own earlier run. Throws like `submit`.
 */
export async function attach(deps: SubmitDeps, existing: JobRecord, row: RowOrder | null = null): Promise<Submission> {
  const record = await awaitAnswer(deps, existing);
  if (record.answer === 'rejected') {
    throw new SoraError('duplicate_request', {
      title: 'the same request, submitted by another process, was refused',
      causedBy: record.refusal?.message ?? null,
      hints: ['run the command again to submit it anew'],
      retryable: row !== null,
    });
  }
  if (record.answer === 'accepted') return { kind: 'attached', record, job: null };
  const doubt = new SoraError('outcome_unknown', { causedBy: record.refusal?.message ?? null });
  return { ...(await findLost(deps, row, record, doubt)), kind: 'attached' };
}

/** Another process may be in the middle of its create; when it is gone, its answer is lost. */
async function awaitAnswer(
  { ledger, clock, pid, isProcessAlive, signal }: SubmitDeps,
  existing: JobRecord,
): Promise<JobRecord> {
  let record = existing;
  while (record.pid !== pid && isInFlight(record, { clock, isProcessAlive })) {
    await clock.sleep(ANSWER_POLL_MS, signal);
    record = recordOf(ledger, existing.key);
  }
  if (record.answer !== 'pending') return record;
  const message = 'the process that submitted it ended before the answer came';
  await ledger.append({ event: 'unknown', key: record.key, atMs: clock.now(), code: null, message });
  return recordOf(ledger, record.key);
}

async function findLost(
  deps: SubmitDeps,
  row: RowOrder | null,
  lost: JobRecord,
  doubt: SoraError,
): Promise<Submission> {
  const facts = { key: lost.key };
  let isProvenMissing = false;
  try {
    for (const delayMs of row === null ? RECOVERY_DELAYS_MS : ROW_RECOVERY_DELAYS_MS) {
      if (delayMs > 0) await deps.clock.sleep(delayMs, deps.signal);
      const recovery = await recover(deps, lost, deps.signal);
      if (recovery.kind === 'found') return { kind: 'submitted', record: recovery.record, job: recovery.job, doubt };
      if (recovery.kind === 'unsearchable') break;
      isProvenMissing = recovery.isProven;
    }
  } catch (error) {
    if (!(error instanceof Interrupt)) throw error;
    const title = 'interrupted; it is not known whether the video was created';
    throw new SoraError('interrupted', { title, hints: hintsFor('outcome_unknown', facts), cause: error });
  }
  const { causedBy, status, requestId } = doubt;
  const isMissing = isProvenMissing && MAY_HAVE_NEVER_ARRIVED.has(lost.refusal?.code ?? null);
  const isGivenUp = row?.givesUp === lost.key;
  if (row === null || !(isMissing || isGivenUp)) {
    throw new SoraError('outcome_unknown', { causedBy, status, requestId, facts, cause: doubt });
  }
  const reason = isMissing ? 'it never arrived: the server’s list does not have it' : 'given up; it may exist';
  const record = await takeBack(deps, lost.key, isMissing ? WITHDRAWN : ABANDONED, reason);
  if (record.answer === 'accepted') return { kind: 'submitted', record, job: null };
  throw new SoraError('connection_failed', {
    title: 'the create did not arrive at the server',
    causedBy,
    cause: doubt,
  });
}

/** Takes the intent back when it would bring its manifest over the cap, with all that other processes submit of it. */
async function keepBatchCap(deps: SubmitDeps, { row, free }: SubmitOrder, key: string): Promise<void> {
  if (row === null || row.maxCostMicros === null || free) return;
  const { estimatedMicros } = recordOf(deps.ledger, key);
  if (deps.ledger.spentOnBatch(row.batch, key) + (estimatedMicros ?? 0) <= row.maxCostMicros) return;
  await takeBack(deps, key, WITHDRAWN, 'over the cap of its manifest');
  throw new SoraError('cost_cap_exceeded', {
    title: `all that may be spent on this manifest is spent: ${formatUsd(row.maxCostMicros)}`,
  });
}

/** Takes the intent back when it would bring its day over the cap: of several processes, the first in the ledger stay below it. */
async function keepDayCap(deps: SubmitDeps, { maxCostPerDayMicros, free }: SubmitOrder, key: string): Promise<void> {
  if (maxCostPerDayMicros === null || free) return;
  const { submittedAtMs, estimatedMicros } = recordOf(deps.ledger, key);
  const excess = overDayCap(deps.ledger, estimatedMicros, {
    atMs: submittedAtMs,
    profile: deps.cappedProfile ?? null,
    capMicros: maxCostPerDayMicros,
    before: key,
  });
  if (excess === null) return;
  await takeBack(deps, key, WITHDRAWN, 'over the day’s cap');
  throw excess;
}

/** The record as it is then: accepted all the same when another process has found its job. */
async function takeBack(
  { ledger, clock }: SubmitDeps,
  key: string,
  code: typeof WITHDRAWN | typeof ABANDONED,
  message: string,
): Promise<JobRecord> {
  await ledger.append({ event: 'rejected', key, atMs: clock.now(), code, message });
  return recordOf(ledger, key);
}

function recordOf(ledger: Ledger, key: string): JobRecord {
  const record = ledger.byKey(key);
  if (record === undefined) throw new SoraError('invalid_config', { title: `the ledger lost the record ${key}` });
  return record;
}

/** Sortable by time and unique across processes; also the `Idempotency-Key`. */
function newKey({ clock, randomBytes }: SubmitDeps): string {
  const time = clock.now().toString(36).padStart(9, '0');
  return `sub_${time}${Buffer.from(randomBytes(8)).toString('hex')}`;
}
