import type { SoraError } from '../domain/errors.ts';
import { formatUsd, type Tally } from '../domain/money.ts';
import { isOpen, type JobRecord, type LedgerEvent } from '../domain/record.ts';
import { GroupCommit } from './group-commit.ts';
import {
  type Claim,
  endingOf,
  FIRST_PAGE,
  LARGEST_PAGE,
  Ledger,
  type LedgerOrder,
  type LedgerQuery,
  type SpentScope,
  type Standing,
  type TeamCap,
} from './ledger.ts';
import { encodeEvent } from './ledger-line.ts';
import { Database, type DatabaseOptions, type Row } from './postgres.ts';
import { auditLedger, type LedgerAudit } from './postgres-audit.ts';
import { type PendingClaim, reserveAll } from './postgres-reservations.ts';
import { migrate } from './postgres-schema.ts';
import { COLUMNS, changeOf, entryOf, linesOf, plain, readSpent, saveChanges } from './postgres-submissions.ts';
import { readTeamCaps, writeTeamCaps } from './postgres-team-caps.ts';

/** A ledger in a PostgreSQL database, shared by any number of machines. */
export class PostgresLedger extends Ledger {
  readonly database: Database;
  readonly #appends = new GroupCommit((groups: readonly (readonly LedgerEvent[])[], isAlone) =>
    this.#appendAll(groups, isAlone),
  );
  readonly #claims = new GroupCommit((claims: readonly PendingClaim[]) =>
    this.database.transaction((transaction) => reserveAll(transaction, this.name, claims)),
  );
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
      const stored = await linesOf(transaction, keys, 'FOR UPDATE');
      const changes = keys.flatMap((key) => {
        const lines = stored.get(key);
        const own = events.filter((event) => event.key === key).map(encodeEvent);
        const added = own.filter((line, at) => lines?.includes(line) !== true && own.indexOf(line) === at);
        return added.length === 0 ? [] : [changeOf(this.name, key, lines, added)];
      });
      saveChanges(transaction, changes);
    });
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

  async release(): Promise<void> {
    if (this.#backlog.length > 0) await this.tryAppend();
  }

  async byKey(key: string): Promise<JobRecord | undefined> {
    return (await this.#select('key = $1', plain(key)))[0];
  }

  async *records(query: LedgerQuery, order: LedgerOrder): AsyncGenerator<JobRecord> {
    const [condition, values] =
      query.by === 'everything' ? ['true', []] : [`${COLUMNS[query.by]} = $3`, [plain(query.value)]];
    const isAscending = order === 'oldest first';
    let after: unknown = isAscending ? 0 : Number.MAX_SAFE_INTEGER;
    for (let size = FIRST_PAGE; ; size = Math.min(2 * size, LARGEST_PAGE)) {
      const rows: Row[] = await this.database.query(
        `SELECT seq, lines FROM sora.submission WHERE ${condition} AND seq ${isAscending ? '>' : '<'} $1
          ORDER BY seq ${isAscending ? 'ASC' : 'DESC'} LIMIT $2`,
        [after, size, ...values],
      );
      yield* this.#recordsIn(rows);
      if (rows.length < size) return;
      after = rows.at(-1)?.seq;
    }
  }

  async open(): Promise<JobRecord[]> {
    return (await this.#select('is_open ORDER BY seq DESC')).filter(isOpen);
  }

  withIds(ids: readonly string[]): Promise<JobRecord[]> {
    return this.#select(
      'key IN (SELECT key FROM sora.name WHERE is_id AND name = ANY($1)) ORDER BY seq',
      ids.map(plain),
    );
  }

  async byEnding(ending: string): Promise<JobRecord[]> {
    const named = 'key IN (SELECT key FROM sora.name WHERE is_shown AND ending = $1) ORDER BY seq DESC';
    const records = await this.#select(named, plain(endingOf(ending)));
    return records.filter(({ key, job }) => key.endsWith(ending) || job?.id.endsWith(ending));
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
    return readTeamCaps(this.database);
  }

  /** Stores caps of the team, in micro-dollars; null removes one. Waits for reservations under way. */
  setTeamCaps(caps: ReadonlyMap<string, number | null>): Promise<void> {
    return this.database.transaction((transaction) => writeTeamCaps(transaction, caps));
  }

  async durationsMs(profile: string, model: string | null, limit: number): Promise<number[]> {
    const rows = await this.database.query(
      `SELECT duration_ms FROM sora.submission
        WHERE profile = $1 AND model IS NOT DISTINCT FROM $2 AND duration_ms IS NOT NULL ORDER BY seq DESC LIMIT $3`,
      [plain(profile), model && plain(model), limit],
    );
    return rows.map((row) => Number(row.duration_ms));
  }

  /** A standby, and a role without the right to write, refuse to update nothing, too. Damage shows when a submission is read. */
  async requireUsable(): Promise<void> {
    await this.database.queryNow('UPDATE sora.spent SET micros = micros WHERE false');
  }

  /** What `doctor` shows. Throws what `requireUsable` throws. */
  async describe(): Promise<string> {
    await this.requireUsable();
    const [row] = await this.database.query("SELECT current_setting('server_version') AS version");
    const caps = (await this.teamCaps()).map(({ name, capMicros }) => `${name} ${formatUsd(capMicros)}`);
    return `${this.name}, PostgreSQL ${row?.version}${caps.length > 0 ? `; caps of the team: ${caps.join(', ')}` : ''}`;
  }

  /** Compares the sums of scopes with all submissions, and corrects them if asked to. */
  audit(isCorrected: boolean): Promise<LedgerAudit> {
    return this.database.transaction((transaction) => auditLedger(transaction, this.name, isCorrected));
  }

  async #select(condition: string, ...values: readonly unknown[]): Promise<JobRecord[]> {
    return this.#recordsIn(await this.database.query(`SELECT lines FROM sora.submission WHERE ${condition}`, values));
  }

  #recordsIn(rows: readonly Row[]): JobRecord[] {
    return rows.map(({ lines }) => entryOf(this.name, String(lines)).record);
  }
}
