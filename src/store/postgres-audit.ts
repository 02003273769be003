import { soraErrorOf } from '../domain/errors.ts';
import { NOTHING_SPENT, type Tally } from '../domain/money.ts';
import type { Row, Transaction } from './postgres.ts';
import { addCosts, addToSums, entryOf, sumsIn } from './postgres-submissions.ts';

const PAGE_SIZE = 1024;

export interface LedgerAudit {
  readonly submissions: number;
  readonly damage: readonly { readonly line: number; readonly key: string; readonly reason: string }[];
  /** Sums of days and manifests that are not those of their submissions. */
  readonly wrongSums: number;
}

/**
 * Reads every submission and compares the sums with them, while new submissions wait. Corrects the sums that differ if
 * `isCorrected`.
 */
export async function auditLedger(
  transaction: Transaction,
  ledger: string,
  isCorrected: boolean,
): Promise<LedgerAudit> {
  await transaction.query('LOCK TABLE sora.submission, sora.spent IN SHARE ROW EXCLUSIVE MODE');
  const damage: LedgerAudit['damage'][number][] = [];
  const costs = new Map<string, Tally>();
  let submissions = 0;
  for await (const { seq, key, lines } of allSubmissions(transaction)) {
    submissions++;
    try {
      addCosts(costs, [{ before: undefined, after: entryOf(ledger, String(lines)) }]);
    } catch (error) {
      damage.push({ line: Number(seq), key: String(key), reason: soraErrorOf(error).message });
    }
  }
  const sums = sumsIn(await transaction.query('SELECT scope, micros, unpriced FROM sora.spent'));
  const wrong = [...new Set([...costs.keys(), ...sums.keys()])].filter((scope) => {
    const [is, should] = [sums.get(scope) ?? NOTHING_SPENT, costs.get(scope) ?? NOTHING_SPENT];
    return is.micros !== should.micros || is.unpriced !== should.unpriced;
  });
  if (isCorrected && damage.length === 0) {
    await transaction.query('DELETE FROM sora.spent WHERE scope = ANY($1)', [wrong]);
    addToSums(transaction, new Map(wrong.map((scope) => [scope, costs.get(scope) ?? NOTHING_SPENT])));
  }
  return { submissions, damage, wrongSums: wrong.length };
}

async function* allSubmissions(transaction: Transaction): AsyncGenerator<Row> {
  for (let after: unknown = 0; ; ) {
    const rows: Row[] = await transaction.query(
      'SELECT seq, key, lines FROM sora.submission WHERE seq > $1 ORDER BY seq LIMIT $2',
      [after, PAGE_SIZE],
    );
    yield* rows;
    if (rows.length < PAGE_SIZE) return;
    after = rows.at(-1)?.seq;
  }
}
