import { SoraError } from '../domain/errors.ts';
import { formatUsd, usdOf } from '../domain/money.ts';
import { statusOf } from '../domain/record.ts';
import { chargeOf } from '../domain/spent.ts';
import { isTerminal } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';

export interface BudgetOptions {
  /** Whether orders cost nothing. */
  readonly isFree: boolean;
  /** Names this run of the service in the ledger, so that the cap holds there too. */
  readonly session: string;
  /** For all orders of this run, in micro-dollars; null without a cap. */
  readonly maxCostMicros: number | null;
  /** For one order; null without a cap. */
  readonly maxOrderMicros: number | null;
  /** An order above this price needs approval. */
  readonly confirmAboveMicros: number;
  readonly ledger: Pick<Ledger, 'list'>;
  /** What orders cost that are counted elsewhere, in micro-dollars; left out if there are none. */
  readonly spentElsewhere?: () => Promise<number>;
}

/** What the orders of one run of the service may cost, and what they have cost. */
export class Budget {
  readonly options: BudgetOptions;
  /** The estimate of each order, by its job; null where the price is unknown. */
  readonly #orders = new Map<string, number | null>();

  constructor(options: BudgetOptions) {
    this.options = options;
  }

  /** Counts an order; one that turns out to cost nothing is not counted any longer. */
  reserve(jobId: string, micros: number | null): void {
    this.#orders.set(jobId, micros);
  }

  release(jobId: string): void {
    this.#orders.delete(jobId);
  }

  /** The larger of estimate and reported cost until a job has ended, then what was reported; of all orders by default. */
  async spentMicros(orders = [...this.#orders]): Promise<number> {
    const costs = await Promise.all(orders.map(([jobId, micros]) => this.#costOf(jobId, micros ?? 0)));
    const elsewhere = (await this.options.spentElsewhere?.()) ?? 0;
    return costs.reduce((sum, micros) => sum + micros, elsewhere);
  }

  async #costOf(jobId: string, estimatedMicros: number): Promise<number> {
    const record = (await this.options.ledger.list({ by: 'row', value: jobId })).at(-1);
    if (record === undefined) return estimatedMicros;
    const charge = chargeOf(record);
    if (charge.kind === 'free' || charge.kind === 'nothing') return 0;
    if (charge.kind !== 'actual') return estimatedMicros;
    return isTerminal(statusOf(record)) ? charge.micros : Math.max(charge.micros, estimatedMicros);
  }

  /**
   * Counts an order that is within the caps; concurrent orders see it at once. Throws `cost_cap_exceeded` for one over a cap,
   * or at a price that needs approval. `approvedMicros` is the most that the client agrees to pay for it; null if it did
   * not say.
   */
  async admit(jobId: string, micros: number | null, approvedMicros: number | null): Promise<void> {
    const earlier = [...this.#orders];
    this.reserve(jobId, micros);
    try {
      const isCapped = this.options.maxCostMicros !== null && micros !== null;
      this.check(micros, approvedMicros, isCapped ? await this.spentMicros(earlier) : 0);
    } catch (error) {
      this.release(jobId);
      throw error;
    }
  }

  /** The same for an order that is counted elsewhere, as those before it, which cost `spentMicros`. */
  check(micros: number | null, approvedMicros: number | null, spentMicros: number): void {
    const { isFree, maxCostMicros, maxOrderMicros, confirmAboveMicros } = this.options;
    if (isFree) return;
    const caps = [maxCostMicros, maxOrderMicros, approvedMicros].filter((cap) => cap !== null);
    if (micros === null) {
      if (caps.length === 0) return;
      throw refusal('the price of this video is unknown, so no cap can be enforced', [
        approvedMicros === null ? 'choose a model and size that have a price' : 'leave out `maxCostUsd`',
        'ask the operator of this server to set a price in its profile',
      ]);
    }
    const price = formatUsd(micros);
    if (maxCostMicros !== null && spentMicros + micros > maxCostMicros) {
      const left = formatUsd(Math.max(0, maxCostMicros - spentMicros));
      throw refusal(
        `this video would cost ${price}, but only ${left} of the cap of ${formatUsd(maxCostMicros)} is left`,
        ['order a shorter or smaller video', 'ask the operator of this server to start it with a higher `--max-cost`'],
      );
    }
    if (maxOrderMicros !== null && micros > maxOrderMicros) {
      throw refusal(`this video would cost ${price}, more than the cap of ${formatUsd(maxOrderMicros)} for one video`, [
        'order a shorter or smaller video',
        'ask the operator of this server to raise `max_cost`',
      ]);
    }
    if (micros <= (approvedMicros ?? confirmAboveMicros)) return;
    throw refusal(
      approvedMicros === null
        ? `this video would cost ${price}, which needs approval`
        : `this video would cost ${price}, more than the approved ${formatUsd(approvedMicros)}`,
      [`send \`"maxCostUsd": ${usdOf(micros)}\` with the order to approve the price`],
    );
  }
}

function refusal(title: string, hints: readonly string[]): SoraError {
  return new SoraError('cost_cap_exceeded', { title, hints });
}
