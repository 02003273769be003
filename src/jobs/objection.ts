import { NOTHING_SPENT } from '../domain/money.ts';
import {
  ABANDONED,
  hasVideo,
  type IntentEvent,
  isDownloadPending,
  isOfCharacter,
  isOfServer,
  isOpen,
  type JobRecord,
  NEVER_ARRIVED,
  type ServerIdentity,
  WITHDRAWN,
} from '../domain/record.ts';
import type { Claim, DayCap, Ledger, Standing } from '../store/ledger.ts';
import { fingerprintOf, recordRequest } from './fingerprint.ts';
import { batchCap, dayCap, dayCaps } from './spending-caps.ts';
import type { SubmitOrder, SubmitTarget } from './submit-order.ts';

/** Why an order is not submitted: another submission serves it, or it exceeds a cap. */
export type Objection = { readonly reason: string } & (
  | { readonly kind: 'served'; readonly record: JobRecord }
  | { readonly kind: 'refused'; readonly error: unknown }
);

interface JudgeDeps extends Pick<SubmitTarget, 'server'> {
  readonly signal?: AbortSignal | undefined;
  /** The caps of this machine; the ledger knows those of the team. */
  readonly dayCaps: readonly DayCap[];
}

/** What an order claims in the ledger, and how it is judged by what the ledger holds. */
export function claimOf(
  { signal, dayCaps: caps, server }: JudgeDeps,
  { row, again, taken, savesFile = false }: SubmitOrder,
  intent: IntentEvent,
): { readonly claim: Claim; readonly judge: (standing: Standing) => Objection | null } {
  const ofRow = row?.maxCostMicros == null ? [] : [batchCap(row.batch, server.profile, row.maxCostMicros)];
  const own = intent.free ? [] : [...ofRow, ...dayCaps(caps, intent)];
  const judge = ({ same, spent, team }: Standing): Objection | null => {
    const others = same.filter(({ key }) => taken?.has(key) !== true);
    const record =
      row === undefined
        ? others.find((other) => isOfServer(other, server) && mayServe(other, savesFile))
        : currentOf(others, row, server);
    if (record !== undefined)
      return { kind: 'served', record, reason: 'another process submitted the same request first' };
    if (signal?.aborted) return { kind: 'refused', error: signal.reason, reason: 'interrupted before it was sent' };
    const inForce = [
      ...own.map((cap, at) => ({ cap, spent: spent[at] ?? NOTHING_SPENT })),
      ...team.map(({ cap, scope, spent }) => ({ cap: dayCap(cap, scope, true), spent })),
    ];
    for (const { cap, spent: before } of inForce) {
      const error = cap.excess(before, intent.estimatedMicros);
      if (error !== null) return { kind: 'refused', error, reason: cap.reason };
    }
    return null;
  };
  return { claim: { intent, same: sameAs(row, again, intent), scopes: own.map(({ scope }) => scope) }, judge };
}

/** The submissions that may serve an order; null if it always needs a new one. */
function sameAs(row: SubmitOrder['row'], again: boolean | undefined, { fingerprint }: IntentEvent): Claim['same'] {
  if (row !== undefined) return { by: 'row', value: row.key };
  return again ? null : { by: 'fingerprint', value: fingerprint };
}

type UnderWayOrder = Pick<SubmitTarget & SubmitOrder, 'server' | 'request' | 'again' | 'savesFile'>;

/** The submissions of an equal request that a single create attaches to, oldest first. */
export async function underWay(
  ledger: Ledger,
  { server, request, again, savesFile = false }: UnderWayOrder,
): Promise<JobRecord[]> {
  if (again) return [];
  const value = fingerprintOf(server.baseUrl, recordRequest(request));
  const same = await ledger.list({ by: 'fingerprint', value });
  return same.filter((record) => isOfServer(record, server) && mayServe(record, savesFile));
}

/** Whether an equal request is served by this submission: it is unfinished, its file is not saved yet, or it is a character. */
function mayServe(record: JobRecord, savesFile: boolean): boolean {
  const isCharacter = isOfCharacter(record) && hasVideo(record);
  return isOpen(record) || isCharacter || (savesFile && isDownloadPending(record));
}

/** The current one of a row's submissions (oldest first); undefined if the row must be submitted. */
function currentOf(
  records: readonly JobRecord[],
  { after, isUnderWay }: NonNullable<SubmitOrder['row']>,
  server: ServerIdentity,
): JobRecord | undefined {
  const isOwn = (record: JobRecord): boolean => isOfServer(record, server);
  const open = records.filter((record) => isOpen(record) || hasVideo(record));
  const current = open.find(isOwn) ?? open[0];
  if (current !== undefined) return current;
  // One that failed since the run was planned: only a run that knows of it may retry it. Plans leave out other accounts,
  // unless their video is saved.
  const known = records.findIndex(({ key }) => key === after);
  const ended = records.slice(known + 1).filter(({ answer }) => answer === 'accepted');
  return ended.findLast(isOwn) ?? (isUnderWay ? ended.at(-1) : undefined);
}

/** Whether a submission certainly created nothing, or was abandoned, so its request may be submitted again. */
export function isCleared({ answer, refusal }: JobRecord): boolean {
  return answer === 'rejected' && [WITHDRAWN, NEVER_ARRIVED, ABANDONED].some((code) => code === refusal?.code);
}
