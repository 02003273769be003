import { isReservedName } from '../domain/profile-names.ts';
import type { TeamCap } from './ledger.ts';
import type { Queries } from './postgres.ts';

/** The parts of a cap’s name; undefined if there is no such cap. */
export function parseCapName(name: string): Pick<TeamCap, 'profile' | 'isPerUser'> | undefined {
  const [isCap, profile = null, perUser] = /^(?:profiles\.([\w-]+)\.)?max_cost_per_day(_per_user)?$/.exec(name) ?? [];
  if (isCap === undefined || (profile !== null && isReservedName(profile))) return undefined;
  return { profile, isPerUser: perUser !== undefined };
}

export async function readTeamCaps(queries: Queries, lock: 'FOR SHARE' | '' = ''): Promise<TeamCap[]> {
  const rows = await queries.query(`SELECT name, micros FROM sora.cap ORDER BY name ${lock}`);
  return rows.flatMap(({ name, micros }) => {
    const parts = parseCapName(String(name));
    return parts === undefined ? [] : [{ name: String(name), ...parts, capMicros: Number(micros) }];
  });
}

/** Stores caps in micro-dollars; null removes one. Waits for reservations under way. */
export async function writeTeamCaps(queries: Queries, caps: ReadonlyMap<string, number | null>): Promise<void> {
  await queries.query('LOCK TABLE sora.cap IN EXCLUSIVE MODE');
  await queries.query('DELETE FROM sora.cap WHERE name = ANY($1)', [[...caps.keys()]]);
  for (const [name, micros] of caps) {
    if (micros !== null) await queries.query('INSERT INTO sora.cap (name, micros) VALUES ($1, $2)', [name, micros]);
  }
}
