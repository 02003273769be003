import { dayOf } from '../domain/day.ts';
import { SoraError } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import { minus, NOTHING_SPENT, plus, type Tally } from '../domain/money.ts';
import { costOf, isOpen, type JobRecord } from '../domain/record.ts';
import { endingOf, type SpentScope, UNKNOWN_USER } from './ledger.ts';
import { durationMsOf, extendEntry, type LedgerEntry } from './ledger-entry.ts';
import { decodeLine } from './ledger-line.ts';
import type { Queries, Row, Transaction } from './postgres.ts';

/** The submission that some lines describe. Throws `ledger_damaged` for lines that are damaged or have no intent. */
export function entryOf(ledger: string, lines: string): LedgerEntry {
  const entry = fold(ledger, lines);
  if (entry !== undefined) return entry;
  throw new SoraError('ledger_damaged', { title: `${ledger} contains a submission without its intent` });
}

function fold(ledger: string, lines: string): LedgerEntry | undefined {
  let entry: LedgerEntry | undefined;
  for (const line of lines.split('\n')) {
    const decoded = decodeLine(line);
    if (decoded.kind === 'unreadable') {
      throw new SoraError('ledger_damaged', {
        title: `the ledger is damaged, so nothing is paid: ${ledger}, ${decoded.reason}`,
      });
    }
    if (decoded.kind === 'event') entry = extendEntry(entry, decoded.event);
  }
  return entry;
}

/** The columns by which submissions are found. */
export const COLUMNS = { fingerprint: 'fingerprint', row: 'row_key', batch: 'batch', day: 'day' } as const;

/** What some events do to one submission. */
export interface Change {
  /** Undefined for a new one. */
  readonly before: LedgerEntry | undefined;
  readonly after: LedgerEntry;
  readonly lines: string;
}

/** What added lines do to the submission of a key; `stored` is undefined for a new one. Throws `ledger_damaged`. */
export function changeOf(ledger: string, key: string, stored: string | undefined, added: readonly string[]): Change {
  const before = stored === undefined ? undefined : entryOf(ledger, stored);
  const lines = [...(stored === undefined ? [] : [stored]), ...added].join('\n');
  const after = fold(ledger, lines);
  if (after !== undefined) return { before, after, lines };
  throw new SoraError('ledger_damaged', { title: `${ledger} has no submission ${key}`, submission: key });
}

/** The stored lines of these submissions, by key. */
export async function linesOf(
  queries: Queries,
  keys: readonly string[],
  lock: 'FOR UPDATE' | '' = '',
): Promise<ReadonlyMap<string, string>> {
  const rows = await queries.query(`SELECT key, lines FROM sora.submission WHERE key = ANY($1) ORDER BY key ${lock}`, [
    keys.map(plain),
  ]);
  return new Map(rows.map(({ key, lines }) => [String(key), String(lines)]));
}

export function saveChanges(transaction: Transaction, changes: readonly Change[]): void {
  if (changes.length === 0) return;
  const rowOf = ({ lines, after }: Change) => [
    after.record.key,
    lines,
    isOpen(after.record),
    durationMsOf(after) ?? null,
  ];
  const added = changes.filter(({ before }) => before === undefined);
  if (added.length > 0) {
    const rows = added.map((change) => {
      const { profile, request, fingerprint, row, batch, submittedAtMs } = change.after.record;
      return [...rowOf(change), profile, request.model, fingerprint, row, batch, dayOf(submittedAtMs)];
    });
    transaction.send(
      `INSERT INTO sora.submission (key, lines, is_open, duration_ms, profile, model, fingerprint, row_key, batch, day)
        SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::text[], $7::text[],
          $8::text[], $9::text[], $10::date[])`,
      columnsOf(rows),
    );
  }
  const changed = changes.filter(({ before }) => before !== undefined);
  if (changed.length > 0) {
    transaction.send(
      `UPDATE sora.submission s SET lines = n.lines, is_open = n.is_open, duration_ms = n.duration_ms
        FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) n (key, lines, is_open, duration_ms)
        WHERE s.key = n.key`,
      columnsOf(changed.map(rowOf)),
    );
  }
  const names = changes.flatMap(namesOf);
  if (names.length > 0) {
    transaction.send(
      `INSERT INTO sora.name (name, key, ending, is_id, is_shown)
        SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[], $5::boolean[])
        ON CONFLICT DO NOTHING`,
      columnsOf(names),
    );
  }
  addToSums(transaction, addCosts(new Map(), changes));
}

