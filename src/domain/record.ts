import type { DialectName } from './dialect.ts';
import { type Tally, tallyOf } from './money.ts';
import { CUSTOM_PROFILE } from './profile-names.ts';
import {
  isTerminal,
  type JobFailure,
  type JobStatus,
  type Variant,
  type VideoJob,
  type VideoRequest,
} from './video.ts';

/** A request as stored in the ledger: everything but the bytes of a reference image. */
export interface RecordedRequest
  extends Pick<VideoRequest, 'prompt' | 'model' | 'seconds' | 'size' | 'quality' | 'characters' | 'params'> {
  /** Left out if `size` is used instead. */
  readonly frame?: { readonly resolution: string | null; readonly aspectRatio: string | null };
  /** `sha256:…`, `url:…` or `file_id:…`. */
  readonly image: string | null;
  /** `ROLE:` and the same of each reference beside the first frame; left out if there is none. */
  readonly references?: readonly string[];
  /** The video it starts from, as `id:…` or `sha256:…`; left out for a video from a prompt alone. */
  readonly source?: { readonly operation: string; readonly video: string };
}

export function isOfCharacter({ request }: Pick<JobRecord, 'request'>): boolean {
  return request.source?.operation === 'character';
}

export function isOfServerBatch({ request }: Pick<JobRecord, 'request'>): boolean {
  return request.source?.operation === 'batch';
}

/** Whether the rows of a server-side batch have their own submissions, which replace it. */
export function isSplitIntoRows(record: Pick<JobRecord, 'request' | 'removed'>): boolean {
  return isOfServerBatch(record) && record.removed;
}

/** Whether a submission creates a video rather than a character or a server-side batch. */
export function isOfVideo(record: Pick<JobRecord, 'request'>): boolean {
  return !isOfCharacter(record) && !isOfServerBatch(record);
}

/** The id of the video that a request starts from; null for a file, or for a video from a prompt alone. */
export function sourceIdOf(request: Pick<RecordedRequest, 'source'> | undefined): string | null {
  const video = request?.source?.video;
  return video?.startsWith('id:') ? video.slice('id:'.length) : null;
}

/** The length of the video that a request asks for; null if unknown: an extension is as long as both parts. */
export function requestedLength(
  request: Pick<RecordedRequest | VideoRequest, 'seconds' | 'source'> | undefined,
): number | null {
  return request === undefined || request.source?.operation === 'extend' ? null : request.seconds;
}

export interface SavedFile {
  readonly variant: Variant;
  /** Absolute, the address of an object (`s3://BUCKET/KEY`), or `-` in the ledger. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** Gives anyone access to an object that was just saved. Never stored: it is a secret while it is valid. */
  readonly link?: { readonly url: string; readonly expiresAtMs: number };
}

/** The path of what was written to standard output: it counts as saved, but is not a file. */
export const STANDARD_OUTPUT = '-';

/** Where and how the files of a create are to be saved by a later command without such options. */
export interface WantedFiles {
  readonly kind: 'file' | 'folder' | 'template';
  /** Absolute, or an address below `s3://`. */
  readonly path: string;
  readonly variants: readonly Variant[];
  readonly sidecar: boolean;
}

/** Which server a job belongs to. */
export interface ServerIdentity {
  /** The account of the key, as a salted hash; left out if unknown. */
  readonly account?: string | undefined;
  readonly profile: string;
  readonly baseUrl: string;
  /** Left out for `videos`. */
  readonly dialect?: DialectName | undefined;
}

/** What the ledger stores of a server's report on a job. */
export type JobFacts = Omit<VideoJob, 'progress' | 'prompt' | 'content' | 'pollAfterMs'>;

interface EventBase {
  /** The record that the event belongs to. */
  readonly key: string;
  readonly atMs: number;
}

/** The submitting process, which distinguishes a running submission from an abandoned one. */
export interface Submitter {
  readonly pid: number;
  /** Its host name; left out in lines of older versions, which wrote no `sending` either. */
  readonly host?: string | undefined;
  /** The boot of that machine and the PID namespace; null if unknown. */
  readonly boot?: string | null | undefined;
  /** When it started, in ticks since the boot; null if unknown. */
  readonly started?: string | null | undefined;
}

