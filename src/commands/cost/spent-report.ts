import type { Context } from '../../app/context.ts';
import { dayOf } from '../../domain/day.ts';
import { CUSTOM_PROFILE } from '../../domain/profile-names.ts';
import { isSplitIntoRows, type JobRecord } from '../../domain/record.ts';
import { type SpentReport, sumSpent } from '../../domain/spent.ts';
import type { Ledger } from '../../store/ledger.ts';

type ReportDeps = Pick<Context, 'ledger' | 'host' | 'options'>;

const DAY_MS = 86_400_000;
const MANY_DAYS = 400;

/** What spending is grouped by: the name of the group of a record. */
const GROUP_NAMES = {
  day: ({ submittedAtMs }) => dayOf(submittedAtMs),
  model: ({ request, job }) => request.model ?? job?.model ?? null,
  profile: ({ profile, baseUrl }) => (profile === CUSTOM_PROFILE ? baseUrl : profile), // several servers share this name
  batch: ({ batch }) => batch,
  user: ({ user }) => user ?? null,
  machine: ({ host }) => host ?? null,
} as const satisfies Readonly<Record<string, (record: JobRecord) => string | null>>;

type Grouping = keyof typeof GROUP_NAMES;
export const GROUPINGS = Object.keys(GROUP_NAMES) as Grouping[];

/** Sums up the named part of the ledger since then: days in order, other groups by spending, the highest first. */
export async function reportSpent(by: Grouping, sinceMs: number | null, deps: ReportDeps): Promise<SpentReport> {
  const records = wantedRecords(sinceMs ?? Number.NEGATIVE_INFINITY, deps);
  const { groups, total } = await sumSpent(records, GROUP_NAMES[by]);
  const sorted = [...groups].sort(([name, a], [otherName, b]) => {
    const byName = (name ?? '') < (otherName ?? '') ? -1 : 1;
    return by === 'day' ? byName : b.mostMicros - a.mostMicros || byName;
  });
  return { groups: sorted, total };
}

async function* wantedRecords(sinceMs: number, { ledger, host, options }: ReportDeps): AsyncGenerator<JobRecord> {
  const { profile, baseUrl } = options;
  for await (const record of recordsAround(sinceMs, host.clock.now(), ledger)) {
    const isNamed = (profile ?? record.profile) === record.profile && (baseUrl ?? record.baseUrl) === record.baseUrl;
    if (isNamed && record.submittedAtMs >= sinceMs && !isSplitIntoRows(record)) yield record;
  }
}

/** At least the records since then. A few days are looked up by day; many are faster to read as a whole. */
async function* recordsAround(sinceMs: number, nowMs: number, ledger: Ledger): AsyncGenerator<JobRecord> {
  if (nowMs - sinceMs > MANY_DAYS * DAY_MS) {
    yield* ledger.records({ by: 'everything' }, 'oldest first');
    return;
  }
  const lastDay = dayOf(nowMs + DAY_MS); // tomorrow: another machine's clock may be ahead
  for (let timeMs = sinceMs; dayOf(timeMs) <= lastDay; timeMs += DAY_MS) {
    yield* ledger.records({ by: 'day', value: dayOf(timeMs) }, 'oldest first');
  }
}
