import type { DialectName } from './dialect.ts';
import type { JsonValue } from './json.ts';
import { isTerminal, type JobFailure, type JobStatus, type Variant, type VideoJob } from './video.ts';

/** What was asked for, as the ledger keeps it: everything but the bytes of a reference image. */
export interface RecordedRequest {
  readonly prompt: string;
  readonly model: string | null;
  readonly seconds: number | null;
  readonly size: string | null;
  /** Left out where `size` says all. */
  readonly frame?: { readonly resolution: string | null; readonly aspectRatio: string | null };
  readonly quality: string | null;
  /** `sha256:…`, `url:…` or `file_id:…`. */
  readonly image: string | null;
  readonly characters: readonly string[];
  readonly params: Readonly<Record<string, JsonValue>>;
}

export interface SavedFile {
  readonly variant: Variant;
  /** Absolute. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** Which server a job belongs to. */
export interface ServerIdentity {
  /** Whose key is used, as a salted hash; left out where it is not known. */
  readonly account?: string | undefined;
  readonly profile: string;
  readonly baseUrl: string;
  /** Left out for `videos`. */
  readonly dialect?: DialectName | undefined;
}

/** What a server said of a job, as far as the ledger keeps it. */
export type JobFacts = Pick<
  VideoJob,
  | 'id'
  | 'status'
  | 'serverStatus'
  | 'model'
  | 'seconds'
  | 'size'
  | 'createdAtMs'
  | 'completedAtMs'
  | 'expiresAtMs'
  | 'remixedFrom'
  | 'error'
  | 'actualMicros'
  | 'requestId'
>;

interface EventBase {
  /** The record that the event belongs to. */
  readonly key: string;
  readonly atMs: number;
}

/** The process that submits, so that others can tell a running submission from an abandoned one. */
export interface Submitter {
  readonly pid: number;
  /** Of its machine; left out in lines of versions that wrote no `sending` either. */
  readonly host?: string | undefined;
  /** The boot of that machine, and the PID namespace; null where they have no name. */
  readonly boot?: string | null | undefined;
  /** When it started, in ticks since the boot; null where that is not known. */
  readonly started?: string | null | undefined;
}

/** What is about to be asked for, before anything is sent. */
export interface IntentEvent extends EventBase, ServerIdentity, Submitter {
  readonly event: 'intent';
  readonly fingerprint: string;
  readonly request: RecordedRequest;
  /** Micro-dollars; null where no price is known. */
  readonly estimatedMicros: number | null;
  readonly priceList: string | null;
  /** True for the simulator: never counted as spent. */
  readonly free: boolean;
  /** The manifest that it is a row of; null for a single create. */
  readonly batch: string | null;
  /** Which row of which manifest: equal for all submissions of that row, and for no other. */
  readonly row: string | null;
  /** The command was to save the video: until a file is there, its request is not done with. Left out where nothing is owed. */
  readonly owesFile?: boolean | undefined;
}

/**
 * A submission goes from `intent` to `sending`, which is on the disk before the first byte leaves, and on to `accepted`,
 * `rejected` or `unknown`. `held` follows a refusal that made nothing, until the same create is sent again.
 */
export type LedgerEvent =
  | IntentEvent
  | (EventBase & { readonly event: 'sending' | 'held' })
  | (EventBase & { readonly event: 'accepted' | 'seen'; readonly job: JobFacts })
  | (EventBase & { readonly event: 'rejected'; readonly code: string; readonly message: string })
  | (EventBase & { readonly event: 'unknown'; readonly code: string | null; readonly message: string })
  | (EventBase & { readonly event: 'saved'; readonly file: SavedFile })
  | (EventBase & { readonly event: 'removed' });

/** The code of a `rejected` that withdraws a submission before it is sent. Behind `sending` it has no effect. */
export const WITHDRAWN = 'withdrawn';
/** The code of a `rejected` for a create that a list, complete by its profile's word, does not have. */
export const NEVER_ARRIVED = 'never_arrived';
/** The code of a `rejected` by which a person gives up a submission in doubt; it may have made a video all the same. */
export const ABANDONED = 'abandoned';

/** How the server answered a submission: `pending` while it has not. */
export type SubmissionAnswer = 'pending' | 'accepted' | 'rejected' | 'unknown';

/** A job as the ledger knows it: its events, folded. */
export interface JobRecord extends Omit<IntentEvent, 'event' | 'atMs'> {
  readonly submittedAtMs: number;
  /** Whether its create may have left. Older versions wrote no `sending`, so theirs always may. */
  readonly isSent: boolean;
  readonly answer: SubmissionAnswer;
  /** When the answer was written down. */
  readonly answeredAtMs: number | null;
  /** Why it was rejected, or why its outcome is unknown. */
  readonly refusal: JobFailure | null;
  readonly job: JobFacts | null;
  readonly files: readonly SavedFile[];
  /** Removed from the server. */
  readonly removed: boolean;
}

/** Folds one event into a record; an event without its intent has nothing to be folded into. */
export function applyEvent(record: JobRecord | undefined, event: LedgerEvent): JobRecord | undefined {
  if (event.event === 'intent') return record ?? openRecord(event);
  if (record === undefined) return undefined;
  switch (event.event) {
    case 'accepted':
      return { ...record, answer: 'accepted', answeredAtMs: event.atMs, refusal: null, job: event.job };
    case 'seen':
      return { ...record, job: event.job };
    case 'sending':
    case 'held':
      return record.answer === 'pending' ? { ...record, isSent: event.event === 'sending' } : record;
    case 'rejected':
      if (record.answer === 'accepted') return record; // found by another process in the same moment
      if (event.code === WITHDRAWN && record.isSent && record.host !== undefined) return record; // too late
      return {
        ...record,
        answer: 'rejected',
        answeredAtMs: event.atMs,
        refusal: { code: event.code, message: event.message },
      };
    case 'unknown':
      // A submission that was answered, or found again by another process, is no longer in doubt.
      if (record.answer !== 'pending') return record;
      return {
        ...record,
        answer: 'unknown',
        answeredAtMs: event.atMs,
        refusal: { code: event.code, message: event.message },
      };
    case 'saved':
      return { ...record, files: [...record.files.filter(({ path }) => path !== event.file.path), event.file] };
    case 'removed':
      return { ...record, removed: true };
  }
}

function openRecord(intent: IntentEvent): JobRecord {
  // Field by field: over a long ledger, taking the rest of an object costs more than reading it.
  return {
    key: intent.key,
    profile: intent.profile,
    baseUrl: intent.baseUrl,
    dialect: intent.dialect,
    account: intent.account,
    pid: intent.pid,
    host: intent.host,
    boot: intent.boot,
    started: intent.started,
    fingerprint: intent.fingerprint,
    request: intent.request,
    estimatedMicros: intent.estimatedMicros,
    priceList: intent.priceList,
    free: intent.free,
    batch: intent.batch,
    row: intent.row,
    owesFile: intent.owesFile,
    submittedAtMs: intent.atMs,
    isSent: intent.host === undefined,
    answer: 'pending',
    answeredAtMs: null,
    refusal: null,
    job: null,
    files: [],
    removed: false,
  };
}

/** Whether two accounts may be the same one: also where one is not known, or hashed with another salt. */
export function mayBeSameAccount(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b || a.split('.')[0] !== b.split('.')[0];
}

/** Whether the job behind a record may still be running, or may exist without our knowing it. */
export function isOpen(record: JobRecord): boolean {
  if (record.removed || record.answer === 'rejected') return false;
  return record.job === null || !isTerminal(record.job.status);
}

/** Whether a record's job gave a video that its server has, as far as is known. */
export function hasVideo({ job, removed }: JobRecord): boolean {
  return job?.status === 'completed' && !removed;
}

/**
 * Whether its video is still to be saved: the command that was to do it ended before. Its `expires_at` is no reason to give it
 * up and pay again: our clock may be wrong, and servers keep files longer than they say.
 */
export function isFileOwed(record: JobRecord): boolean {
  return record.owesFile === true && hasVideo(record) && record.files.length === 0;
}

/** A record's status in the words of a job: a submission without an answer is `unknown`. */
export function statusOf(record: JobRecord): JobStatus {
  if (record.answer === 'rejected') return 'failed';
  const status = record.job?.status ?? 'unknown';
  return record.removed && !isTerminal(status) ? 'cancelled' : status;
}

/**
 * What a record counts as spent, in micro-dollars; null where nothing is known. A server may report a cost of 0 until
 * the job has ended, so until then the larger of its word and the estimate counts.
 */
export function spentMicros(record: JobRecord): number | null {
  const { job, estimatedMicros } = record;
  if (record.free || (record.answer === 'rejected' && record.refusal?.code !== ABANDONED)) return 0;
  const actualMicros = job?.actualMicros ?? null;
  if (job === null || actualMicros === null) return estimatedMicros;
  if (isTerminal(job.status)) return actualMicros;
  return estimatedMicros === null ? actualMicros || null : Math.max(actualMicros, estimatedMicros);
}

export function factsOf(job: VideoJob): JobFacts {
  const { id, status, serverStatus, model, seconds, size, createdAtMs, completedAtMs, expiresAtMs } = job;
  const { remixedFrom, error, actualMicros, requestId } = job;
  return {
    id,
    status,
    serverStatus,
    model,
    seconds,
    size,
    createdAtMs,
    completedAtMs,
    expiresAtMs,
    remixedFrom,
    error,
    actualMicros,
    requestId,
  };
}
