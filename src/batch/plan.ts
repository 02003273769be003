import type { RowState } from '../domain/batch.ts';
import { NOTHING_SPENT, plus, type Tally } from '../domain/money.ts';
import { costOf, hasVideo, isOfVideo, isOpen, type JobRecord, type SavedFile } from '../domain/record.ts';
import { allSavedFiles, isStillThere, savedFiles } from '../jobs/saved-file.ts';
import type { Ledger } from '../store/ledger.ts';
import type { BatchRow } from './batch-row.ts';
import { sourcesFirst } from './row-order.ts';

export interface PlannedRow {
  readonly row: BatchRow;
  readonly state: RowState;
  /** The submission that determines the state. */
  readonly record: JobRecord | null;
}

export interface BatchPlan {
  /** Its name in the ledger. */
  readonly manifest: string;
  readonly rows: readonly PlannedRow[];
  /** The cost of all its submissions to this server so far, including retries and removed rows. */
  readonly spent: Tally;
  /** Jobs that have or may get a video, but whose rows were removed or changed. */
  readonly orphans: number;
}

/** Refusals of the request itself, which a retry would repeat. */
const REFUSED_FOR_GOOD: ReadonlySet<string> = new Set([
  'moderation_blocked',
  'invalid_request',
  'reference_size_mismatch',
  'model_not_found',
  'not_supported',
]);

/** Whether a submission counts for a row: one to another account does with its saved files, or while it is in doubt. */
function counts(record: JobRecord, isOfServer: (record: JobRecord) => boolean): boolean {
  return record.refusal?.code !== 'withdrawn' && (record.files.length > 0 || isInDoubt(record) || isOfServer(record));
}

/** Only a person may have its row sent again, whatever the key. */
function isInDoubt(record: JobRecord): boolean {
  return record.job === null && isOpen(record);
}

/** The state of a row of the queue: it is paid once, whoever submitted it. */
export async function planRow(row: BatchRow, ledger: Ledger): Promise<PlannedRow> {
  const records = await ledger.list({ by: 'row', value: row.ref.key });
  const record = records.filter((each) => counts(each, () => true)).reduce<JobRecord | undefined>(preferred, undefined);
  return { row, record: record ?? null, state: record === undefined ? 'to_do' : stateOf(record, row) };
}

export interface PlanOrder {
  /** The name of the manifest in the ledger. */
  readonly batch: string;
  /** Whose spending is summed. */
  readonly profile: string;
  /** Whether a submission belongs to the server in use. */
  readonly isOfServer: (record: JobRecord) => boolean;
}

/** Compares a manifest with the ledger, reading its submissions once. */
export async function planBatch(
  rows: readonly BatchRow[],
  { batch, profile, isOfServer }: PlanOrder,
  ledger: Ledger,
): Promise<BatchPlan> {
  const latest = new Map<string, JobRecord>();
  let spent = NOTHING_SPENT;
  for await (const record of ledger.records({ by: 'batch', value: batch }, 'oldest first')) {
    if (record.profile === profile) spent = plus(spent, costOf(record));
    if (record.row !== null && isOfVideo(record) && counts(record, isOfServer)) {
      latest.set(record.row, preferred(latest.get(record.row), record));
    }
  }
  const planned = rows.map((row): PlannedRow => {
    const record = latest.get(row.ref.key) ?? null;
    latest.delete(row.ref.key);
    return { row, record, state: record === null ? 'to_do' : stateOf(record, row) };
  });
  failFollowers(planned);
  // Jobs of a rehearsal on the simulator, or of another server, are not changed rows.
  const orphans = [...latest.values()].filter(
    (record) => record.profile === profile && (hasVideo(record) || (isOpen(record) && isOfServer(record))),
  ).length;
  return { manifest: batch, rows: planned, spent, orphans };
}

/** A row without a submission has failed if the one that it starts from has. */
function failFollowers(planned: PlannedRow[]): void {
  if (planned.every(({ row }) => row.from === null)) return;
  const states = new Map(planned.map(({ row, state }) => [row.ref.key, state]));
  for (const { ref, from } of rowsInOrder(planned.map(({ row }) => row))) {
    const hasFailed = from !== null && states.get(from.row.ref.key) === 'failed' && states.get(ref.key) === 'to_do';
    if (hasFailed) states.set(ref.key, 'failed');
  }
  for (const [at, each] of planned.entries())
    planned[at] = { ...each, state: states.get(each.row.ref.key) ?? each.state };
}

/** Rows in an order in which each comes after the one that it starts from. */
export function rowsInOrder(rows: readonly BatchRow[]): readonly BatchRow[] {
  const byKey = new Map(rows.map((row) => [row.ref.key, row]));
  return sourcesFirst(rows, ({ from }) => (from === null ? undefined : byKey.get(from.row.ref.key))).ordered;
}

/** Of several submissions of a row, the one that has or may get a video; else the newest. */
function preferred(earlier: JobRecord | undefined, later: JobRecord): JobRecord {
  if (earlier === undefined || hasVideo(later)) return later;
  if (hasVideo(earlier)) return earlier;
  return !isOpen(later) && (isOpen(earlier) || earlier.files.some(isStillThere)) ? earlier : later;
}

function stateOf(record: JobRecord, row: BatchRow): RowState {
  if (record.answer === 'rejected') return REFUSED_FOR_GOOD.has(record.refusal?.code ?? '') ? 'failed' : 'to_do';
  // What is saved stays, whatever its server reports since.
  const saved = savedFiles(record, row);
  if (saved.length === row.variants.length) return 'done';
  if (hasVideo(record) || saved.some(({ variant }) => variant === 'video')) return 'saveable';
  if (!isOpen(record)) return 'failed';
  return record.answer === 'accepted' ? 'running' : 'unknown';
}

/** The files of a row that an earlier run saved whole; null if it is not done. */
export function filesOf({ row, state, record }: PlannedRow): SavedFile[] | null {
  return state === 'done' && record !== null ? allSavedFiles(record, row) : null;
}
