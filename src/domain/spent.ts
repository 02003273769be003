import { failureOf } from './job-failure.ts';
import { ABANDONED, type JobRecord, spentMicros, statusOf } from './record.ts';
import { isTerminal } from './video.ts';

/** Why the charge of a job is unknown. */
const DOUBTS = ['failed', 'moderation_blocked', 'cancelled', 'expired', 'outcome_unknown', 'no_price'] as const;
export type Doubt = (typeof DOUBTS)[number];

/** The known cost of a submission, in micro-dollars. */
export type Charge =
  /** The simulator. */
  | { readonly kind: 'free' }
  /** Refused by the server, or withdrawn before it was sent: nothing was created. */
  | { readonly kind: 'nothing' }
  /** The job has ended, and the server reported its price. */
  | { readonly kind: 'actual'; readonly micros: number }
  /** The job was created at a known price. */
  | { readonly kind: 'estimated'; readonly micros: number }
  | { readonly kind: 'unknown'; readonly doubt: Doubt; readonly estimatedMicros: number | null };

/** A job that ended without a video may be charged or not: no server publishes a rule, so its charge is unknown. */
export function chargeOf(record: JobRecord): Charge {
  if (record.free) return { kind: 'free' };
  if (record.answer === 'rejected' && record.refusal?.code !== ABANDONED) return { kind: 'nothing' };
  const { estimatedMicros, job } = record;
  const actualMicros = job !== null && isTerminal(job.status) ? job.actualMicros : null;
  if (actualMicros !== null) return { kind: 'actual', micros: actualMicros };
  const doubt = doubtOf(record);
  if (doubt !== null) return { kind: 'unknown', doubt, estimatedMicros };
  const micros = spentMicros(record);
  return micros === null ? { kind: 'unknown', doubt: 'no_price', estimatedMicros } : { kind: 'estimated', micros };
}

function doubtOf(record: JobRecord): Doubt | null {
  const { job, files } = record;
  if (job === null) return 'outcome_unknown';
  switch (statusOf(record)) {
    case 'failed':
      return failureOf(job)?.code === 'moderation_blocked' ? 'moderation_blocked' : 'failed';
    case 'cancelled':
      return 'cancelled';
    case 'expired': // a video, or a job that never produced one
      return job.completedAtMs === null && files.length === 0 ? 'expired' : null;
    default:
      return null;
  }
}

export interface DoubtfulJobs {
  readonly doubt: Doubt;
  readonly jobs: number;
  /** Null if one of them has no estimate. */
  readonly estimatedMicros: number | null;
}

/** The total cost of some jobs. Reported, estimated and unknown costs are kept apart. */
export class Spent {
  /** Jobs that the server accepted, or may have accepted. */
  jobs = 0;
  /** Of the jobs whose cost the server did not report; null if there are none. */
  estimatedMicros: number | null = null;
  /** Of the jobs whose cost the server reported; null if there are none. */
  actualMicros: number | null = null;
  /** Submissions that created nothing and cost nothing. */
  refused = 0;
  /** Simulated jobs, which count nowhere else here. */
  simulated = 0;
  readonly #doubtful = new Map<Doubt, DoubtfulJobs>();

  add(charge: Charge): void {
    switch (charge.kind) {
      case 'free':
        this.simulated++;
        return;
      case 'nothing':
        this.refused++;
        return;
      case 'actual':
        this.actualMicros = (this.actualMicros ?? 0) + charge.micros;
        break;
      case 'estimated':
        this.estimatedMicros = (this.estimatedMicros ?? 0) + charge.micros;
        break;
      case 'unknown':
        this.#addDoubt(charge.doubt, charge.estimatedMicros);
    }
    this.jobs++;
  }

  #addDoubt(doubt: Doubt, micros: number | null): void {
    const { jobs, estimatedMicros } = this.#doubtful.get(doubt) ?? { jobs: 0, estimatedMicros: 0 };
    this.#doubtful.set(doubt, { doubt, jobs: jobs + 1, estimatedMicros: plus(estimatedMicros, micros) });
  }

  /** Known spending: reported by the server, or else estimated. Null if nothing is known. */
  get spentMicros(): number | null {
    if (this.jobs > 0 && this.jobs === this.doubtfulJobs) return null;
    return (this.estimatedMicros ?? 0) + (this.actualMicros ?? 0);
  }

  /** The jobs with unknown cost, by reason. */
  get doubtful(): readonly DoubtfulJobs[] {
    return DOUBTS.flatMap((doubt) => this.#doubtful.get(doubt) ?? []);
  }

  /** The total estimate of the jobs in doubt; null if one of them has no estimate. */
  get doubtfulMicros(): number | null {
    return this.doubtful.reduce<number | null>((sum, { estimatedMicros }) => plus(sum, estimatedMicros), 0);
  }

  get doubtfulJobs(): number {
    return this.doubtful.reduce((sum, { jobs }) => sum + jobs, 0);
  }

  /** Known spending plus what may have been spent. */
  get mostMicros(): number {
    return (this.spentMicros ?? 0) + (this.doubtfulMicros ?? 0);
  }
}

function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

export interface SpentReport {
  /** Null for jobs without this property. */
  readonly groups: readonly (readonly [name: string | null, spent: Spent])[];
  readonly total: Spent;
}

/** Sums up records, in total and grouped by name. Simulated jobs count in the total only. */
export async function sumSpent(
  records: AsyncIterable<JobRecord> | Iterable<JobRecord>,
  nameOf: (record: JobRecord) => string | null,
): Promise<SpentReport> {
  const groups = new Map<string | null, Spent>();
  const total = new Spent();
  for await (const record of records) {
    const charge = chargeOf(record);
    total.add(charge);
    if (charge.kind === 'free') continue;
    const name = nameOf(record);
    const group = groups.get(name) ?? new Spent();
    groups.set(name, group);
    group.add(charge);
  }
  return { groups: [...groups], total };
}
