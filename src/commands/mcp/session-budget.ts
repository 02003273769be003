import { SoraError } from '../../domain/errors.ts';
import { formatUsd, usdOf } from '../../domain/money.ts';

/** What the calls of one session may spend together, in micro-dollars. */
export class SessionBudget {
  readonly #capMicros: number | null;
  readonly #spent = new Map<string, number>();
  #reservations = 0;

  /** Null: nothing may be spent. */
  constructor(capMicros: number | null) {
    this.#capMicros = capMicros;
  }

  get spentMicros(): number {
    return [...this.#spent.values()].reduce((sum, micros) => sum + micros, 0);
  }

  /**
   * Reserves the price of a call; the result is `settle`’s key. Throws `cost_cap_exceeded` for a price that is unknown, was not
   * approved in the call, or does not fit into what is left.
   */
  reserve(micros: number | null, approvedMicros: number | null): string {
    if (micros === null)
      throw refusal('the price is unknown, so no cap can be enforced', 'set a price in the profile (see `sora cost`)');
    const price = formatUsd(micros);
    if (approvedMicros === null || micros > approvedMicros)
      throw refusal(
        `this would cost ${price}, ${approvedMicros === null ? 'which needs approval' : `more than max_cost_usd (${formatUsd(approvedMicros)})`}`,
        `ask the user, then pass \`max_cost_usd: ${usdOf(micros)}\``,
      );
    if (this.#capMicros === null)
      throw refusal(
        `this would cost ${price}, and this session may not spend money`,
        'start `sora mcp` with `--max-cost USD`',
      );
    if (this.spentMicros + micros > this.#capMicros)
      throw refusal(
        `this would cost ${price}, and ${formatUsd(Math.max(0, this.#capMicros - this.spentMicros))} of the session’s ${formatUsd(this.#capMicros)} is left`,
        'ask the user to start `sora mcp` with a higher `--max-cost`',
      );
    const key = `reservation ${this.#reservations++}`;
    this.#spent.set(key, micros);
    return key;
  }

  /** Replaces a reservation with what the jobs cost by their submissions, each counted once; none: nothing was sent. */
  settle(key: string, costs: ReadonlyMap<string, number>): void {
    this.#spent.delete(key);
    this.record(costs);
  }

  /** Counts the larger of what was known and what a server reports now. */
  record(costs: ReadonlyMap<string, number>): void {
    for (const [submission, micros] of costs)
      this.#spent.set(submission, Math.max(micros, this.#spent.get(submission) ?? 0));
  }

  knows(submission: string): boolean {
    return this.#spent.has(submission);
  }
}

function refusal(title: string, hint: string): SoraError {
  return new SoraError('cost_cap_exceeded', { title, hints: [hint] });
}