/** A submission, recorded before anything is sent. */
export interface IntentEvent extends EventBase, ServerIdentity, Submitter {
  readonly event: 'intent';
  /** The person who submitted it; left out if unknown. */
  readonly user?: string | undefined;
  readonly fingerprint: string;
  readonly request: RecordedRequest;
  /** Micro-dollars; null if no price is known. */
  readonly estimatedMicros: number | null;
  readonly priceList: string | null;
  /** True for the simulator: never counted as spent. */
  readonly free: boolean;
  /** The manifest it belongs to; null for a single create. */
  readonly batch: string | null;
  /** Identifies the row and its manifest; the same for all submissions of that row. */
  readonly row: string | null;
  /** Its request stays open until the video is saved, by this or a later command. Otherwise left out. */
  readonly owesFile?: boolean | undefined;
  /** A job of `sora doctor`, which `@last` skips. Otherwise left out. */
  readonly trial?: boolean | undefined;
  /** Left out where the command named no files. */
  readonly wanted?: WantedFiles | undefined;
}

/**
 * A submission goes from `intent` to `sending`, which is on disk before the first byte is sent, then to `accepted`,
 * `rejected` or `unknown`. `held` follows a refusal that created nothing, until the same create is sent again.
 */
export type LedgerEvent =
  | IntentEvent
  | (EventBase & { readonly event: 'held' })
  /** The uptime of its machine; left out in lines of older versions. */
  | (EventBase & { readonly event: 'sending'; readonly uptimeMs?: number | undefined })
  | (EventBase & { readonly event: 'accepted' | 'seen'; readonly job: JobFacts })
  | (EventBase & { readonly event: 'rejected'; readonly code: string; readonly message: string })
  | (EventBase & { readonly event: 'unknown'; readonly code: string | null; readonly message: string })
  | (EventBase & { readonly event: 'saved'; readonly file: SavedFile })
  | (EventBase & { readonly event: 'removed' });

/** The code of a `rejected` that withdraws a submission before it is sent. After `sending` it has no effect. */
export const WITHDRAWN = 'withdrawn';
/** The code of a `rejected` for a create that did not leave, or is missing from a list that its profile declares complete. */
export const NEVER_ARRIVED = 'never_arrived';
/** The code of a `rejected` with which a person abandons a submission in doubt; it may still have created a video. */
export const ABANDONED = 'abandoned';

/** How the server answered a submission: `pending` while it has not. */
export type SubmissionAnswer = 'pending' | 'accepted' | 'rejected' | 'unknown';

/** A job as the ledger knows it: its events, folded into one record. */
export interface JobRecord extends Omit<IntentEvent, 'event' | 'atMs'> {
  readonly submittedAtMs: number;
  /** Whether its create may have been sent. Older versions wrote no `sending`, so it is always true for theirs. */
  readonly isSent: boolean;
  /** The uptime of its machine just before the create was sent; null if unknown. */
  readonly sentUptimeMs: number | null;
  readonly answer: SubmissionAnswer;
  /** When the answer was recorded. */
  readonly answeredAtMs: number | null;
  /** Why it was rejected, or why its outcome is unknown. */
  readonly refusal: JobFailure | null;
  readonly job: JobFacts | null;
  readonly files: readonly SavedFile[];
  /** Deleted on the server. */
  readonly removed: boolean;
}

/** Folds one event into a record; an event without its intent is dropped. */
export function applyEvent(record: JobRecord | undefined, event: LedgerEvent): JobRecord | undefined {
  if (event.event === 'intent') return record ?? openRecord(event);
  if (record === undefined) return undefined;
  switch (event.event) {
    case 'accepted':
      return { ...record, answer: 'accepted', answeredAtMs: event.atMs, refusal: null, job: event.job };
    case 'seen':
      return { ...record, job: event.job };
    case 'sending':
      if (record.answer !== 'pending') return record;
      return { ...record, isSent: true, sentUptimeMs: event.uptimeMs ?? null };
    case 'held':
      return record.answer === 'pending' ? { ...record, isSent: false } : record;
    case 'rejected':
      if (record.answer === 'accepted') return record; // another process found it at the same time
      if (event.code === WITHDRAWN && record.isSent && record.host !== undefined) return record; // too late
      return withRefusal(record, event);
    case 'unknown':
      // A submission that was answered, or recovered by another process, is no longer in doubt.
      return record.answer === 'pending' ? withRefusal(record, event) : record;
    case 'saved':
      return { ...record, files: [...record.files.filter(({ path }) => path !== event.file.path), event.file] };
    case 'removed':
      return { ...record, removed: true };
  }
}

