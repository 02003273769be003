import { dayOf } from '../domain/day.ts';
import { SoraError } from '../domain/errors.ts';
import { idForms } from '../domain/id-forms.ts';
import { formatUsd } from '../domain/money.ts';
import { isOpen, type JobRecord, type LedgerEvent } from '../domain/record.ts';
import { GroupCommit } from './group-commit.ts';
import {
  type Claim,
  endingOf,
  Ledger,
  type LedgerOrder,
  type LedgerQuery,
  NOTHING_SPENT,
  type SpentScope,
  type Standing,
  scopeOfCap,
  type Tally,
  type TeamCap,
  UNKNOWN_USER,
} from './ledger.ts';
import { durationMsOf, extendEntry, keyIsTaken, type LedgerEntry } from './ledger-entry.ts';
import { decodeLine, encodeEvent, type LedgerProblem } from './ledger-line.ts';
import { Database, type DatabaseOptions, type Queries, type Row, type Transaction } from './postgres.ts';
import { MIGRATIONS } from './postgres-schema.ts';
import { costOf, minus, plus } from './tally.ts';

const FIRST_PAGE = 32;
const LARGEST_PAGE = 1024;
/** Serialises migrations: a number that no other program uses. */
const MIGRATION_LOCK = 7_365_001;

/** A ledger in a PostgreSQL database, shared by any number of machines. */
export class PostgresLedger extends Ledger {
  readonly database: Database;
  readonly #appends = new GroupCommit((groups: readonly (readonly LedgerEvent[])[], isAlone) =>
    this.#appendAll(groups, isAlone),
  );
  readonly #claims = new GroupCommit((claims: readonly PendingClaim[]) => this.#reserveAll(claims));
  /** Events that could not be written while the database was away. */
  readonly #backlog: LedgerEvent[] = [];

  constructor(options: DatabaseOptions) {
    super();
    this.database = new Database(options, migrate);
  }

  get name(): string {
    return this.database.name;
  }

  append(...events: readonly LedgerEvent[]): Promise<void> {
    return this.#appends.add(events);
  }

  async #appendAll(groups: readonly (readonly LedgerEvent[])[], isAlone: boolean): Promise<readonly undefined[]> {
    const backlog = isAlone ? [] : this.#backlog.splice(0);
    try {
      await this.#write([...backlog, ...groups.flat()]);
    } catch (error) {
      this.#backlog.unshift(...backlog);
      throw error;
    }
    return groups.map(() => undefined);
  }

  /** What cannot be written now is written together with a later event. */
  override async tryAppend(...events: readonly LedgerEvent[]): Promise<SoraError | null> {
    const error = await super.tryAppend(...events);
    if (error?.code === 'ledger_unreachable') this.#backlog.push(...events);
    return error;
  }

  #write(events: readonly LedgerEvent[]): Promise<void> {
    const keys = [...new Set(events.map(({ key }) => key))];
    return this.database.transaction(async (transaction) => {
      const rows = await transaction.query(
        'SELECT key, lines FROM sora.submission WHERE key = ANY($1) ORDER BY key FOR UPDATE',
        [keys.map(plain)],
      );
      const stored = new Map(rows.map((row) => [String(row.key), String(row.lines)]));
      const changes = keys.flatMap((key) => {
        const lines = stored.get(key);
        const own = events.filter((event) => event.key === key).map(encodeEvent);
        const added = own.filter((line, at) => lines?.includes(line) !== true && own.indexOf(line) === at);
        return added.length === 0 ? [] : [this.#changeOf(key, lines, added)];
      });
      save(transaction, changes);
    });
  }

  #changeOf(key: string, lines: string | undefined, added: readonly string[]): Change {
    const before = lines === undefined ? undefined : this.#entryOf(lines);
    const text = lines === undefined ? added.join('\n') : `${lines}\n${added.join('\n')}`;
    const after = this.#fold(text);
    if (after !== undefined) return { before, after, lines: text, isNew: lines === undefined };
    throw new SoraError('ledger_damaged', { title: `${this.name} has no submission ${key}`, submission: key });
  }

  async reserve<T extends { readonly reason: string }>(
    claim: Claim,
    judge: (standing: Standing) => T | null,
  ): Promise<T | null> {
    let objection: T | null = null;
    const isRefused = await this.#claims.add({
      claim,
      isRefused: (standing) => {
        objection = judge(standing);
        return objection !== null;
      },
    });
    return isRefused ? objection : null;
  }

  /** Records the claims that nothing stands against, in their order; a day's sum is locked once for all of them. */
  #reserveAll(pending: readonly PendingClaim[]): Promise<readonly boolean[]> {
    return this.database.transaction(async (transaction) => {
      const claims = pending.map(({ claim }) => claim);
      const stored = this.#storedAmong(transaction, claims);
      const names = [...new Set(claims.flatMap(({ same }) => (same === null ? [] : [sameName(same)])))];
      if (names.length > 0) {
        transaction.send(
          `SELECT pg_advisory_xact_lock(name)
            FROM (SELECT DISTINCT hashtextextended(name, 0) AS name FROM unnest($1::text[]) name ORDER BY 1) names`,
          [names],
        );
      }
      const changes = claims.map(({ intent }) => this.#changeOf(intent.key, undefined, [encodeEvent(intent)]));
      const paid = changes.filter(({ after }) => !after.record.free);
      const scopes = [
        ...claims.flatMap((claim) => claim.scopes),
        ...paid.flatMap(({ after }) => scopesOf(after.record)),
      ];
      // Sent together, so that others wait for these locks as short as possible. Caps of the team stay as they are meanwhile.
      const [isStored, caps, tallies, standing] = await Promise.all([
        stored,
        paid.length === 0 ? [] : readTeamCaps(transaction, 'FOR SHARE'),
        lockSums(transaction, [...new Set(scopes.map(scopeName))].sort()),
        this.#standing(transaction, claims),
      ]);
      const spentIn = (scope: SpentScope): Tally => tallies.get(scopeName(scope)) ?? NOTHING_SPENT;
      const accepted: Change[] = [];
      const areRefused = pending.map(({ claim: { intent, same, scopes }, isRefused }, at) => {
        const change = changes[at];
        if (change === undefined || isStored.has(intent.key)) return false; // committed before, unconfirmed
        if (accepted.some(({ after }) => after.record.key === intent.key)) throw keyIsTaken(this.name, intent);
        const team = (intent.free ? [] : caps).flatMap((cap) => {
          const scope = scopeOfCap(cap, intent);
          return scope === null ? [] : [{ cap, scope, spent: spentIn(scope) }];
        });
        const known = same === null ? [] : (standing.get(sameName(same)) ?? []);
        if (isRefused({ same: known, spent: scopes.map(spentIn), team })) return true;
        accepted.push(change);
        const { record } = change.after;
        for (const name of [`row_key:${record.row}`, `fingerprint:${record.fingerprint}`].map(plain))
          standing.get(name)?.push(record);
        for (const [scope, cost] of costChanges([change]))
          tallies.set(scope, plus(tallies.get(scope) ?? NOTHING_SPENT, cost));
        return false;
      });
      save(transaction, accepted);
      return areRefused;
    });
  }

  /** The keys of intents that are stored already. Throws for a key of another intent. */
  async #storedAmong(queries: Queries, claims: readonly Claim[]): Promise<ReadonlySet<string>> {
    const known = await queries.query('SELECT key, lines FROM sora.submission WHERE key = ANY($1)', [
      claims.map(({ intent }) => plain(intent.key)),
    ]);
    const lines = new Map(known.map((row) => [String(row.key), String(row.lines)]));
    for (const { intent } of claims) {
      const stored = lines.get(intent.key);
      if (stored !== undefined && !stored.startsWith(encodeEvent(intent))) throw keyIsTaken(this.name, intent);
    }
    return new Set(lines.keys());
  }

  /** By `sameName`, the submissions that may make claims superfluous, oldest first. */
  async #standing(queries: Queries, claims: readonly Claim[]): Promise<ReadonlyMap<string, JobRecord[]>> {
    const standing = new Map<string, JobRecord[]>();
    const looks = (['row', 'fingerprint'] as const).map(async (by): Promise<void> => {
      const wanted = claims.flatMap(({ same }) => (same?.by === by ? [same] : []));
      if (wanted.length === 0) return;
      for (const same of wanted) standing.set(sameName(same), []);
      const column = COLUMNS[by];
      const rows = await queries.query(
        `SELECT ${column} AS value, lines FROM sora.submission WHERE ${column} = ANY($1) ORDER BY seq`,
        [[...new Set(wanted.map(({ value }) => plain(value)))]],
      );
      for (const { value, lines } of rows)
        standing.get(`${column}:${value}`)?.push(this.#entryOf(String(lines)).record);
    });
    await Promise.all(looks);
    return standing;
  }

  hold(): void {}

  async release(): Promise<void> {
    if (this.#backlog.length > 0) await this.tryAppend();
  }

  async byKey(key: string): Promise<JobRecord | undefined> {
    const rows = await this.database.query('SELECT lines FROM sora.submission WHERE key = $1', [plain(key)]);
    return this.#recordsIn(rows)[0];
  }

  async *records(query: LedgerQuery, order: LedgerOrder): AsyncGenerator<JobRecord> {
    const [column, value] = conditionOf(query);
    const [compare, direction] = order === 'oldest first' ? ['>', 'ASC'] : ['<', 'DESC'];
    let size = FIRST_PAGE;
    for (let after: string | null = null; ; size = Math.min(2 * size, LARGEST_PAGE)) {
      const rows: Row[] = await this.database.query(
        `SELECT seq, lines FROM sora.submission
          WHERE ${column === null ? '$1::text IS NULL' : `${column} = $1`} AND ($2::bigint IS NULL OR seq ${compare} $2)
          ORDER BY seq ${direction} LIMIT $3`,
        [value, after, size],
      );
      yield* this.#recordsIn(rows);
      if (rows.length < size) return;
      after = String(rows.at(-1)?.seq);
    }
  }

  async open(): Promise<JobRecord[]> {
    const rows = await this.database.query('SELECT lines FROM sora.submission WHERE is_open ORDER BY seq DESC');
    return this.#recordsIn(rows).filter(isOpen);
  }

  async withIds(ids: readonly string[]): Promise<JobRecord[]> {
    const rows = await this.database.query(
      `SELECT lines FROM sora.submission
        WHERE key IN (SELECT key FROM sora.name WHERE is_id AND name = ANY($1)) ORDER BY seq`,
      [ids.map(plain)],
    );
    return this.#recordsIn(rows);
  }

  async byEnding(ending: string): Promise<JobRecord[]> {
    const rows = await this.database.query(
      `SELECT lines FROM sora.submission
        WHERE key IN (SELECT key FROM sora.name WHERE is_shown AND ending = $1) ORDER BY seq DESC`,
      [plain(endingOf(ending))],
    );
    return this.#recordsIn(rows).filter(({ key, job }) => key.endsWith(ending) || job?.id.endsWith(ending));
  }

  async namesEnding(endings: readonly string[]): Promise<string[]> {
    const rows = await this.database.query('SELECT name FROM sora.name WHERE is_shown AND ending = ANY($1)', [
      endings.map(plain),
    ]);
    return rows.map(({ name }) => String(name));
  }

  spent(scope: SpentScope): Promise<Tally> {
    return readSpent(this.database, scope);
  }

  override teamCaps(): Promise<TeamCap[]> {
    return readTeamCaps(this.database, '');
  }

  /** Stores caps of the team, in micro-dollars; null removes one. Submissions that are being reserved end first. */
  setTeamCaps(caps: ReadonlyMap<string, number | null>): Promise<void> {
    return this.database.transaction(async (queries) => {
      await queries.query('LOCK TABLE sora.cap IN EXCLUSIVE MODE');
      for (const [name, micros] of caps) {
        if (micros === null) await queries.query('DELETE FROM sora.cap WHERE name = $1', [name]);
        else {
          await queries.query(
            'INSERT INTO sora.cap (name, micros) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET micros = $2',
            [name, micros],
          );
        }
      }
    });
  }

  async durationsMs(profile: string, model: string | null, limit: number): Promise<number[]> {
    const rows = await this.database.query(
      `SELECT duration_ms FROM sora.submission
        WHERE profile = $1 AND model IS NOT DISTINCT FROM $2 AND duration_ms IS NOT NULL ORDER BY seq DESC LIMIT $3`,
      [plain(profile), model && plain(model), limit],
    );
    return rows.map((row) => Number(row.duration_ms));
  }

  /** The database keeps its own checksums; `ledger check` reads every line. */
  async problems(): Promise<readonly LedgerProblem[]> {
    return [];
  }

  async requireIntact(): Promise<void> {}

  /** A standby, and a role without the right to write, refuse to update nothing, too. */
  override async requireUsable(): Promise<void> {
    await this.database.queryNow('UPDATE sora.spent SET micros = micros WHERE false');
  }

  /** What `doctor` shows. */
  async describe(): Promise<string> {
    const [row] = await this.database.query("SELECT current_setting('server_version') AS version");
    const caps = (await this.teamCaps()).map(({ name, capMicros }) => `${name} ${formatUsd(capMicros)}`);
    return `${this.name}, PostgreSQL ${row?.version}${caps.length > 0 ? `; caps of the team: ${caps.join(', ')}` : ''}`;
  }

  /**
   * Reads every submission, and compares the sums with them. Submissions wait meanwhile. Sums that differ are corrected if
   * `isCorrected` says so.
   */
  audit(isCorrected: boolean): Promise<LedgerAudit> {
    return this.database.transaction(async (queries) => {
      await queries.query('LOCK TABLE sora.submission, sora.spent IN SHARE ROW EXCLUSIVE MODE');
      const damage: LedgerAudit['damage'][number][] = [];
      const costs = new Map<string, Tally>();
      let submissions = 0;
      for (let after: string | null = null; ; ) {
        const rows: Row[] = await queries.query(
          'SELECT seq, key, lines FROM sora.submission WHERE $1::bigint IS NULL OR seq > $1 ORDER BY seq LIMIT $2',
          [after, LARGEST_PAGE],
        );
        for (const { seq, key, lines } of rows) {
          submissions++;
          try {
            const change = { before: undefined, after: this.#entryOf(String(lines)), lines: '', isNew: true };
            for (const [scope, cost] of costChanges([change]))
              costs.set(scope, plus(costs.get(scope) ?? NOTHING_SPENT, cost));
          } catch (error) {
            if (!(error instanceof SoraError)) throw error;
            damage.push({ line: Number(seq), key: String(key), reason: error.message });
          }
        }
        if (rows.length < LARGEST_PAGE) break;
        after = String(rows.at(-1)?.seq);
      }
      const stored = await queries.query('SELECT scope, micros, unpriced FROM sora.spent');
      const sums = new Map(stored.map((row) => [String(row.scope), tallyOf(row)]));
      const wrong = [...new Set([...costs.keys(), ...sums.keys()])].filter((scope) => {
        const [is, should] = [sums.get(scope) ?? NOTHING_SPENT, costs.get(scope) ?? NOTHING_SPENT];
        return is.micros !== should.micros || is.unpriced !== should.unpriced;
      });
      if (isCorrected && damage.length === 0) {
        await queries.query('DELETE FROM sora.spent WHERE scope = ANY($1)', [wrong]);
        addCosts(queries, new Map(wrong.map((scope) => [scope, costs.get(scope) ?? NOTHING_SPENT])));
      }
      return { submissions, damage, wrongSums: wrong.length };
    });
  }

  #recordsIn(rows: readonly Row[]): JobRecord[] {
    return rows.map(({ lines }) => this.#entryOf(String(lines)).record);
  }

  #entryOf(lines: string): LedgerEntry {
    const entry = this.#fold(lines);
    if (entry !== undefined) return entry;
    throw new SoraError('ledger_damaged', { title: `${this.name} contains a submission without its intent` });
  }

  #fold(lines: string): LedgerEntry | undefined {
    let entry: LedgerEntry | undefined;
    for (const line of lines.split('\n')) {
      const decoded = decodeLine(line);
      if (decoded.kind === 'unreadable') {
        throw new SoraError('ledger_damaged', {
          title: `the ledger is damaged, so nothing is paid: ${this.name}, ${decoded.reason}`,
        });
      }
      if (decoded.kind === 'event') entry = extendEntry(entry, decoded.event);
    }
    return entry;
  }
}

