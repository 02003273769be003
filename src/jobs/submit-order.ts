import type { SoraError } from '../domain/errors.ts';
import type { Estimate } from '../domain/pricing.ts';
import type { IntentEvent, RecordedRequest, ServerIdentity, WantedFiles } from '../domain/record.ts';
import type { VideoRequest } from '../domain/video.ts';
import { fingerprintOf } from './fingerprint.ts';
import type { InFlightDeps } from './in-flight.ts';

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
  /** It was planned as submitted, so nobody has agreed to pay for it again. */
  readonly isUnderWay?: boolean;
  /** The cap for all submissions of the manifest, across processes; null without a cap. */
  readonly maxCostMicros: number | null;
}

/** Where submissions go. */
export interface SubmitTarget {
  readonly server: ServerIdentity;
  /** The simulator: never counted as spent. */
  readonly free: boolean;
}

export interface SubmitOrder {
  /** Key of the record, by which a caller can find it later; generated when left out. */
  readonly key?: string;
  readonly request: VideoRequest;
  readonly estimate: Estimate | null;
  /** Submit another one even if the same request is unfinished. */
  readonly again?: boolean;
  /** The video will be saved as a file, so an equal request whose video is not saved yet counts as unfinished. */
  readonly savesFile?: boolean;
  /** A check of the server, not a video that anybody wants. */
  readonly trial?: boolean;
  /** Where a later command is to save the files. */
  readonly wanted?: WantedFiles | undefined;
  /** Records that this command already uses for other copies of the request. */
  readonly taken?: ReadonlySet<string>;
  /** The row of a batch; left out for a single create. */
  readonly row?: RowOrder;
  /** Called after the intent is recorded and before anything is sent: an error if something else may create the same videos. */
  readonly conflict?: (() => Promise<SoraError | null>) | undefined;
}

/** What an intent records of an order. */
export interface IntentFacts extends Pick<SubmitOrder, 'estimate' | 'savesFile' | 'trial' | 'wanted'> {
  readonly key: string;
  readonly atMs: number;
  /** The person whose spending this is; left out or null if unknown. */
  readonly user?: string | null | undefined;
  readonly request: RecordedRequest;
  /** Left out for a single create. */
  readonly row?: RowRef | undefined;
}

export function intentOf(
  { self, server, free }: SubmitTarget & Pick<InFlightDeps, 'self'>,
  { request, estimate, row, ...facts }: IntentFacts,
): IntentEvent {
  return {
    event: 'intent',
    key: facts.key,
    atMs: facts.atMs,
    ...self,
    profile: server.profile,
    baseUrl: server.baseUrl,
    dialect: server.dialect,
    account: server.account,
    user: facts.user || undefined,
    fingerprint: fingerprintOf(server.baseUrl, request),
    request,
    estimatedMicros: estimate?.micros ?? null,
    priceList: estimate?.priceList ?? null,
    free,
    batch: row?.batch ?? null,
    row: row?.key ?? null,
    owesFile: facts.savesFile || undefined,
    trial: facts.trial || undefined,
    wanted: facts.wanted,
  };
}