function withRefusal(
  record: JobRecord,
  { event: answer, atMs: answeredAtMs, code, message }: LedgerEvent & { readonly event: 'rejected' | 'unknown' },
): JobRecord {
  return { ...record, answer, answeredAtMs, refusal: { code, message } };
}

function openRecord(intent: IntentEvent): JobRecord {
  // Field by field: in a long ledger, object rest costs more than parsing.
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
    user: intent.user,
    fingerprint: intent.fingerprint,
    request: intent.request,
    estimatedMicros: intent.estimatedMicros,
    priceList: intent.priceList,
    free: intent.free,
    batch: intent.batch,
    row: intent.row,
    owesFile: intent.owesFile,
    trial: intent.trial,
    wanted: intent.wanted,
    submittedAtMs: intent.atMs,
    isSent: intent.host === undefined,
    sentUptimeMs: null,
    answer: 'pending',
    answeredAtMs: null,
    refusal: null,
    job: null,
    files: [],
    removed: false,
  };
}

/** Whether two accounts may be the same: also if one is unknown, or hashed with another salt. */
export function mayBeSameAccount(a: string | undefined, b: string | undefined): boolean {
  return a === undefined || b === undefined || a === b || a.split('.')[0] !== b.split('.')[0];
}

/**
 * Whether a job belongs to a server: it has the same address and perhaps the same account. The key of a profile may have
 * been replaced; without a profile, another key is another account.
 */
export function isOfServer(job: ServerIdentity, server: ServerIdentity): boolean {
  if (job.baseUrl !== server.baseUrl) return false;
  const isSameProfile = job.profile === server.profile && job.profile !== CUSTOM_PROFILE;
  return isSameProfile || mayBeSameAccount(job.account, server.account);
}

/** Whether the record's job may still be running, or may exist unknown to us. */
export function isOpen(record: JobRecord): boolean {
  if (record.removed || record.answer === 'rejected') return false;
  return record.job === null || !isTerminal(record.job.status);
}

/** Whether the record's job produced a video that, as far as we know, is still on its server. */
export function hasVideo({ job, removed }: JobRecord): boolean {
  return job?.status === 'completed' && !removed;
}

/** Whether its video still has to be saved. `expires_at` is ignored: servers keep files longer than they announce. */
export function isDownloadPending(record: JobRecord): boolean {
  return record.owesFile === true && hasVideo(record) && !isSaved(record);
}

/** Whether its video was saved at some time, or any file if the video was not wanted. */
export function isSaved({ files, wanted }: JobRecord): boolean {
  const isWanted = wanted === undefined || wanted.variants.includes('video');
  return files.some(({ variant }) => !isWanted || variant === 'video');
}

/** The server's id of a record's job, or else the key of the submission. */
export function idOrKey({ key, job }: Pick<JobRecord, 'key' | 'job'>): string {
  return job?.id ?? key;
}

/** A record's job status: a submission without an answer is `unknown`. */
export function statusOf(record: JobRecord): JobStatus {
  if (record.answer === 'rejected') return 'failed';
  const status = record.job?.status ?? 'unknown';
  return record.removed && !isTerminal(status) ? 'cancelled' : status;
}

/**
 * What a record counts as spent, in micro-dollars; null if unknown. A server may report a cost of 0 until
 * the job has ended, so until then the larger of reported cost and estimate counts.
 */
export function spentMicros(record: JobRecord): number | null {
  const { job, estimatedMicros } = record;
  if (record.free || (record.answer === 'rejected' && record.refusal?.code !== ABANDONED)) return 0;
  const actualMicros = job?.actualMicros ?? null;
  if (job === null || actualMicros === null) return estimatedMicros;
  if (isTerminal(job.status)) return actualMicros;
  return estimatedMicros === null ? actualMicros || null : Math.max(actualMicros, estimatedMicros);
}

/** The same as part of a sum. */
export function costOf(record: JobRecord): Tally {
  return tallyOf(spentMicros(record));
}

export function factsOf({ id, status, progress, prompt, content, pollAfterMs, ...facts }: VideoJob): JobFacts {
  return { id, status, ...facts };
}