/** The parts of a cap’s name; undefined if there is no such cap. */
export function parseCapName(name: string): Pick<TeamCap, 'profile' | 'isPerUser'> | undefined {
  const parts = /^(?:profiles\.([^.\s]+)\.)?max_cost_per_day(_per_user)?$/.exec(name);
  return parts === null ? undefined : { profile: parts[1] ?? null, isPerUser: parts[2] !== undefined };
}

async function readTeamCaps(queries: Queries, lock: 'FOR SHARE' | ''): Promise<TeamCap[]> {
  const rows = await queries.query(`SELECT name, micros FROM sora.cap ORDER BY name ${lock}`);
  return rows.flatMap(({ name, micros }) => {
    const parts = parseCapName(String(name));
    return parts === undefined ? [] : [{ name: String(name), ...parts, capMicros: Number(micros) }];
  });
}

/** The sum of a scope, as a transaction sees it. */
export async function readSpent(queries: Queries, scope: SpentScope): Promise<Tally> {
  const rows = await queries.query('SELECT micros, unpriced FROM sora.spent WHERE scope = $1', [scopeName(scope)]);
  return rows[0] === undefined ? NOTHING_SPENT : tallyOf(rows[0]);
}

export interface LedgerAudit {
  readonly submissions: number;
  readonly damage: readonly { readonly line: number; readonly key: string; readonly reason: string }[];
  /** Sums of days and manifests that are not those of their submissions. */
  readonly wrongSums: number;
}

