import { minus, NOTHING_SPENT, plus, type Tally } from '../domain/money.ts';
import { applyEvent, costOf, type JobRecord, type LedgerEvent, type RecordedRequest } from '../domain/record.ts';
import { type SpentScope, UNKNOWN_USER } from './ledger.ts';
import { termsOf } from './ledger-terms.ts';

/** Without the request: the tally of a long day keeps thousands of records. */
const NO_REQUEST: RecordedRequest = {
  prompt: '',
  model: null,
  seconds: null,
  size: null,
  quality: null,
  image: null,
  characters: [],
  params: {},
};

/**
 * The cost of the submissions under a term (a day, a manifest), updated with each new event, because a cap is checked
 * before each of thousands of creates.
 */
export class LedgerTally {
  readonly term: string;
  readonly #records = new Map<string, JobRecord>();
  /** Ordered by intent. */
  readonly #keys: string[] = [];
  /** By profile and person. */
  readonly #sums = new Map<string, Group & { readonly tally: Tally }>();

  constructor(term: string, entries: Iterable<{ readonly record: JobRecord }>) {
    this.term = term;
    for (const { record } of entries) this.#keep(record);
  }

  /** Of all submissions, or of those before this one; of one profile, one person, or all. */
  sumBefore(key: string | null, group: Group): Tally {
    let sum = [...this.#sums.values()]
      .filter((of) => isIn(group, of))
      .reduce((all, { tally }) => plus(all, tally), NOTHING_SPENT);
    for (let at = this.#keys.length - 1; at >= 0 && key !== null; at--) {
      const record = this.#records.get(this.#keys[at] ?? '');
      if (record !== undefined && isIn(group, groupOf(record))) sum = minus(sum, costOf(record));
      if (record?.key === key) break;
    }
    return sum;
  }

  add(event: LedgerEvent): void {
    const known = this.#records.get(event.key);
    if (known === undefined && !termsOf(event).includes(this.term)) return;
    const record = applyEvent(known, event);
    if (record !== undefined && record !== known) this.#keep(record);
  }

  #keep(record: JobRecord): void {
    const { key } = record;
    const known = this.#records.get(key);
    if (known === undefined) this.#keys.push(key);
    const group = groupOf(record);
    const name = JSON.stringify(group);
    const sum = this.#sums.get(name)?.tally ?? NOTHING_SPENT;
    const tally = plus(known === undefined ? sum : minus(sum, costOf(known)), costOf(record));
    this.#sums.set(name, { ...group, tally });
    this.#records.set(key, { ...record, request: NO_REQUEST, files: [] });
  }
}

/** Null for all. */
type Group = Pick<SpentScope, 'profile' | 'user'>;

function groupOf({ profile, user = UNKNOWN_USER }: JobRecord): Group {
  return { profile, user };
}

function isIn(group: Group, { profile, user }: Group): boolean {
  return (group.profile ?? profile) === profile && (group.user ?? user) === user;
}
