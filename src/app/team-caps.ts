import { USER_VARIABLES } from '../configuration/configuration.ts';
import { formatUsd, usdOf } from '../domain/money.ts';
import { scopeOfCap, type TeamCap } from '../store/ledger.ts';
import type { Context } from './context.ts';

/** A cap of the team, and what counts towards it today. */
export interface CapInForce {
  readonly cap: TeamCap;
  readonly spentMicros: number;
}

/** The caps of the team; those of each person with what this one has spent. */
export async function capsInForce({
  ledger,
  host,
  env,
}: Pick<Context, 'ledger' | 'host' | 'env'>): Promise<CapInForce[]> {
  const caps = await ledger.teamCaps();
  const own = { atMs: host.clock.now(), user: USER_VARIABLES.map((name) => env[name]?.trim()).find(Boolean) };
  return Promise.all(
    caps.map(async (cap) => {
      const scope = scopeOfCap(cap, { ...own, profile: cap.profile ?? '' });
      return { cap, spentMicros: scope === null ? 0 : (await ledger.spent(scope)).micros };
    }),
  );
}

/** For programs; the keys are a public interface. */
export function capJson({ cap, spentMicros }: CapInForce): Record<string, unknown> {
  return { name: cap.name, usd: usdOf(cap.capMicros), spent_today_usd: usdOf(spentMicros) };
}

export const CAP_JSON_SHAPE = '{"name","usd","spent_today_usd"}';

export function describeCap({ cap, spentMicros }: CapInForce): string {
  return `${cap.name}: ${formatUsd(spentMicros)} of ${formatUsd(cap.capMicros)} today`;
}
