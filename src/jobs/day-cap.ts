import { SoraError } from '../domain/errors.ts';
import { formatUsd, plainUsd } from '../domain/money.ts';
import type { Tally } from '../store/ledger.ts';

export interface DayCap {
  /** `YYYY-MM-DD` in UTC. */
  readonly day: string;
  /** The profile whose spending counts; null for all spending. */
  readonly profile: string | null;
  /** The person whose spending counts; null for everybody’s. */
  readonly user: string | null;
  readonly capMicros: number;
}

/** The `cost_cap_exceeded` of what would exceed the cap of its day, or cannot be compared with it; null when it is within. */
export function overDayCap(
  spent: Tally,
  micros: number | null,
  { day, profile, user, capMicros }: DayCap,
): SoraError | null {
  const totalMicros = spent.micros + (micros ?? 0);
  if (micros !== null && spent.unpriced === 0 && totalMicros <= capMicros) return null;
  const name = user === null ? 'max_cost_per_day' : 'max_cost_per_day_per_user';
  const setting = profile === null ? name : `profiles.${profile}.${name}`;
  const whose = user === null ? '' : ` of ${user === '' ? 'unknown users' : `user ${user}`}`;
  const cap = `the cap of ${formatUsd(capMicros)} for the day${whose} (${day}, UTC)`;
  if (micros === null || spent.unpriced > 0) {
    const which = micros === null ? 'this video' : `${spent.unpriced} earlier ${spent.unpriced === 1 ? 'job' : 'jobs'}`;
    return new SoraError('cost_cap_exceeded', {
      title: `the price of ${which} is unknown, so ${cap} cannot be enforced`,
      hints: [
        micros === null
          ? 'run `sora cost` with the same options to see how to set the price'
          : 'run `sora cost --spent` to see what is known of them',
        `run \`sora config unset ${setting}\` to continue without the cap`,
      ],
    });
  }
  return new SoraError('cost_cap_exceeded', {
    title: `this would bring the day${whose} (${day}, UTC) to ${formatUsd(totalMicros)}, over its cap of ${formatUsd(capMicros)}`,
    hints: [
      `run \`sora config set ${setting} ${plainUsd(totalMicros)}\` to raise the cap`,
      'run `sora config list` to see the caps in effect',
    ],
  });
}
