import { dayOf } from '../domain/day.ts';
import { SoraError, soraErrorOf } from '../domain/errors.ts';
import type { Tally } from '../domain/money.ts';
import type { IntentEvent, JobRecord, LedgerEvent } from '../domain/record.ts';
import { endsAlike, MIN_ENDING, shortId } from '../domain/short-id.ts';
import type { LedgerProblem } from './ledger-line.ts';

/** A query for records; `day` is `YYYY-MM-DD` in UTC. */
export type LedgerQuery =
  | { readonly by: 'everything' }
  | { readonly by: 'fingerprint' | 'row' | 'batch' | 'day'; readonly value: string };

/** Records are read in growing pages: a few are found quickly, and many take little memory. */
export const FIRST_PAGE = 32;
export const LARGEST_PAGE = 256;

export type LedgerOrder = 'oldest first' | 'newest first';

/** The user of submissions whose user is unknown. */
export const UNKNOWN_USER = '';

/** The spending to add up: of a day (UTC) or a manifest; of one profile or all, of one person or all. */
export interface SpentScope {
  readonly by: 'day' | 'batch';
  readonly value: string;
  readonly profile: string | null;
  readonly user: string | null;
}

/** A cap on the spending of a day (UTC). */
export interface DayCap {
  /** The profile whose spending counts; null for all spending. */
  readonly profile: string | null;
  /** Whether it is for each person, and not for all together. */
  readonly isPerUser: boolean;
  readonly capMicros: number;
}

/** One that is stored in the ledger, so that it holds on every machine. */
export interface TeamCap extends DayCap {
  /** That of the setting which does the same on one machine. */
  readonly name: string;
}

/** Who spends what counts towards caps. */
export type Spender = Pick<IntentEvent, 'atMs' | 'profile' | 'user'>;

/** What counts towards a cap; null if it is for another profile. */
export function scopeOfCap({ profile, isPerUser }: DayCap, spender: Spender): SpentScope | null {
  if (profile !== null && profile !== spender.profile) return null;
  return {
    by: 'day',
    value: dayOf(spender.atMs),
    profile,
    user: isPerUser ? (spender.user ?? UNKNOWN_USER) : null,
  };
}

/** An intent, with what decides whether it may be submitted. */
export interface Claim {
  readonly intent: IntentEvent;
  /** The submissions that may make this one unnecessary; null if there are none to consider. */
  readonly same: { readonly by: 'fingerprint' | 'row'; readonly value: string } | null;
  readonly scopes: readonly SpentScope[];
}

/** What the ledger holds before a claim. */
export interface Standing {
  /** Oldest first. */
  readonly same: readonly JobRecord[];
  /** One for each scope of the claim. */
  readonly spent: readonly Tally[];
  /** The caps of the team that apply, with what was spent in their scopes. */
  readonly team: readonly { readonly cap: TeamCap; readonly scope: SpentScope; readonly spent: Tally }[];
}

/**
 * Submissions, their outcomes, saved files and deletions, shared by any number of processes. An event resolves when
 * it is safe on disk.
 * Reads throw `invalid_config` or `ledger_unreachable`; writes `cannot_write` or `ledger_unreachable`.
 */
export abstract class Ledger {
  /** Where it is, for messages; without secrets. */
  abstract readonly name: string;

  abstract append(...events: readonly LedgerEvent[]): Promise<void>;

  /**
   * Records an intent if `judge` has no objection to the earlier ones, in one step: of several processes, each sees
   * the claims before its own. Returns the objection; null if the intent is recorded and may be sent. Throws
   * `ledger_damaged` for paid work if an unreadable part may hide a submission.
   */
  abstract reserve<T extends { readonly reason: string }>(
    claim: Claim,
    judge: (standing: Standing) => T | null,
  ): Promise<T | null>;

  /** For paid work that continues anyway: the error that prevented the write; null if the events are on disk. */
  tryAppend(...events: readonly LedgerEvent[]): Promise<SoraError | null> {
    return this.append(...events).then(() => null, soraErrorOf);
  }

  /** Keeps the ledger open until `release`, for thousands of appends. */
  hold(): void {}

  abstract release(): Promise<void>;

  abstract byKey(key: string): Promise<JobRecord | undefined>;

  /** Records in the order of their intents, with only some of them in memory. */
  abstract records(query: LedgerQuery, order: LedgerOrder): AsyncIterable<JobRecord>;

