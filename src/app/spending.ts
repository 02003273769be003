import type { Configuration } from '../configuration/configuration.ts';
import { SoraError, type SoraErrorDetails } from '../domain/errors.ts';
import { describePrice, formatUsd, NOTHING_SPENT, parseUsd, plainUsd, type Tally } from '../domain/money.ts';
import { isOwnNetwork } from '../domain/own-network.ts';
import { CUSTOM_PROFILE } from '../domain/profile-names.ts';
import { countOf } from '../domain/wording.ts';
import { confirm } from '../output/prompt.ts';
import type { Context } from './context.ts';

export interface Spending {
  /** The estimated cost of everything. */
  readonly price: Tally;
  /** The cost so far; the cap covers both. */
  readonly spent?: Tally;
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

/** Enforces the caps, and asks before anything is sent; silence means no. Throws `cost_cap_exceeded`. */
export async function agreeToSpend(
  spending: Spending,
  { configuration, host, isInteractive }: Pick<Context, 'configuration' | 'host' | 'isInteractive'>,
): Promise<void> {
  const { maxCostMicros, isAgreed } = spending;
  const { micros, unpriced } = spending.price;
  if (configuration.isSimulator) return;
  const cap = maxCostMicros === null ? configuration.maxCostMicros : { value: maxCostMicros, origin: '--max-cost' };
  enforceCap(spending, cap);
  const threshold = configuration.confirmAboveMicros.value;
  // A server in a private network is probably the user’s own; elsewhere, or among known prices, an unknown one may be high.
  const isProbablyFree = micros === 0 && isOwnNetwork(configuration.baseUrl.value);
  const isSmall = micros <= threshold && (unpriced === 0 || isProbablyFree);
  if (isSmall || isAgreed || maxCostMicros !== null) return;
  const price = describePrice(spending.price);
  if (!isInteractive) {
    throw new SoraError('cost_cap_exceeded', {
      title:
        unpriced > 0
          ? `confirmation is needed for ${price}, and there is no terminal to ask`
          : `this would cost ${price}; above ${formatUsd(threshold)} it needs confirmation, and there is no terminal to ask`,
      hints: [
        'add `--yes` to approve the price',
        unpriced > 0
          ? `run \`sora config set profiles.${nameInHint(configuration)}.price USD\` to set the price per second, or \`free\``
          : `add \`--max-cost ${plainUsd(micros)}\` to approve it up to that amount`,
        ...(unpriced > 0 ? [] : ['run `sora config set confirm_above AMOUNT` to approve more without being asked']),
      ],
    });
  }
  if (await confirm(`This will ${unpriced > 0 ? 'pay for' : 'cost about'} ${price}. Continue?`, host)) return;
  throw new SoraError('cost_cap_exceeded', {
    title: `cancelled: ${price} was not approved`,
    hints: ['run it again and answer `y`, or add `--yes`'],
  });
}

function nameInHint({ profile }: Configuration): string {
  return profile.value === CUSTOM_PROFILE ? 'NAME' : profile.value;
}

/** Throws `cost_cap_exceeded` if the cost is above the cap of a command, or unknown. */
export function enforceCap(
  { price, spent = NOTHING_SPENT }: Pick<Spending, 'price' | 'spent'>,
  cap: Configuration['maxCostMicros'],
  details: Pick<SoraErrorDetails, 'hints'> = {},
): void {
  if (cap === null) return;
  const amount = `the cap of ${formatUsd(cap.value)} (${cap.origin})`;
  if (price.unpriced > 0) {
    throw new SoraError('cost_cap_exceeded', {
      title: `the price is unknown, so ${amount} cannot be enforced`,
      hints: [
        cap.origin === '--max-cost'
          ? 'leave out `--max-cost`, and add `--yes` to approve the unknown price'
          : 'run `sora config list` to see where the cap is set',
        'run `sora cost` with the same options to see how to set the price',
      ],
    });
  }
  if (spent.unpriced > 0) {
    throw new SoraError('cost_cap_exceeded', {
      title: `${amount} cannot be enforced: the price of ${countOf(spent.unpriced, 'earlier job')} is unknown`,
      hints: ['run `sora cost --spent` to see what is known about them', 'leave out the cap to continue without it'],
    });
  }
  const totalMicros = spent.micros + price.micros;
  if (totalMicros <= cap.value) return;
  const already = spent.micros > 0 ? ` on top of ${formatUsd(spent.micros)} already spent` : '';
  throw new SoraError('cost_cap_exceeded', {
    title: `this would cost ${formatUsd(price.micros)}${already}, more than ${amount}`,
    hints: [
      `add \`--max-cost ${plainUsd(totalMicros)}\` to raise the cap for this command`,
      'run `sora config list` to see the caps that are set',
    ],
    ...details,
  });
}
