import { SoraError } from '../domain/errors.ts';
import { formatUsd, plainUsd, type Tally } from '../domain/money.ts';
import { countOf } from '../domain/wording.ts';
import { type DayCap, type Spender, type SpentScope, scopeOfCap } from '../store/ledger.ts';

/** A limit on spending that the ledger enforces. */
export interface Cap {
  readonly scope: SpentScope;
  readonly reason: string;
  /** The `cost_cap_exceeded` of an order, given what was spent before it; null for one within the cap. */
  readonly excess: (spent: Tally, micros: number | null) => SoraError | null;
}

/** The cap for all submissions of a manifest through a profile. */
export function batchCap(batch: string, profile: string, capMicros: number): Cap {
  return {
    scope: { by: 'batch', value: batch, profile, user: null },
    reason: 'over the cap of its manifest',
    excess(spent, micros) {
      const isKnown = micros !== null && spent.unpriced === 0;
      if (isKnown && spent.micros + micros <= capMicros) return null;
      const cap = `the cap of ${formatUsd(capMicros)} for this manifest`;
      return new SoraError('cost_cap_exceeded', {
        title: isKnown ? `${cap} is spent` : `the price of a row is unknown, so ${cap} cannot be enforced`,
        hints: ['raise the cap with `--max-cost`', 'run `sora config list` to see the caps in effect'],
      });
    },
  };
}

/** The caps that a submission of this spender counts towards. */
export function dayCaps(caps: readonly DayCap[], spender: Spender, isOfTeam = false): Cap[] {
  return caps.flatMap((cap) => {
    const scope = scopeOfCap(cap, spender);
    return scope === null ? [] : [dayCap(cap, scope, isOfTeam)];
  });
}

/** The cap of a scope. That of a team is held by its ledger, and not by the settings of this machine. */
export function dayCap({ capMicros }: DayCap, scope: SpentScope, isOfTeam: boolean): Cap {
  return {
    scope,
    reason: 'over the cap of the day',
    excess: (spent, micros) => overDayCap(spent, micros, capMicros, scope, isOfTeam),
  };
}

/** The `cost_cap_exceeded` of a price that exceeds the cap of its day or cannot be compared with it; otherwise null. */
function overDayCap(
  spent: Tally,
  micros: number | null,
  capMicros: number,
  { value: day, profile, user }: SpentScope,
  isOfTeam: boolean,
): SoraError | null {
  const totalMicros = spent.micros + (micros ?? 0);
  if (micros !== null && spent.unpriced === 0 && totalMicros <= capMicros) return null;
  const name = user === null ? 'max_cost_per_day' : 'max_cost_per_day_per_user';
  const setting = profile === null ? name : `profiles.${profile}.${name}`;
  const whose = user === null ? '' : ` of ${user === '' ? 'unknown users' : `user ${user}`}`;
  const owner = isOfTeam ? 'the team’s cap' : 'the cap';
  const cap = `${owner} of ${formatUsd(capMicros)} for the day${whose} (${day}, UTC)`;
  if (micros === null || spent.unpriced > 0) {
    const which = micros === null ? 'this video' : countOf(spent.unpriced, 'earlier job');
    return new SoraError('cost_cap_exceeded', {
      title: `the price of ${which} is unknown, so ${cap} cannot be enforced`,
      hints: [
        micros === null
          ? 'run `sora cost` with the same options to see how to set the price'
          : 'run `sora cost --spent` to see what is known about them',
        `run \`${isOfTeam ? `sora ledger caps ${setting}=none` : `sora config unset ${setting}`}\` to continue without the cap`,
      ],
    });
  }
  return new SoraError('cost_cap_exceeded', {
    title: `this would bring the day${whose} (${day}, UTC) to ${formatUsd(totalMicros)}, over ${isOfTeam ? 'the team’s' : 'its'} cap of ${formatUsd(capMicros)}`,
    hints: isOfTeam
      ? [
          `run \`sora ledger caps ${setting}=${plainUsd(totalMicros)}\` to raise the cap for the team`,
          'run `sora ledger caps` to see the caps of the team',
        ]
      : [
          `run \`sora config set ${setting} ${plainUsd(totalMicros)}\` to raise the cap`,
          'run `sora config list` to see the caps in effect',
        ],
  });
}