  /** All that `isOpen`, newest first. */
  abstract open(): Promise<JobRecord[]>;

  /** Those with one of these ids, oldest first. */
  abstract withIds(ids: readonly string[]): Promise<JobRecord[]>;

  /** Those whose id or key ends with a text of at least `MIN_ENDING` characters, newest first. */
  abstract byEnding(ending: string): Promise<JobRecord[]>;

  /** All ids and keys that end with one of these texts of `MIN_ENDING` characters. */
  abstract namesEnding(endings: readonly string[]): Promise<string[]>;

  /** The cost of the submissions of a scope. */
  abstract spent(scope: SpentScope): Promise<Tally>;

  /** The caps that are stored in it; none in a file, which is of one machine. */
  async teamCaps(): Promise<readonly TeamCap[]> {
    return [];
  }

  /** How long the last jobs for a requested model took to complete, latest submission first. */
  abstract durationsMs(profile: string, model: string | null, limit: number): Promise<number[]>;

  /** The unreadable and the lost parts; none in a database, which keeps its own checksums. */
  problems(): readonly LedgerProblem[] {
    return [];
  }

  /** Throws what would stop a paid submission now: `ledger_damaged`, or what reading and writing throw. Writes no event. */
  abstract requireUsable(): Promise<void>;

  /** The record of a key that was just written or read. Throws `ledger_damaged` if the ledger no longer has it. */
  async recordOf(key: string): Promise<JobRecord> {
    return this.known(key, await this.byKey(key));
  }

  protected known(key: string, record: JobRecord | undefined): JobRecord {
    if (record !== undefined) return record;
    throw new SoraError('ledger_damaged', {
      title: `${this.name} does not contain what was just written to it: ${key}`,
      submission: key,
    });
  }

  /** Newest first: two servers may have issued the same id. */
  async byId(id: string): Promise<JobRecord[]> {
    const records = await this.withIds([id]);
    return records.filter(({ job }) => job?.id === id).reverse();
  }

  /** By the ledger's key, or else by the server's id. */
  async find(idOrKey: string): Promise<JobRecord[]> {
    const record = await this.byKey(idOrKey);
    return record ? [record] : this.byId(idOrKey);
  }

  /** Oldest first. */
  async list(query: LedgerQuery): Promise<JobRecord[]> {
    const records: JobRecord[] = [];
    for await (const record of this.records(query, 'oldest first')) records.push(record);
    return records;
  }

  /** The newest records that match, newest first. */
  async newest(limit: number, isWanted: (record: JobRecord) => boolean = () => true): Promise<JobRecord[]> {
    const records: JobRecord[] = [];
    for await (const record of this.records({ by: 'everything' }, 'newest first')) {
      if (records.length >= limit) break;
      if (isWanted(record)) records.push(record);
    }
    return records;
  }

  /** Ids or keys as people see them: each by its unique ending, or by that of its key if the ids of a server end alike. */
  async shortIds(ids: readonly string[]): Promise<string[]> {
    const endings = await this.#uniqueEndings(ids);
    const alike = ids.filter((id, at) => endsAlike(id, endings[at] ?? ''));
    if (alike.length === 0) return endings;
    const keys = new Map((await this.withIds(alike)).map(({ key, job }) => [job?.id ?? key, key]));
    const keyEndings = await this.#uniqueEndings([...keys.values()]);
    const byId = new Map([...keys.keys()].map((id, at) => [id, keyEndings[at]]));
    return ids.map((id, at) => byId.get(id) ?? endings[at] ?? id);
  }

  /** Endings that no other id or key of the ledger or of these has. */
  async #uniqueEndings(ids: readonly string[]): Promise<string[]> {
    const alike = new Map<string, string[]>();
    for (const id of ids) alike.set(endingOf(id), []);
    for (const name of [...ids, ...(await this.namesEnding([...alike.keys()]))]) alike.get(endingOf(name))?.push(name);
    return ids.map((id) => shortId(id, alike.get(endingOf(id)) ?? []));
  }

  /** The same of one, to be named in a text; one that the ledger does not know stays whole. */
  async shortId(id: string): Promise<string> {
    const known = await this.find(id);
    const [short = id] = known.length > 0 ? await this.shortIds([id]) : [];
    return short;
  }
}

/** The part of an id or key by which it is looked up. */
export function endingOf(idOrKey: string): string {
  return idOrKey.slice(-MIN_ENDING);
}
