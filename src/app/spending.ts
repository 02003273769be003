import type { Configuration } from '../configuration/configuration.ts';
import { SoraError, type SoraErrorDetails } from '../domain/errors.ts';
import { formatUsd, parseUsd } from '../domain/money.ts';
import { confirm } from '../output/prompt.ts';
import type { Context } from './context.ts';

export interface Spending {
  /** What all of it is estimated to cost; null where no price is known. */
  readonly micros: number | null;
  /** What the same has cost already; the cap is for both. */
  readonly spentMicros?: number;
  /** There is more whose price is not known. */
  readonly isMore?: boolean;
  /** `--max-cost`, in micro-dollars. */
  readonly maxCostMicros: number | null;
  /** `--yes`. */
  readonly isAgreed: boolean;
}

/** `--max-cost`; an unreadable amount is added to the faults. */
export function parseMaxCost(text: string | undefined, faults: string[]): number | null {
  if (text === undefined) return null;
  const micros = parseUsd(text);
  if (micros === undefined) faults.push(`\`--max-cost ${text}\` is not an amount in dollars, such as 2.50`);
  return micros ?? null;
}

/**
 * Enforces the caps and asks for consent before anything is sent. Throws
 * `cost_cap_exceeded`. Where nobody can be asked, silence means no.
 */
export async function agreeToSpend(
  spending: Spending,
  { configuration, host, isInteractive }: Pick<Context, 'configuration' | 'host' | 'isInteractive'>,
): Promise<void> {
  const { micros, maxCostMicros, isAgreed, spentMicros = 0, isMore = false } = spending;
  if (configuration.isSimulator) return;
  const cap = maxCostMicros === null ? configuration.maxCostMicros : { value: maxCostMicros, origin: '--max-cost' };
  enforceCap({ micros: isMore ? null : micros, spentMicros }, cap);
  const threshold = configuration.confirmAboveMicros;
  if (micros === null || micros <= threshold.value || isAgreed || maxCostMicros !== null) return;
  if (!isInteractive) {
    throw new SoraError('cost_cap_exceeded', {
      title: `this would cost ${formatUsd(micros)}; above ${formatUsd(threshold.value)} it needs confirmation, and there is no terminal to ask`,
      facts: { needed_usd: formatUsd(micros).slice(1) },
    });
  }
  const agreed = await confirm(`This will cost about ${formatUsd(micros)}. Continue?`, host);
  if (!agreed) throw new SoraError('cost_cap_exceeded', { title: `cancelled: ${formatUsd(micros)} was not approved` });
}

/** Throws `cost_cap_exceeded` for what would cost more than a command may, or nobody knows how much. */
export function enforceCap(
  { micros, spentMicros = 0 }: Pick<Spending, 'micros' | 'spentMicros'>,
  cap: Configuration['maxCostMicros'],
  details: Pick<SoraErrorDetails, 'hints'> = {},
): void {
  if (cap === null) return;
  if (micros === null) {
    throw new SoraError('cost_cap_exceeded', {
      title: `the price is unknown, so the cap of ${formatUsd(cap.value)} (${cap.origin}) cannot be enforced`,
      hints: [
        'remove the cap to continue without a known price',
        'run `sora cost` with the same options to see how to set the price',
      ],
      ...details,
    });
  }
  const totalMicros = spentMicros + micros;
  if (totalMicros > cap.value) {
    const already = spentMicros > 0 ? ` on top of ${formatUsd(spentMicros)} already spent` : '';
    throw new SoraError('cost_cap_exceeded', {
      title: `this would cost ${formatUsd(micros)}${already}, more than the cap of ${formatUsd(cap.value)} (${cap.origin})`,
      facts: { needed_usd: formatUsd(totalMicros).slice(1) },
      ...details,
    });
  }
}
