import { type Charge, chargeOf, DOUBTS, type Doubt } from './charge.ts';
import type { JobRecord } from './record.ts';

/** Jobs that are in doubt for the same reason. */
export interface DoubtfulJobs {
  readonly doubt: Doubt;
  readonly jobs: number;
  /** Null where one of them has no estimate. */
  readonly estimatedMicros: number | null;
}

/** What some jobs cost together. What the server told, what is estimated and what is not known stay apart. */
export class Spent {
  /** Those that the server took, or may have taken. */
  jobs = 0;
  /** Of the jobs whose price the server did not tell; null where there are none. */
  estimatedMicros: number | null = null;
  /** Of the jobs whose price the server told; null where there are none. */
  actualMicros: number | null = null;
  /** Submissions that made nothing and cost nothing. */
  refused = 0;
  /** Jobs of the simulator, which are no part of anything else here. */
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

  /** What is known to be spent: told by the server, or else estimated. Null where nothing is known of any job. */
  get spentMicros(): number | null {
    if (this.jobs > 0 && this.jobs === this.doubtfulJobs) return null;
    return (this.estimatedMicros ?? 0) + (this.actualMicros ?? 0);
  }

  /** The jobs whose cost is not known, by the reason. */
  get doubtful(): readonly DoubtfulJobs[] {
    return DOUBTS.flatMap((doubt) => this.#doubtful.get(doubt) ?? []);
  }

  /** How much the jobs in doubt were estimated at; null where one of them has no estimate. */
  get doubtfulMicros(): number | null {
    return this.doubtful.reduce<number | null>((sum, { estimatedMicros }) => plus(sum, estimatedMicros), 0);
  }

  get doubtfulJobs(): number {
    return this.doubtful.reduce((sum, { jobs }) => sum + jobs, 0);
  }

  /** What is spent, and what may be. */
  get mostMicros(): number {
    return (this.spentMicros ?? 0) + (this.doubtfulMicros ?? 0);
  }
}

function plus(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

export interface SpentReport {
  /** Null is the name of what has none. */
  readonly groups: readonly (readonly [name: string | null, spent: Spent])[];
  readonly total: Spent;
}

/** Sums up records, all of them and by the name that each is given. The simulator’s are counted in the total only. */
export function sumSpent(records: Iterable<JobRecord>, nameOf: (record: JobRecord) => string | null): SpentReport {
  const groups = new Map<string | null, Spent>();
  const total = new Spent();
  for (const record of records) {
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
