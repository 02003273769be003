import { SoraError } from '../domain/errors.ts';
import type { Estimate } from '../domain/pricing.ts';
import {
  ABANDONED,
  applyEvent,
  factsOf,
  hasVideo,
  type IntentEvent,
  isDownloadPending,
  isOfCharacter,
  isOpen,
  type JobRecord,
  type LedgerEvent,
  mayBeSameAccount,
  NEVER_ARRIVED,
  type ServerIdentity,
  type WantedFiles,
  WITHDRAWN,
} from '../domain/record.ts';
import { shellWord } from '../domain/shell.ts';
import type { VideoJob, VideoRequest } from '../domain/video.ts';
import { Interrupt } from '../platform/host.ts';
import { type Claim, type DayCap, NOTHING_SPENT, type Standing } from '../store/ledger.ts';
import { fingerprintOf, recordRequest } from './fingerprint.ts';
import { awaitAnswer, type PatienceDeps } from './in-flight.ts';
import { type RecoverDeps, recover } from './recover.ts';
import { batchCap, type Cap, dayCap, dayCaps } from './spending-caps.ts';
import { didNotArrive, inDoubt, interruptedInDoubt, refusedUnrecorded } from './submission-errors.ts';

/** A server may list a job only some time after accepting it. */
const RECOVERY_DELAYS_MS = [0, 1_000, 3_000];
/** Longer if absence from the list means that the create never arrived. */
const COMPLETE_LIST_DELAYS_MS = [...RECOVERY_DELAYS_MS, 10_000];
/** After any other failure the create may still arrive, for example at a slow server. */
const MAY_HAVE_NEVER_ARRIVED: ReadonlySet<string | null> = new Set(['connection_failed', 'server_error', null]);

export interface SubmitDeps extends RecoverDeps, PatienceDeps {
  readonly randomBytes: (size: number) => Uint8Array;
  /** Messages that stay relevant after the submission. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** The person whose spending this is; null or left out if unknown. */
  readonly user?: string | null;
  /** The caps of this machine; the ledger knows those of the team. */
  readonly dayCaps: readonly DayCap[];
}

/** The manifest row of a submission. */
export interface RowRef {
  /** The manifest. */
  readonly batch: string;
  /** Identifies the row; the same for all its submissions. */
  readonly key: string;
}

/** A row to submit now. */
export interface RowOrder extends RowRef {
  /** Its latest submission known to have failed; null if there is none. */
  readonly after: string | null;
  /** A submission in doubt to abandon if it cannot be found; null if there is none. */
  readonly givesUp: string | null;
  /** The cap for all submissions of the manifest, across processes; null without a cap. */
  readonly maxCostMicros: number | null;
}

