import { NOTHING_SPENT, type Tally } from '../domain/money.ts';
import type { JobRecord } from '../domain/record.ts';
import { type Claim, type SpentScope, type Standing, scopeOfCap } from './ledger.ts';
import { keyIsTaken } from './ledger-entry.ts';
import { encodeEvent } from './ledger-line.ts';
import type { Queries, Transaction } from './postgres.ts';
import {
  addCosts,
  type Change,
  COLUMNS,
  changeOf,
  entryOf,
  linesOf,
  plain,
  saveChanges,
  scopeName,
  scopesOf,
  sumsIn,
} from './postgres-submissions.ts';
import { readTeamCaps } from './postgres-team-caps.ts';

export interface PendingClaim {
  readonly claim: Claim;
  /** May be asked again, if the transaction is. */
  isRefused(standing: Standing): boolean;
}

/**
 * Records the claims that are not refused, in their order, with one lock on each sum for all of them. Returns which were
 * refused.
 */
export async function reserveAll(
  transaction: Transaction,
  ledger: string,
  pending: readonly PendingClaim[],
): Promise<readonly boolean[]> {
  const claims = pending.map(({ claim }) => claim);
  const stored = storedAmong(transaction, ledger, claims);
  lockSame(transaction, claims);
  const changes = claims.map(({ intent }) => changeOf(ledger, intent.key, undefined, [encodeEvent(intent)]));
  const paid = changes.filter(({ after }) => !after.record.free);
  const scopes = [...claims.flatMap((claim) => claim.scopes), ...paid.flatMap(({ after }) => scopesOf(after.record))];
  // Sent together, so that these locks are held as short as possible. The caps of the team cannot change meanwhile.
  const [isStored, caps, sums, standing] = await Promise.all([
    stored,
    paid.length === 0 ? [] : readTeamCaps(transaction, 'FOR SHARE'),
    lockSums(transaction, [...new Set(scopes.map(scopeName))].sort()),
    standingOf(transaction, ledger, claims),
  ]);
  const spentIn = (scope: SpentScope): Tally => sums.get(scopeName(scope)) ?? NOTHING_SPENT;
  const accepted: Change[] = [];
  const areRefused = pending.map(({ claim: { intent, same, scopes }, isRefused }, at) => {
    const change = changes[at];
    if (change === undefined || isStored.has(intent.key)) return false; // committed before, unconfirmed
    if (accepted.some(({ after }) => after.record.key === intent.key)) throw keyIsTaken(ledger, intent);
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
    addCosts(sums, [change]);
    return false;
  });
  saveChanges(transaction, accepted);
  return areRefused;
}

/** The keys of intents that are stored already. Throws for a key of another intent. */
async function storedAmong(queries: Queries, ledger: string, claims: readonly Claim[]): Promise<ReadonlySet<string>> {
  const stored = await linesOf(
    queries,
    claims.map(({ intent }) => intent.key),
  );
  for (const { intent } of claims) {
    if (stored.get(intent.key)?.startsWith(encodeEvent(intent)) === false) throw keyIsTaken(ledger, intent);
  }
  return new Set(stored.keys());
}

/** Transactions that look for the same submissions wait for each other. */
function lockSame(transaction: Transaction, claims: readonly Claim[]): void {
  const names = [...new Set(claims.flatMap(({ same }) => (same === null ? [] : [sameName(same)])))];
  if (names.length === 0) return;
  transaction.send(
    `SELECT pg_advisory_xact_lock(name)
      FROM (SELECT DISTINCT hashtextextended(name, 0) AS name FROM unnest($1::text[]) name ORDER BY 1) names`,
    [names],
  );
}

/** The name that transactions lock. */
function sameName({ by, value }: NonNullable<Claim['same']>): string {
  return `${COLUMNS[by]}:${plain(value)}`;
}

/** The sums of scopes, locked until the end of the transaction. All transactions lock them in this order. */
async function lockSums(transaction: Transaction, scopes: readonly string[]): Promise<Map<string, Tally>> {
  transaction.send(
    'INSERT INTO sora.spent SELECT scope, 0, 0 FROM unnest($1::text[]) scope ORDER BY scope ON CONFLICT DO NOTHING',
    [scopes],
  );
  return sumsIn(
    await transaction.query(
      'SELECT scope, micros, unpriced FROM sora.spent WHERE scope = ANY($1) ORDER BY scope FOR UPDATE',
      [scopes],
    ),
  );
}

/** By `sameName`, the submissions that may make claims unnecessary, oldest first. */
async function standingOf(
  queries: Queries,
  ledger: string,
  claims: readonly Claim[],
): Promise<ReadonlyMap<string, JobRecord[]>> {
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
      standing.get(`${column}:${value}`)?.push(entryOf(ledger, String(lines)).record);
  });
  await Promise.all(looks);
  return standing;
}