interface PendingClaim {
  readonly claim: Claim;
  /** May be asked again, if the transaction is. */
  isRefused(standing: Standing): boolean;
}

/** What some events do to one submission. */
interface Change {
  readonly before: LedgerEntry | undefined;
  readonly after: LedgerEntry;
  readonly lines: string;
  readonly isNew: boolean;
}

function save(transaction: Transaction, changes: readonly Change[]): void {
  if (changes.length === 0) return;
  const ofChange = (change: Change) => [
    change.after.record.key,
    change.lines,
    isOpen(change.after.record),
    durationMsOf(change.after) ?? null,
  ];
  const added = changes.filter(({ isNew }) => isNew);
  if (added.length > 0) {
    const rows = added.map((change) => {
      const { profile, request, fingerprint, row, batch, submittedAtMs } = change.after.record;
      return [...ofChange(change), profile, request.model, fingerprint, row, batch, dayOf(submittedAtMs)];
    });
    transaction.send(
      `INSERT INTO sora.submission (key, lines, is_open, duration_ms, profile, model, fingerprint, row_key, batch, day)
        SELECT * FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[], $5::text[], $6::text[], $7::text[],
          $8::text[], $9::text[], $10::date[])`,
      columnsOf(rows),
    );
  }
  const changed = changes.filter(({ isNew }) => !isNew);
  if (changed.length > 0) {
    transaction.send(
      `UPDATE sora.submission s SET lines = n.lines, is_open = n.is_open, duration_ms = n.duration_ms
        FROM unnest($1::text[], $2::text[], $3::boolean[], $4::bigint[]) n (key, lines, is_open, duration_ms)
        WHERE s.key = n.key`,
      columnsOf(changed.map(ofChange)),
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
  addCosts(transaction, costChanges(changes));
}

function addCosts(transaction: Transaction, costs: ReadonlyMap<string, Tally>): void {
  if (costs.size > 0) {
    transaction.send(
      `INSERT INTO sora.spent SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[]) n (scope, micros, unpriced)
        ORDER BY scope
        ON CONFLICT (scope) DO UPDATE SET micros = spent.micros + excluded.micros, unpriced = spent.unpriced + excluded.unpriced`,
      columnsOf([...costs].map(([scope, { micros, unpriced }]) => [scope, micros, unpriced])),
    );
  }
}

/** The sums of scopes, locked until the end of the transaction. All transactions lock them in this order. */
async function lockSums(transaction: Transaction, scopes: readonly string[]): Promise<Map<string, Tally>> {
  transaction.send(
    'INSERT INTO sora.spent SELECT scope, 0, 0 FROM unnest($1::text[]) scope ORDER BY scope ON CONFLICT DO NOTHING',
    [scopes],
  );
  const sums = await transaction.query(
    'SELECT scope, micros, unpriced FROM sora.spent WHERE scope = ANY($1) ORDER BY scope FOR UPDATE',
    [scopes],
  );
  return new Map(sums.map((row) => [String(row.scope), tallyOf(row)]));
}

/** New names of a submission: name, key, ending, whether it is the id of a job, whether people see it. */
function namesOf({ before, after, isNew }: Change): unknown[][] {
  const { key, job } = after.record;
  const names: unknown[][] = isNew ? [[key, key, endingOf(key), false, true]] : [];
  if (job !== null && job.id !== before?.record.job?.id) {
    names.push(...idForms(job.id).map((form) => [form, key, endingOf(form), true, form === job.id]));
  }
  return names;
}

/** By scope, what the changes add to its sum. */
function costChanges(changes: readonly Change[]): Map<string, Tally> {
  const sums = new Map<string, Tally>();
  for (const { before, after } of changes) {
    const { record } = after;
    const change = minus(costOf(record), before === undefined ? NOTHING_SPENT : costOf(before.record));
    if (change.micros === 0 && change.unpriced === 0) continue;
    for (const scope of scopesOf(record).map(scopeName)) {
      sums.set(scope, plus(sums.get(scope) ?? NOTHING_SPENT, change));
    }
  }
  return sums;
}

/** All sums that a submission belongs to. */
function scopesOf({ profile, user = UNKNOWN_USER, batch, submittedAtMs }: JobRecord): SpentScope[] {
  const day = { by: 'day', value: dayOf(submittedAtMs) } as const;
  const ofBatch = batch === null ? [] : [{ by: 'batch', value: batch } as const];
  return [day, ...ofBatch].flatMap((of) => [
    { ...of, profile: null, user: null },
    { ...of, profile, user: null },
    { ...of, profile: null, user },
    { ...of, profile, user },
  ]);
}

function scopeName({ by, value, profile, user }: SpentScope): string {
  return JSON.stringify([by, value, profile, user]);
}

function tallyOf({ micros, unpriced }: Row): Tally {
  return { micros: Number(micros), unpriced: Number(unpriced) };
}

/** The column of a query, null for everything, and its value. */
function conditionOf(query: LedgerQuery): readonly [string | null, string | null] {
  if (query.by === 'everything') return [null, null];
  return [COLUMNS[query.by], plain(query.value)];
}

const COLUMNS = { fingerprint: 'fingerprint', row: 'row_key', batch: 'batch', day: 'day' } as const;

/** What transactions lock that look for the same submissions. */
function sameName({ by, value }: NonNullable<Claim['same']>): string {
  return `${COLUMNS[by]}:${plain(value)}`;
}

/** The columns of some rows, as `unnest` takes them. */
function columnsOf(rows: readonly (readonly unknown[])[]): unknown[][] {
  return (rows[0] ?? []).map((_, at) => rows.map((row) => (typeof row[at] === 'string' ? plain(row[at]) : row[at])));
}

/** PostgreSQL stores no NUL in a text. */
export function plain(text: string): string {
  return text.replaceAll('\0', '');
}

async function migrate(queries: Queries): Promise<void> {
  if ((await versionOf(queries)) >= MIGRATIONS.length) return;
  await queries.query('BEGIN');
  await queries.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  await queries.query('CREATE SCHEMA IF NOT EXISTS sora');
  await queries.query(
    'CREATE TABLE IF NOT EXISTS sora.migration (version int PRIMARY KEY, at timestamptz DEFAULT now())',
  );
  const version = await versionOf(queries);
  for (const [at, statements] of MIGRATIONS.entries()) {
    if (at < version) continue;
    await queries.query(statements);
    await queries.query('INSERT INTO sora.migration (version) VALUES ($1)', [at + 1]);
  }
  await queries.query('COMMIT');
}

async function versionOf(queries: Queries): Promise<number> {
  const [table] = await queries.query("SELECT to_regclass('sora.migration')::text AS name");
  if (table?.name == null) return 0;
  const [row] = await queries.query('SELECT coalesce(max(version), 0) AS version FROM sora.migration');
  return Number(row?.version);
}