export interface SubmitOrder {
  /** Key of the record, by which a caller can find it later; generated when left out. */
  readonly key?: string;
  readonly server: ServerIdentity;
  readonly request: VideoRequest;
  readonly estimate: Estimate | null;
  /** The simulator: never counted as spent. */
  readonly free: boolean;
  /** Submit another one even if the same request is unfinished. */
  readonly again?: boolean;
  /** The video will be saved as a file, so an equal request whose video is not saved yet counts as unfinished. */
  readonly savesFile?: boolean;
  /** Where a later command is to save the files. */
  readonly wanted?: WantedFiles | undefined;
  /** Records that this command already uses for other copies of the request. */
  readonly taken?: ReadonlySet<string>;
  /** The row of a batch; left out for a single create. */
  readonly row?: RowOrder;
  /** Called after the intent is recorded and before anything is sent: an error if something else may create the same videos. */
  readonly conflict?: (() => Promise<SoraError | null>) | undefined;
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
 * Pays once. The intent is in the ledger before the create is sent, the order of intents decides between concurrent
 * processes, and a create that may have been sent is never resent: its job is searched for.
 *
 * A single create attaches to an equal request that is unfinished or not saved yet. A manifest row only attaches to
 * itself, and is submitted again only by a run that knows of its failure.
 *
 * Throws the server's refusal, `cost_cap_exceeded`, `ledger_damaged`, `outcome_unknown` when the job could not be found,
 * or the signal's reason when it aborts before anything was sent. For a row that may be retried: `connection_failed`
 * if its create never arrived or was abandoned, and `duplicate_request` if another process was refused.
 */
export async function submit(deps: SubmitDeps, order: SubmitOrder): Promise<Submission> {
  for (;;) {
    const intent = await newIntent(deps, order);
    const caps = capsOf(deps, order, intent);
    const claim = { intent, same: sameAs(order, intent), scopes: caps.map(({ scope }) => scope) };
    const objection = await deps.ledger.reserve(claim, (standing) => objectionTo(deps, order, standing, caps, intent));
    if (objection === null) {
      await refuseConflict(deps, order, intent);
      const submission = await send(deps, order, intent.key);
      if (submission !== null) return submission;
      continue; // another process assumed that this one had died and withdrew it
    }
    if (objection.kind === 'refused') throw objection.error;
    const standing = await awaitAnswer(deps, objection.record);
    if (isCleared(standing)) continue;
    const submission = await attachTo(deps, order, standing);
    if (submission !== null) return submission;
    if (order.row !== undefined) throw didNotArrive(null); // the row is retried in its turn
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

/** Whether a submission certainly created nothing, or was abandoned, so its request may be submitted again. */
export function isCleared({ answer, refusal }: JobRecord): boolean {
  return answer === 'rejected' && [WITHDRAWN, NEVER_ARRIVED, ABANDONED].some((code) => code === refusal?.code);
}

/** Why an order is not submitted: another submission serves it, or it exceeds a cap. */
type Objection = { readonly reason: string } & (
  | { readonly kind: 'served'; readonly record: JobRecord }
  | { readonly kind: 'refused'; readonly error: unknown }
);

function capsOf({ dayCaps: caps }: SubmitDeps, { row, free, server }: SubmitOrder, intent: IntentEvent): Cap[] {
  if (free) return [];
  const ofBatch = row?.maxCostMicros ?? null;
  return [
    ...(row === undefined || ofBatch === null ? [] : [batchCap(row.batch, server.profile, ofBatch)]),
    ...dayCaps(caps, intent),
  ];
}

/** The submissions that may serve an order; null if it always needs a new one. */
function sameAs({ row, again }: SubmitOrder, { fingerprint }: IntentEvent): Claim['same'] {
  if (row !== undefined) return { by: 'row', value: row.key };
  return again ? null : { by: 'fingerprint', value: fingerprint };
}

function objectionTo(
  { signal }: SubmitDeps,
  { row, taken, server, savesFile = false }: SubmitOrder,
  { same, spent, team }: Standing,
  caps: readonly Cap[],
  intent: IntentEvent,
): Objection | null {
  const record =
    row === undefined
      ? same.find((other) => mayServe(other, server, savesFile) && taken?.has(other.key) !== true)
      : standingOf(same, row.after);
  if (record !== undefined)
    return { kind: 'served', record, reason: 'another process submitted the same request first' };
  if (signal?.aborted) return { kind: 'refused', error: signal.reason, reason: 'interrupted before it was sent' };
  const kept = [
    ...caps.map((cap, at) => ({ cap, spent: spent[at] ?? NOTHING_SPENT })),
    ...team.map(({ cap, scope, spent }) => ({ cap: dayCap(cap, scope, true), spent })),
  ];
  for (const { cap, spent: before } of kept) {
    const error = cap.excess(before, intent.estimatedMicros);
    if (error !== null) return { kind: 'refused', error, reason: cap.reason };
  }
  return null;
}

/** The submissions of an equal request that a single create attaches to, oldest first. */
export async function underWay(
  { ledger }: Pick<SubmitDeps, 'ledger'>,
  { server, request, again, savesFile = false }: Pick<SubmitOrder, 'server' | 'request' | 'again' | 'savesFile'>,
): Promise<JobRecord[]> {
  if (again) return [];
  const value = fingerprintOf(server.baseUrl, recordRequest(request));
  const same = await ledger.list({ by: 'fingerprint', value });
  return same.filter((record) => mayServe(record, server, savesFile));
}

/** Whether an equal request is served by this submission: it is unfinished, its file is not saved yet, or it is a character. */
function mayServe(record: JobRecord, { account }: ServerIdentity, savesFile: boolean): boolean {
  if (!mayBeSameAccount(record.account, account)) return false;
  const isCharacter = isOfCharacter(record) && hasVideo(record);
  return isOpen(record) || isCharacter || (savesFile && isDownloadPending(record));
}

/** The current one of a row's submissions (oldest first); undefined if the row must be submitted. */
function standingOf(records: readonly JobRecord[], after: string | null): JobRecord | undefined {
  const current = records.find((record) => isOpen(record) || hasVideo(record));
  if (current !== undefined) return current;
  // One that failed since the run was planned: only a run that knows of it may retry it.
  const known = records.findIndex(({ key }) => key === after);
  return records.slice(known + 1).findLast(({ answer }) => answer === 'accepted');
}

async function newIntent(deps: SubmitDeps, order: SubmitOrder): Promise<IntentEvent> {
  const { ledger, clock, self } = deps;
  const { server, request, estimate, free, row, savesFile = false, wanted } = order;
  const recorded = recordRequest(request);
  return {
    event: 'intent',
    key: order.key !== undefined && (await ledger.byKey(order.key)) === undefined ? order.key : newKey(deps),
    atMs: clock.now(),
    ...self,
    profile: server.profile,
    baseUrl: server.baseUrl,
    dialect: server.dialect,
    account: server.account,
    ...(deps.user ? { user: deps.user } : {}),
    fingerprint: fingerprintOf(server.baseUrl, recorded),
    request: recorded,
    estimatedMicros: estimate?.micros ?? null,
    priceList: estimate?.priceList ?? null,
    free,
    batch: row?.batch ?? null,
    row: row?.key ?? null,
    ...(savesFile ? { owesFile: true } : {}),
    ...(wanted === undefined ? {} : { wanted }),
  };
}

/** Null if another process withdrew the submission before it was sent. */
async function send(deps: SubmitDeps, order: SubmitOrder, key: string): Promise<Submission | null> {
  const { client, ledger, clock, signal } = deps;
  /** Written and read back: after a withdrawal, or if the file lost a line, nothing may leave. */
  const markSent = async (): Promise<JobRecord> => {
    await ledger.append({ event: 'sending', key, atMs: clock.now(), uptimeMs: clock.uptimeMs() });
    return ledger.recordOf(key);
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
      if (outcome.error.retryable) signal?.throwIfAborted(); // aborted between attempts, not refused
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

/** Attaches to an answered submission. Null if it never arrived and may be submitted again. */
async function attachTo(
  deps: SubmitDeps,
  order: Pick<SubmitOrder, 'row'>,
  record: JobRecord,
): Promise<Submission | null> {
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
async function findLost(
  deps: SubmitDeps,
  { row }: Pick<SubmitOrder, 'row'>,
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
      if (recovery.kind === 'unsearchable') break;
      if (recovery.kind === 'found') {
        const { record, job } = recovery;
        onNotice?.(
          `the response to the create was lost; its job was found in the server’s list: ${await ledger.shortId(String(record.job?.id))}`,
        );
        return { kind: 'submitted', record, job, doubt };
      }
      isMissing = recovery.kind === 'never-arrived';
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