/** New names of a submission: name, key, ending, whether it is the id of a job, whether people see it. */
function namesOf({ before, after }: Change): unknown[][] {
  const { key, job } = after.record;
  const names: unknown[][] = before === undefined ? [[key, key, endingOf(key), false, true]] : [];
  if (job !== null && job.id !== before?.record.job?.id) {
    names.push(...idForms(job.id).map((form) => [form, key, endingOf(form), true, form === job.id]));
  }
  return names;
}

/** Adds what changes cost to sums, by the names of their scopes. */
export function addCosts<M extends Map<string, Tally>>(sums: M, changes: readonly Omit<Change, 'lines'>[]): M {
  for (const { before, after } of changes) {
    const cost = minus(costOf(after.record), before === undefined ? NOTHING_SPENT : costOf(before.record));
    if (cost.micros === 0 && cost.unpriced === 0) continue;
    for (const scope of scopesOf(after.record).map(scopeName)) {
      sums.set(scope, plus(sums.get(scope) ?? NOTHING_SPENT, cost));
    }
  }
  return sums;
}

/** All scopes that a submission counts in. */
export function scopesOf({ profile, user = UNKNOWN_USER, batch, submittedAtMs }: JobRecord): SpentScope[] {
  const day = { by: 'day', value: dayOf(submittedAtMs) } as const;
  const ofBatch = batch === null ? [] : [{ by: 'batch', value: batch } as const];
  return [day, ...ofBatch].flatMap((of) => [
    { ...of, profile: null, user: null },
    { ...of, profile, user: null },
    { ...of, profile: null, user },
    { ...of, profile, user },
  ]);
}

export function scopeName({ by, value, profile, user }: SpentScope): string {
  return JSON.stringify([by, value, profile, user]);
}

/** Adds to the stored sums. */
export function addToSums(transaction: Transaction, costs: ReadonlyMap<string, Tally>): void {
  if (costs.size === 0) return;
  transaction.send(
    `INSERT INTO sora.spent SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) n (scope, micros, unpriced)
      ORDER BY scope
      ON CONFLICT (scope) DO UPDATE SET micros = spent.micros + excluded.micros, unpriced = spent.unpriced + excluded.unpriced`,
    columnsOf([...costs].map(([scope, { micros, unpriced }]) => [scope, micros, unpriced])),
  );
}

/** The sum of a scope, as a transaction sees it. */
export async function readSpent(queries: Queries, scope: SpentScope): Promise<Tally> {
  const rows = await queries.query('SELECT micros, unpriced FROM sora.spent WHERE scope = $1', [scopeName(scope)]);
  return rows[0] === undefined ? NOTHING_SPENT : tallyOf(rows[0]);
}

/** The stored sums in some rows, by the names of their scopes. */
export function sumsIn(rows: readonly Row[]): Map<string, Tally> {
  return new Map(rows.map((row) => [String(row.scope), tallyOf(row)]));
}

function tallyOf({ micros, unpriced }: Row): Tally {
  return { micros: Number(micros), unpriced: Number(unpriced) };
}

/** The columns of some rows, as `unnest` takes them. */
function columnsOf(rows: readonly (readonly unknown[])[]): unknown[][] {
  return (rows[0] ?? []).map((_, at) => rows.map((row) => (typeof row[at] === 'string' ? plain(row[at]) : row[at])));
}

/** PostgreSQL stores no NUL in a text. */
export function plain(text: string): string {
  return text.replaceAll('\0', '');
}
